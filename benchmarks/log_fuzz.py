"""Damaged logs by the million lines: the parsers of the official tools' output must neither crash nor stall.

Logs in tests/data/logs are damaged at random (bytes, characters, numbers, fields, lines, order, ends) and imported.
Anything but a profile or a clear refusal counts as a failure.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import arguments, publish, table
from tflprof.errors import TflprofError
from tflprof.facts import DeviceFacts
from tflprof.logs.detect import read_log
from tflprof.logs.report import LogReport
from tflprof.measure.aggregate import Origin, assemble_log
from tflprof.model.build import build_micro
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.report.document import profile_document

LOGS = Path(__file__).resolve().parent.parent / "tests" / "data" / "logs"
ORIGIN = Origin("import", DeviceFacts("fuzz", "log", "unknown", "unknown"), "fuzz")
SHOWN_EVERY = 20
"""One log in so many also becomes a profile and its JSON, which takes most of the time."""
MODEL = "two_partitions"
"""Logs whose name has this are of the micro-model of that name, and are always imported with it."""

Damage = Callable[[random.Random, list[str]], None]


def flip_characters(rng: random.Random, lines: list[str]) -> None:
    """Some characters of a line become others."""
    at = rng.randrange(len(lines))
    text = list(lines[at])
    for _ in range(rng.randint(1, 4)):
        if text:
            text[rng.randrange(len(text))] = chr(
                rng.choice([rng.randrange(32, 127), rng.randrange(0x110000) & ~0xD800])
            )
    lines[at] = "".join(text)


def change_numbers(rng: random.Random, lines: list[str]) -> None:
    """Numbers become what numbers never are."""
    odd = [
        "nan",
        "-nan",
        "inf",
        "-inf",
        "1e308",
        "-1",
        "9" * 40,
        "1e-400",
        "",
        "0x10",
        "١٢",
        "1,5",
        "1e",
        ".",
    ]
    at = rng.randrange(len(lines))
    words = lines[at].split("\t")
    words[rng.randrange(len(words))] = rng.choice(odd) + rng.choice(["", "%"])
    lines[at] = "\t".join(words)


def move_fields(rng: random.Random, lines: list[str]) -> None:
    """Fields are lost, doubled or swapped."""
    at = rng.randrange(len(lines))
    mark = rng.choice(["\t", ",", " "])
    words = lines[at].split(mark)
    how = rng.randrange(3)
    if how == 0:
        rng.shuffle(words)
    elif how == 1:
        words.pop()
    else:
        words.append(words[0])
    lines[at] = mark.join(words)


def cut_line(rng: random.Random, lines: list[str]) -> None:
    """A line is cut in two, or two become one."""
    at = rng.randrange(len(lines))
    if rng.random() < 0.5:
        place = rng.randint(0, len(lines[at]))
        lines[at : at + 1] = [lines[at][:place], lines[at][place:]]
    else:
        lines[at : at + 2] = ["".join(lines[at : at + 2])]


def lose_lines(rng: random.Random, lines: list[str]) -> None:
    """Some lines are missing."""
    at = rng.randrange(len(lines))
    del lines[at : at + rng.randint(1, 5)]
    lines.append("")


def shuffle_lines(rng: random.Random, lines: list[str]) -> None:
    """Lines come in another order."""
    at = rng.randrange(len(lines))
    part = lines[at : at + 8]
    rng.shuffle(part)
    lines[at : at + 8] = part


def insert_noise(rng: random.Random, lines: list[str]) -> None:
    """Something else stands between, some of it very long."""
    pieces = [
        "\t",
        " ",
        ",",
        "%",
        "=",
        "[",
        "]",
        "1.0",
        "\x1b[0m",
        "> ",
        "```",
        "\r",
        "\0",
        "Delegate/",
        ":0",
        "é",
    ]
    size = rng.choice([1, 10, 100, 3000])
    noise = "".join(rng.choices(pieces, k=size)) if rng.random() < 0.7 else rng.choice(pieces) * size
    lines.insert(rng.randrange(len(lines)), noise)


def repeat_lines(rng: random.Random, lines: list[str]) -> None:
    """Lines come twice."""
    at = rng.randrange(len(lines))
    lines[at:at] = lines[at : at + rng.randint(1, 20)]


DAMAGES: tuple[Damage, ...] = (
    flip_characters,
    change_numbers,
    move_fields,
    cut_line,
    lose_lines,
    shuffle_lines,
    insert_noise,
    repeat_lines,
)


@dataclass
class Tally:
    """What came of the logs so far; ``slowest``: seconds for one log, and its lines."""

    lines: int = 0
    logs: int = 0
    profiles: int = 0
    failures: list[str] = field(default_factory=list)
    results: Counter[str] = field(default_factory=Counter)
    damages: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)


def damaged(rng: random.Random, data: bytes, tally: Tally) -> bytes:
    """A log with about one damage in ten lines; a binary one with some bytes changed."""
    if b"\0" in data[:400]:
        changed = bytearray(data)
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed[: rng.randint(1, len(changed))] if rng.random() < 0.3 else changed)
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(max(1, len(lines) // 10)):
        damage = rng.choice(DAMAGES)
        damage(rng, lines)
        tally.damages[damage.__name__] += 1
    encoded = "\n".join(lines).encode("utf-8", "surrogatepass")
    return encoded[: rng.randint(1, len(encoded))] if rng.random() < 0.1 else encoded


def feed(data: bytes, tally: Tally, model: Model | None) -> None:
    """Import one log and note what came of it."""
    begin = time.perf_counter()
    try:
        report = read_log(data, "fuzz")
        tally.results["read, all understood" if not report.unread else "read, lines reported"] += 1
        if model is not None or tally.logs % SHOWN_EVERY == 0:
            show(report, model)
            tally.profiles += 1
    except TflprofError:
        tally.results["refused"] += 1
    except Exception as error:  # noqa: BLE001 - any other end is what is looked for
        tally.failures.append(f"{type(error).__name__}: {error} in {data[:2000]!r}")
    lines = data.count(b"\n") + 1
    tally.slowest = max(tally.slowest, (time.perf_counter() - begin, lines))
    tally.lines += lines
    tally.logs += 1


def show(report: LogReport, model: Model | None) -> None:
    """Every run as a profile and its JSON."""
    for run in report.runs:
        profile_document(assemble_log(report, run, model, ORIGIN))


def fuzz(logs: Sequence[tuple[bytes, Model | None]], wanted: int, seed: int) -> Tally:
    """Feed damaged logs until so many lines were read."""
    rng, tally = random.Random(seed), Tally()
    while tally.lines < wanted:
        data, model = rng.choice(logs)
        feed(damaged(rng, data, tally), tally, model)
    return tally


def whole_logs() -> list[tuple[bytes, Model | None]]:
    """The logs to damage, with the model of those that have one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{MODEL}.tflite"
        path.write_bytes(build_micro(MODEL, "float32"))
        model = read_model(path)
    paths = [path for path in sorted(LOGS.iterdir()) if path.suffix not in (".json", ".md")]
    return [(path.read_bytes(), model if MODEL in path.name else None) for path in paths]


def main() -> None:
    """Run and publish."""
    options = arguments(__doc__ or "", lines=1_000_000, seed=1)
    logs = whole_logs()
    begin = time.perf_counter()
    tally = fuzz(logs, options.lines, options.seed)
    seconds = time.perf_counter() - begin
    data: dict[str, Any] = {
        "lines": tally.lines,
        "logs": tally.logs,
        "profiles": tally.profiles,
        "failures": tally.failures,
        "results": dict(tally.results),
        "damages": dict(tally.damages),
        "seconds": round(seconds, 1),
        "slowest_log_seconds": round(tally.slowest[0], 3),
        "seed": options.seed,
    }
    rows = [(name, str(count)) for name, count in tally.results.most_common()]
    text = (
        f"{tally.lines} lines in {tally.logs} damaged logs, made of {len(logs)} whole ones, in {seconds:.0f} s: "
        f"**{len(tally.failures)} failures**. The slowest log took {tally.slowest[0]:.2f} s "
        f"({tally.slowest[1]} lines). {tally.profiles} of them also became profiles and their JSON.\n\n"
        + table(("what came of a log", "logs"), rows)
        + "\n\n"
        + table(("damage", "times"), [(name, str(count)) for name, count in tally.damages.most_common()])
    )
    publish("log_fuzz", "Damaged logs", text, data, options.out)
    if tally.failures:
        raise SystemExit(f"{tally.failures[0]}")


if __name__ == "__main__":
    main()

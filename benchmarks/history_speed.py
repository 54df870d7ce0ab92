"""How long a history of 10,000 profiles takes: read for the first time, asked again, and with one new profile.

python -m benchmarks.history_speed [--profiles 10000] [--series 100] [--repetitions 10]

The profiles are made up: of one model of 31 layers, measured (12 processes, 2 blocks of 4 inferences each) or, every
fifth series, emulated; names, dates and noise differ. Every command is a process of its own, timed from its start to
its end.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import arguments, publish, table
from tests.factories import mobilenet
from tflprof.profile.store import write_profile

KEY = b"tflprof"
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP_FROM, STEP = 0.6, 1.05


def sources(folder: Path) -> list[Path]:
    """A measured profile of 31 layers with an interval, and an emulated one."""
    found = []
    for unit, options in (("ns", {"processes": 12, "blocks": 2, "inferences": 4}), ("instructions", {})):
        path = folder / f"{unit}.parquet"
        found.append(write_profile(mobilenet(unit, **options), path))
    return found


def variants(source: Path, count: int, number: int) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """A series of its own: another name, a date each, noise, and every second time a step."""
    samples = pq.read_table(source)
    document = json.loads(samples.schema.metadata[KEY])
    rng = np.random.default_rng(number)
    values, unit = np.asarray(samples["value"]), document["unit"]
    timed = np.asarray(samples["kind"]) != "memory"
    place = samples.schema.get_field_index("value")
    for i in range(count):
        factor = STEP if number % 2 and i >= STEP_FROM * count else 1.0
        factor *= rng.lognormal(0, 0.006) if unit == "ns" else 1.0
        document["created"] = (START + timedelta(hours=i * 6, minutes=number)).isoformat()
        document["model"]["name"] = f"model_{number:03}"
        changed = pa.array(np.where(timed, np.round(values * factor), values).astype(np.int64))
        yield document, samples.set_column(place, samples.schema.field(place), changed)


def fill(folder: Path, profiles: int, series: int) -> int:
    """Write the profiles; their bytes."""
    bases = sources(folder.parent)
    size = 0
    for number in range(series):
        below = folder / f"model_{number:03}"
        below.mkdir(parents=True)
        per_series = profiles // series + (number < profiles % series)
        for i, (document, samples) in enumerate(variants(bases[number % 5 == 4], per_series, number)):
            path = below / f"{i:05}.parquet"
            pq.write_table(
                samples.replace_schema_metadata({KEY: json.dumps(document).encode()}),
                path,
                compression="zstd",
            )
            size += path.stat().st_size
    return size


Times = tuple[float, float]
"""Seconds from start to end, and of the processor."""


def command(folder: Path, cache: Path, *options: str) -> tuple[Times, dict[str, Any] | None]:
    """Times of ``tflprof history``, and what it printed if that is JSON."""
    start, spent = time.perf_counter(), processor()
    done = subprocess.run(
        [sys.executable, "-m", "tflprof", "history", str(folder), *options],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - start, processor() - spent
    return seconds, json.loads(done.stdout) if "--json" in options else None


def processor() -> float:
    """Processor time of all commands so far, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def repeated(repetitions: int, folder: Path, cache: Path, *options: str) -> list[Times]:
    """Times of a command, again and again."""
    return [command(folder, cache, *options)[0] for _ in range(repetitions)]


def main() -> None:
    """Measure and publish."""
    chosen = arguments(__doc__ or "", profiles=10_000, series=100, repetitions=10)
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place) / "history", Path(place) / "cache"
        size = fill(folder, chosen.profiles, chosen.series)
        cold, _ = command(folder, cache)
        kinds: dict[str, list[str]] = {
            "all series in one table": [],
            "one model (`--model model_001`)": ["--model", "model_001"],
            "a layer of one model (`--model model_001 --layer 0/3`)": [
                "--model",
                "model_001",
                "--layer",
                "0/3",
            ],
            "all as JSON (`--json`)": ["--json"],
            "SQL (`--sql`, an average per model)": [
                "--sql",
                "select model, avg(total) from profiles group by model",
            ],
        }
        warm = {name: repeated(chosen.repetitions, folder, cache, *words) for name, words in kinds.items()}
        _, document = command(folder, cache, "--json")
        one_new = [with_one_new(folder, cache) for _ in range(chosen.repetitions)]
        index = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    report(
        chosen,
        {"bytes": size, "index_bytes": index, "cold": cold, "warm": warm, "one_new": one_new},
        document,
    )


def with_one_new(folder: Path, cache: Path) -> Times:
    """Times of the command after one more profile was put there."""
    latest = max((folder / "model_000").iterdir())
    new = latest.with_name(f"{int(latest.stem) + 1:05}.parquet")
    new.write_bytes(latest.read_bytes())
    return command(folder, cache)[0]


def row(name: str, times: list[Times]) -> list[str]:
    """Median and longest time, and the median of the processor's."""
    seconds, spent = zip(*times, strict=True)
    cells = [statistics.median(seconds), max(seconds), statistics.median(spent)]
    return [name, *(f"{value:.2f} s" if value < 10 else f"{value:.0f} s" for value in cells)]


def report(chosen: Any, found: dict[str, Any], document: dict[str, Any] | None) -> None:
    """Write the tables, with what was found as a check that it was read."""
    assert document is not None
    steps = [step for one in document["series"] for step in one["steps"]]
    right = [step for step in steps if abs(step["change"] - (STEP - 1)) < 0.02]
    rows = [
        row("first time, no index", [found["cold"]]),
        *(row(name, times) for name, times in found["warm"].items()),
        row("all series, after one new profile", found["one_new"]),
    ]
    load = os.getloadavg()
    text = (
        f"{document['profiles']} profiles of 31 layers in {len(document['series'])} series "
        f"({found['bytes'] / 2**20:.0f} MiB, index {found['index_bytes'] / 2**20:.0f} MiB). "
        f"Whole commands, from start to end; median and longest of {chosen.repetitions}, of the first time one; and "
        "the median of the processor's time, which other work on the machine lengthens less.\n\n"
        + table(["`tflprof history`", "median", "longest", "processor"], rows)
        + f"\n\nSteps of +5 % were put into {chosen.series // 2} series; {len(right)} of {len(steps)} found are such. "
        f"Cores usable: {len(os.sched_getaffinity(0))}; load at the end: {load[0]:.1f}.\n"
    )
    data = {**found, "profiles": document["profiles"], "steps": len(steps), "right": len(right), "load": load}
    publish("history_speed", "A history of 10,000 profiles", text, data, chosen.out)


if __name__ == "__main__":
    main()

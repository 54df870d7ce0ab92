"""How long comparing two stored profiles of 400 layers takes, reading them included.

``python -m benchmarks.compare_speed`` writes reports/benchmarks/compare_speed.json. The profiles are synthetic: 40
processes, 400 rows. One pair has one structure; of the other pair B has other names, and another operator at
every tenth layer. Each time is the median of 15 in this process, after one that does not count; the first in a fresh
process, where Python starts and libraries are loaded too, is told beside it. The time of the processor is told with
each: on a busy machine that is what comparing takes, and the rest is waiting.
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
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.common import REPORTS, machine
from tests.factories import make_profile, part
from tflprof.analysis.compare import compare_profiles
from tflprof.profile.meta import ModelInfo
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile

LAYERS = 400
REPEATS = 15


def main() -> None:
    """Compare two pairs of profiles, and write the report."""
    with tempfile.TemporaryDirectory() as folder:
        a, same, edited = _files(Path(folder))
        found: dict[str, Any] = {
            "layers": LAYERS,
            "load_average": os.getloadavg()[0],
            "samples": read_profile(a).table.num_rows,
            "cases": {"one structure": _case(a, same), "edited": _case(a, edited)},
        }
    text = json.dumps({"machine": machine(), **found}, indent=2)
    (REPORTS / "compare_speed.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def _files(folder: Path) -> tuple[Path, Path, Path]:
    a, same, edited = _profile(0, LAYERS), _profile(1, LAYERS), _edited(_profile(2, LAYERS))
    return (
        write_profile(a, folder / "a.parquet"),
        write_profile(same, folder / "same.parquet"),
        write_profile(edited, folder / "edited.parquet"),
    )


def _profile(seed: int, layers: int) -> Profile:
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RELU")
    parts = [
        part(kinds[i % 4], f"net/block_{i // 4}/{kinds[i % 4]}", 10_000.0 * (1 + i % 7))
        for i in range(layers)
    ]
    return _wired(make_profile(parts, processes=40, blocks=3, inferences=8, seed=seed))


def _wired(profile: Profile) -> Profile:
    layers = tuple(
        replace(
            layer,
            shape=(1, 56 >> (layer.index // 100), 56 >> (layer.index // 100), 32 + layer.index // 8),
            inputs=(f"t{layer.index - 1}",),
            outputs=(f"t{layer.index}",),
        )
        for layer in profile.meta.model.layers
    )
    return _with_model(profile, replace(profile.meta.model, layers=layers))


def _edited(profile: Profile) -> Profile:
    """Other names, and every tenth layer another operator, so that runs of layers fit nothing in A."""
    layers = tuple(
        replace(layer, name=f"other/{layer.index}", op="MUL" if layer.index % 10 == 9 else layer.op)
        for layer in profile.meta.model.layers
    )
    return _with_model(profile, replace(profile.meta.model, layers=layers, fingerprint="e" * 32))


def _with_model(profile: Profile, model: ModelInfo) -> Profile:
    return Profile(replace(profile.meta, model=model), profile.table)


def _case(a: Path, b: Path) -> dict[str, float]:
    _seconds(a, b)
    taken = [_seconds(a, b) for _ in range(REPEATS)]
    wall, processor = (statistics.median(one[at] for one in taken) for at in (0, 1))
    fresh, fresh_processor = _fresh(a, b)
    return {
        "median_seconds": wall,
        "median_processor_seconds": processor,
        "fresh_process_seconds": fresh,
        "fresh_process_processor_seconds": fresh_processor,
    }


def _seconds(a: Path, b: Path) -> tuple[float, float]:
    """Seconds that pass, and seconds of the processor."""
    began, used = time.perf_counter(), time.process_time()
    comparison = compare_profiles(read_profile(a), read_profile(b))
    taken = time.perf_counter() - began, time.process_time() - used
    if len(comparison.layers) < LAYERS:
        raise SystemExit(f"only {len(comparison.layers)} rows were compared")
    return taken


def _fresh(a: Path, b: Path) -> tuple[float, float]:
    """The same from the start of a Python process, which compares once, to its end."""
    code = (
        "import sys; from tflprof.analysis.compare import compare_profiles;"
        "from tflprof.profile.store import read_profile; compare_profiles(*map(read_profile, sys.argv[1:]))"
    )
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, str(a), str(b)], check=True)
    taken, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

"""Does the total agree with the official benchmark tool of the same wheel?

Same model, one thread, same core; one process of each, alternating, over many pairs. The statistic is the
median of the inferences of a process, which is what the official tool prints.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import common
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Block

RUNS = 100
WARMUP = 20


def ours(runner: Runner, model: Path, core: int) -> float:
    """Median in ms of one session of the native runner."""
    request = RunRequest(
        (model,),
        core=str(core),
        variants=("plain",),
        warmup_ms=1,
        warmup_min=WARMUP,
        block_ms=1,
        block_max=1,
        blocks=RUNS,
        seconds=600,
    )
    session = runner.start(request)
    try:
        blocks = [r for r in session.records() if isinstance(r, Block) and r.phase == "steady"]
    finally:
        session.close()
    return float(np.median([value for block in blocks for value in block.value])) / 1e6


def official(model: Path, core: int, folder: Path) -> float:
    """Median in ms of one run of the official tool, pinned to the same core."""
    spec = importlib.util.find_spec("ai_edge_litert.tools.benchmark_litert_model")
    if spec is None or spec.origin is None:
        raise RuntimeError("the installed ai-edge-litert has no benchmark_litert_model")
    result = folder / "official.json"
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        common.run(
            [
                sys.executable,
                spec.origin,
                f"--model={model}",
                f"--num_runs={RUNS}",
                f"--warmup_runs={WARMUP}",
                "--num_threads=1",
                f"--result_json={result}",
            ]
        )
    finally:
        os.sched_setaffinity(0, before)
    return float(_find(json.loads(result.read_text()), "median_ms"))


def _find(data: dict[str, object], key: str) -> float:
    for name, value in data.items():
        if name == key and isinstance(value, float | int):
            return float(value)
        if isinstance(value, dict):
            try:
                return _find(value, key)
            except KeyError:
                continue
    raise KeyError(key)


def main() -> None:
    """Alternate the two tools and publish the ratio."""
    options = common.arguments(__doc__ or "", pairs=30)
    core = common.last_core()
    runner = open_runner("host")
    rows, data = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for dtype in ("int8", "float32"):
            model = common.network(folder, "mobilenet_v1", 224, 1.0, dtype)
            ratios = []
            for pair in range(options.pairs):
                if pair % 2:
                    mine, theirs = ours(runner, model, core), official(model, core, folder)
                else:
                    theirs, mine = official(model, core, folder), ours(runner, model, core)
                ratios.append(mine / theirs)
            ratio, lo, hi = common.relative_interval(ratios)
            inside = bool(lo >= 0.98 and hi <= 1.02)
            data.append(
                {
                    "model": model.stem,
                    "pairs": options.pairs,
                    "ratio": ratio,
                    "interval_90": [lo, hi],
                    "ratios": ratios,
                }
            )
            rows.append(
                (
                    model.stem,
                    str(options.pairs),
                    f"{ratio:.4f}",
                    f"[{lo:.4f}, {hi:.4f}]",
                    "yes" if inside else "no",
                )
            )
            print(rows[-1], flush=True)
    runner.close()
    text = common.table(
        ("model", "process pairs", "tflprof / official", "90 % interval", "inside ±2 %"), rows
    )
    common.publish(
        "agreement", "Agreement with benchmark_litert_model.py", text, {"models": data}, options.out
    )


if __name__ == "__main__":
    main()

"""Does the reported 95 % interval cover the truth?

Many independent host runs of the same model, each with the default adaptive stop, spread over the time of the
benchmark. The truth is the pooled total of separate reference processes, one after every run, so that it sees the
same stretch of time. A run covers if the reference's typical total lies in its interval;
one without an interval does not.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks import common
from tflprof import stats
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Block
from tflprof.workflow.profile import profile_model


def reference(runner: Runner, model: Path, core: str) -> list[int]:
    """Plain totals of one reference process."""
    session = runner.start(RunRequest((model,), core=core, variants=("plain",), seconds=0.5))
    try:
        return [
            value
            for record in session.records()
            if isinstance(record, Block) and record.phase == "steady"
            for value in record.value
        ]
    finally:
        session.close()


def main() -> None:
    """Run, refer, count."""
    options = common.arguments(__doc__ or "", runs=200, seconds=6)
    core = str(common.last_core())
    runner = open_runner("host")
    found: list[tuple[float, float, float]] = []
    pooled: list[int] = []
    unknown = 0
    with tempfile.TemporaryDirectory() as folder:
        model = common.network(Path(folder), "mobilenet_v2", 96, 0.35, "float32")
        for run in range(options.runs):
            total = profile_model(model, target="host", core=core, max_seconds=options.seconds).summary.total
            pooled.extend(reference(runner, model, core))
            if total.typical is None or total.lo is None or total.hi is None:
                unknown += 1
                continue
            found.append((total.typical, total.lo, total.hi))
            if run % 20 == 19:
                print(f"{run + 1} runs", flush=True)
    runner.close()
    if not found:
        raise SystemExit("no run gave an interval: give more --seconds")
    truth = stats.typical(np.array(pooled))
    intervals = np.array(found)
    covered = (intervals[:, 1] <= truth) & (truth <= intervals[:, 2])
    low, high = binomtest(int(covered.sum()), options.runs).proportion_ci(0.95, "exact")
    width = (intervals[:, 2] - intervals[:, 1]) / 2 / intervals[:, 0]
    data = {
        "runs": options.runs,
        "without_interval": unknown,
        "coverage": float(covered.sum() / options.runs),
        "truth_ns": truth,
        "median_half_width": float(np.median(width)),
        "reached_1_percent": float((width <= 0.01).mean()),
        "spread_of_estimates": float(intervals[:, 0].std() / truth),
        "intervals": intervals.tolist(),
    }
    rows = [
        ("runs", str(options.runs)),
        ("runs that gave no interval", str(unknown)),
        ("reference inferences", str(len(pooled))),
        (
            "**runs that cover the reference** [95 %, exact binomial]",
            f"**{covered.sum() / options.runs:.1%}** [{low:.1%}, {high:.1%}]",
        ),
        ("median half-width", common.percent(float(np.median(width)))),
        ("spread (sd) of the runs' estimates", common.percent(float(intervals[:, 0].std() / truth))),
    ]
    common.publish("coverage", "Coverage of the interval", common.table(("", ""), rows), data, options.out)


if __name__ == "__main__":
    main()

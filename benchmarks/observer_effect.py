"""Does measuring layers change what is measured?

For models from microseconds to 100 ms: (1) how far the rows and the disclosed unattributed part are from the
unprofiled total; (2) whether the total differs when no profiled model is in the process at all (alternating
processes with and without it); (3) what the stock profiler path adds to an inference, beside ours.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from benchmarks import common
from tflprof import stats
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences
from tflprof.profile.summary import row_samples
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Block
from tflprof.workflow.profile import profile_model


def models(folder: Path) -> list[Path]:
    """From a few microseconds to about 100 ms on a desktop core."""
    net = common.network
    return [
        common.micro(folder, "softmax"),
        common.micro(folder, "fully_connected", "int8"),
        common.micro(folder, "crossed_partitions"),
        net(folder, "mobilenet_v1", 32, 0.25, "int8"),
        net(folder, "mobilenet_v2", 96, 0.35, "float32"),
        net(folder, "mobilenet_v1", 128, 0.5, "float32"),
        net(folder, "mobilenet_v2", 224, 1.0, "int8"),
        net(folder, "mobilenet_v1", 224, 1.0, "float32"),
        net(folder, "mobilenet_v2", 448, 1.0, "float32"),
        net(folder, "mobilenet_v1", 672, 1.0, "float32"),
    ]


def totals(runner: Runner, request: RunRequest, variant: str) -> float:
    """Typical total of one process."""
    session = runner.start(request)
    try:
        values = [
            value
            for record in session.records()
            if isinstance(record, Block) and record.phase == "steady" and record.v == variant
            for value in record.value
        ]
    finally:
        session.close()
    return stats.typical(np.array(values))


def effect_on_total(model: Path, pairs: int) -> tuple[float, float, float]:
    """Ratio of totals with and without the profiled twin, over alternating processes; 90 % interval."""
    runner = open_runner("host")
    core = str(common.last_core())
    request = RunRequest((model,), core=core, seconds=0.6)
    alone = replace(request, variants=("plain",), seconds=0.3)
    ratios = []
    for pair in range(pairs):
        order = (request, alone) if pair % 2 else (alone, request)
        found = {id(one): totals(runner, one, "plain") for one in order}
        ratios.append(found[id(request)] / found[id(alone)])
    runner.close()
    return common.relative_interval(ratios)


def stock_inflation(model: Path, processes: int = 3) -> float:
    """What the stock profiler adds to an inference: profiled over plain, through the library as it is."""
    runner = open_runner("interpreter")
    request = RunRequest((model,), seconds=0.5)
    found = []
    for _ in range(processes):
        session = runner.start(request)
        try:
            blocks = [r for r in session.records() if isinstance(r, Block) and r.phase == "steady"]
        finally:
            session.close()
        plain, profiled = (
            stats.typical(
                np.array([value for block in blocks if block.v == variant for value in block.value])
            )
            for variant in ("plain", "profiled")
        )
        found.append(profiled / plain - 1)
    runner.close()
    return statistics.median(found)


def gap_half_width(profile: Profile) -> float:
    """90 % half-width of the unattributed part, from its spread over processes."""
    meta, table = profile.meta, profile.table
    plain = select_inferences(table, "plain", meta.unit)
    profiled = select_inferences(table, "profiled", meta.unit)
    rows = row_samples(meta, table).sum(axis=1)
    gaps = []
    for process in np.unique(profiled.process):
        own, other = profiled.process == process, plain.process == process
        if own.any() and other.any():
            central = stats.central_half(profiled.values[own])
            gaps.append(stats.typical(plain.values[other]) - rows[own][central].mean())
    return float(student_t.ppf(0.95, len(gaps) - 1) * np.std(gaps, ddof=1) / np.sqrt(len(gaps)))


def observe(model: Path, seconds: int, pairs: int) -> dict[str, Any]:
    """One model measured three ways."""
    profile = profile_model(model, target="host", core=str(common.last_core()), max_seconds=seconds)
    summary = profile.summary
    total, gap = summary.total.typical or np.nan, summary.unattributed.typical or np.nan
    error = gap_half_width(profile)
    return {
        "model": model.stem,
        "total_ns": total,
        "rows_ns": sum(x.estimate.typical for x in summary.layers if x.estimate.typical is not None),
        "unattributed_ns": gap,
        "unattributed_half_width_90_ns": error,
        "within_1_percent_plus_1_us": bool(abs(gap) <= 0.01 * total + 1000),
        "within_given_its_error": bool(abs(gap) - error <= 0.01 * total + 1000),
        "total_ratio_with_to_without_profiling": effect_on_total(model, pairs),
        "own_overhead": summary.overhead_share,
        "stock_overhead": stock_inflation(model),
        "verdict": profile.meta.verdict,
    }


def row(found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    total, gap = found["total_ns"], found["unattributed_ns"]
    ratio, lo, hi = found["total_ratio_with_to_without_profiling"]
    return (
        found["model"],
        f"{total / 1000:.1f}",
        f"{found['rows_ns'] / 1000:.1f}",
        f"{gap / 1000:+.2f} ± {found['unattributed_half_width_90_ns'] / 1000:.2f} ({common.percent(gap / total)})",
        "yes"
        if found["within_1_percent_plus_1_us"]
        else "not told apart"
        if found["within_given_its_error"]
        else "no",
        f"{ratio:.4f} [{lo:.4f}, {hi:.4f}]",
        common.percent(found["own_overhead"] or 0.0),
        common.percent(found["stock_overhead"]),
    )


HEAD = (
    "model",
    "total, µs",
    "Σ rows, µs",
    "unattributed, µs (90 %)",
    "within 1 % + 1 µs",
    "total with / without profiling in the process [90 %]",
    "an inference under our profiler",
    "under the stock profiler",
)
EXPLANATION = """

Totals are of the unprofiled twin, measured on the host, one thread. The rows and the unattributed part sum to it by
construction; the column *within* asks whether the part that no layer explains is small. *Not told apart*: it exceeds
the limit by less than its own 90 % interval over processes. That is no proof that it is within: see README.md here.
"""


def main() -> None:
    """Measure every model three ways and publish the table."""
    options = common.arguments(__doc__ or "", seconds=15, pairs=20)
    data = []
    with tempfile.TemporaryDirectory() as folder:
        for model in models(Path(folder)):
            data.append(observe(model, options.seconds, options.pairs))
            print(row(data[-1]), flush=True)
    text = common.table(HEAD, map(row, data)) + EXPLANATION
    common.publish("observer_effect", "Observer effect", text, {"models": data}, options.out)


if __name__ == "__main__":
    main()

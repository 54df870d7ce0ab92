"""How many candidate models does a latency table predict in a second?

A table of MobileNet-style layers with made-up costs (their values do not change the speed) is asked for 10^5 random
candidates at once, by `LatencyTable.predict`, and for layers that it has no row of, by `encode`. One thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import common
from tflprof.analysis.latency_table import LatencyTable
from tflprof.facts import DeviceFacts
from tflprof.op_channels import macs
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import LatencyRow, Overheads, StoredTable, TableMeta
from tflprof.profile.meta import Options
from tflprof.workflow.space import space_configs

SPACE: dict[str, Any] = {
    "layer": [
        {"op": "CONV_2D", "size": [7, 14, 28], "inputs": [16, 32, 96], "outputs": [16, 32, 64, 96, 192]},
        {"op": "DEPTHWISE_CONV_2D", "size": [7, 14, 28], "inputs": [16, 32, 64, 96, 192], "kernel": [3, 5]},
        {"op": "ADD", "size": [7, 14, 28], "inputs": [16, 32, 96]},
    ]
}
UNKNOWN: dict[str, Any] = {
    "layer": [
        {"op": "CONV_2D", "size": [10, 20], "inputs": [24, 48], "outputs": {"from": 8, "to": 192, "step": 8}},
        {
            "op": "DEPTHWISE_CONV_2D",
            "size": [10, 20],
            "inputs": {"from": 8, "to": 192, "step": 8},
            "kernel": [3],
        },
    ]
}
SLOTS = (20, 60, 120)
"""Layers of a candidate."""
GOAL = 1e5


def make_table() -> LatencyTable:
    """A table of the space, at costs that follow multiply-accumulates."""
    meta = TableMeta(
        tool_version="",
        created="",
        unit="ns",
        provenance="predicted",
        source="native",
        target=DeviceFacts("made up", "emulated", "", ""),
        runtime={},
        runner_build="",
        options=Options(),
        overheads=Overheads(1000.0, 100.0, 10.0, 500.0, 5),
    )
    return LatencyTable(StoredTable(meta, tuple(map(_row, space_configs(SPACE)))))


def _row(config: OpConfig) -> LatencyRow:
    value = 500 + (macs(config) or 0) // 5 + int(np.prod(config.outputs[0].shape))
    return LatencyRow(config, value, value * 0.99, value * 1.01, 1, value * 2, "chain", False, "made up")


def seconds(work: Callable[[], Any], times: int) -> float:
    """Median duration."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def main() -> None:
    """Time all of it."""
    options = common.arguments(__doc__ or "", candidates=100_000, times=7)
    table = make_table()
    random = np.random.default_rng(0)
    codes = table.encode(space_configs(SPACE))
    rows, rates = [], {}
    for slots in SLOTS:
        batch = random.choice(codes, (options.candidates, slots))
        taken = seconds(partial(table.predict, batch), options.times)
        rates[slots] = options.candidates / taken
        rows.append((f"predict, {slots} layers each", f"{rates[slots]:,.0f} candidates/s"))
    unknown = space_configs(UNKNOWN)
    fresh = make_table()
    first = seconds(partial(fresh.encode, unknown), 1)
    again = seconds(partial(fresh.encode, unknown), options.times)
    rows.append((f"encode {len(unknown)} unknown layers, families being fitted", f"{first * 1e3:.0f} ms"))
    rows.append(("the same layers again", f"{again * 1e3:.1f} ms"))
    data = {
        "candidates": options.candidates,
        "goal": GOAL,
        "rates": rates,
        "unknown_layers": len(unknown),
        "encode_seconds": first,
        "encode_again_seconds": again,
    }
    text = f"Goal: {GOAL:,.0f} candidates a second.\n\n" + common.table(("what", "result"), rows)
    common.publish("table_api_speed", "Speed of predictions from latency tables", text, data, options.out)


if __name__ == "__main__":
    main()

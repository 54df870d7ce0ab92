"""How long a latency table of 60 rows takes to build on an emulated core: `python -m benchmarks.table_speed`.

The rows are layers of MobileNet v1, v2 and v3 at 224 pixels in float32 and int8, drawn with a seed, measured in chains.
Goal: five minutes on the development machine. Needs the emulator; other work on the machine makes it slower.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from pathlib import Path

from benchmarks.common import arguments, publish, table
from tflprof.model.build import build_network
from tflprof.model.build.row_kinds import unbuildable
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.workflow.table import build_table

NETWORKS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small")
TARGET = "emulated:pixel2"
GOAL_SECONDS = 300.0


def configurations(count: int, seed: int) -> list[OpConfig]:
    """Distinct layers of the networks, drawn."""
    found: dict[str, OpConfig] = {}
    for name in NETWORKS:
        for dtype in ("float32", "int8"):
            layers = layer_configs(read_model(build_network(name, dtype=dtype)))
            found |= {layer.config.key: layer.config for layer in layers if layer.uncosted is None}
    known = [config for _, config in sorted(found.items()) if unbuildable(config) is None]
    return random.Random(seed).sample(known, count)


def main() -> None:
    """Build the table afresh and publish how long it took."""
    given = arguments(str(__doc__), rows=60, seed=0)
    configs = configurations(given.rows, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        began = time.monotonic()
        built = build_table(TARGET, configs=configs, path=path)
        seconds = time.monotonic() - began
        again = time.monotonic()
        build_table(TARGET, configs=configs, path=path)
        resumed = time.monotonic() - again
    load = os.getloadavg()[0]
    rows = len(built.table.rows)
    verdict = "within the goal" if seconds <= GOAL_SECONDS and rows == given.rows else "NOT within the goal"
    text = table(
        [
            "rows",
            "target",
            "seconds",
            "rows per minute",
            "seconds to find nothing missing",
            "load of the machine",
        ],
        [
            [
                str(rows),
                TARGET,
                f"{seconds:.1f}",
                f"{60 * rows / seconds:.0f}",
                f"{resumed:.2f}",
                f"{load:.1f}",
            ]
        ],
    )
    missing = "".join(f"\n- without a row: {reason}" for reason in built.missing.values())
    data = {
        "rows": rows,
        "asked": given.rows,
        "seconds": seconds,
        "goal_seconds": GOAL_SECONDS,
        "resumed_seconds": resumed,
        "load": load,
        "target": TARGET,
    }
    title = f"Building a latency table of {given.rows} rows: {verdict} of five minutes"
    publish("table_speed", title, text + missing, data, given.out)


if __name__ == "__main__":
    main()

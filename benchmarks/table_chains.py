"""Whether rows measured in chains cost what layers cost in their networks: `python -m benchmarks.table_chains`.

Every network is profiled as a whole; its distinct layers are measured once more in chains, those of all networks
together, without knowing which belongs to which. Both are counts and modelled times of an emulated core and repeat
exactly, so other work on the machine does not matter; with `--host 1` they are times of this machine, which must be
quiet (about 20 minutes). What was measured is kept in build/table_chains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import arguments, last_core, network, percent, publish, table
from tflprof.model.build.row_kinds import unbuildable
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import LatencyRow
from tflprof.workflow.table import build_table

CACHE = Path(__file__).resolve().parent.parent / "build" / "table_chains"
TARGET = "emulated:pixel2"
NETWORKS = (
    ("mobilenet_v1", 224, 1.0),
    ("mobilenet_v2", 224, 1.0),
    ("mobilenet_v3_large", 224, 1.0),
    ("mobilenet_v3_small", 224, 1.0),
    ("mobilenet_v1", 128, 0.5),
    ("mobilenet_v2", 160, 0.5),
    ("efficientnet_lite0", 192, 1.0),
    ("resnet_50", 96, 0.5),
)
MEDIAN_GOAL, HIGH_GOAL, COUNT_GOAL = 0.05, 0.12, 0.002


@dataclass(frozen=True)
class Pair:
    """A configuration of a network with its row there and its row in a chain."""

    network: LatencyRow
    chain: LatencyRow
    share: float

    @property
    def off(self) -> float:
        """The chain's time relative to the network's."""
        return self.chain.value / self.network.value - 1

    @property
    def counted_off(self) -> float:
        """Likewise the instructions."""
        return (self.chain.instructions or 0) / (self.network.instructions or 1) - 1


@dataclass(frozen=True)
class Where:
    """On what it is measured; ``suffix`` is that of the files' names."""

    target: str
    suffix: str
    options: dict[str, Any]


def measured(dtype: str, where: Where) -> dict[str, list[Pair]]:
    """Pairs of every network of a type, by its name."""
    CACHE.mkdir(parents=True, exist_ok=True)
    models = [network(CACHE, name, size, width, dtype) for name, size, width in NETWORKS]
    configs: dict[str, OpConfig] = {}
    for model in models:
        layers = [layer for layer in layer_configs(read_model(model)) if layer.uncosted is None]
        configs |= {layer.config.key: layer.config for layer in layers if unbuildable(layer.config) is None}
    path = CACHE / f"chains{where.suffix}_{dtype}.parquet"
    built = build_table(where.target, configs=list(configs.values()), path=path, **where.options)
    chains = {row.config.key: row for row in built.table.rows}
    found: dict[str, list[Pair]] = {}
    for model in models:
        path = CACHE / f"{model.stem}{where.suffix}.parquet"
        own = build_table(where.target, models=[model], path=path, **where.options)
        found[model.stem] = list(_pairs(own.table.rows, chains))
        print(_line(model.stem, found[model.stem]), flush=True)
    return found


def _pairs(rows: tuple[LatencyRow, ...], chains: dict[str, LatencyRow]) -> Iterator[Pair]:
    total = sum(row.value * row.samples for row in rows)
    for row in rows:
        if row.value and row.config.key in chains:
            yield Pair(row, chains[row.config.key], row.value * row.samples / total)


def _line(name: str, pairs: list[Pair]) -> list[str]:
    off = np.abs([pair.off for pair in pairs])
    heavy = np.abs([pair.off for pair in pairs if pair.share >= 0.01])
    counted = np.abs([pair.counted_off for pair in pairs if not pair.network.first])
    total = sum(pair.off * pair.share for pair in pairs)
    instructions = sum(pair.network.instructions or 0 for pair in pairs)
    chain = sum(pair.chain.instructions or 0 for pair in pairs)
    return [
        name,
        str(len(pairs)),
        percent(total),
        f"{100 * np.median(off):.2f} %",
        f"{100 * np.quantile(off, 0.95):.1f} %",
        f"{100 * np.median(heavy):.2f} %",
        f"{100 * np.quantile(heavy, 0.95):.1f} %",
        f"{100 * np.quantile(counted, 0.95):.3f} %" if instructions else "",
        percent(chain / instructions - 1) if instructions else "",
    ]


def _data(found: dict[str, list[Pair]]) -> dict[str, Any]:
    """The same for programs."""
    every = [pair for pairs in found.values() for pair in pairs]
    off = np.abs([pair.off for pair in every])
    heavy = np.abs([pair.off for pair in every if pair.share >= 0.01])
    counted = np.abs([pair.counted_off for pair in every if not pair.network.first])
    totals = {name: sum(pair.off * pair.share for pair in pairs) for name, pairs in found.items()}
    sizes = np.abs(list(totals.values()))
    return {
        "networks": {name: {"rows": len(pairs), "total_off": totals[name]} for name, pairs in found.items()},
        "rows_of_a_percent": {"median": float(np.median(heavy)), "p95": float(np.quantile(heavy, 0.95))},
        "all_rows": {"median": float(np.median(off)), "p95": float(np.quantile(off, 0.95))},
        "instructions": {"p95": float(np.quantile(counted, 0.95)), "max": float(counted.max())},
        "totals": {"median": float(np.median(sizes)), "max": float(sizes.max())},
        "met": bool(np.median(heavy) <= MEDIAN_GOAL and np.quantile(heavy, 0.95) <= HIGH_GOAL),
    }


def _note(data: dict[str, Any], where: Where) -> str:
    told = (
        f"Goals for times: median {100 * MEDIAN_GOAL:g} %, p95 {100 * HIGH_GOAL:g} %; for instructions "
        f"{100 * COUNT_GOAL:g} %. Layers that take a hundredth of their network's time or more (columns «≥ 1 %») "
        f"{'meet' if data['met'] else 'do NOT meet'} them; over all rows p95 is {100 * data['all_rows']['p95']:.1f} %. "
        f"Sums over networks are off by at most {100 * data['totals']['max']:.2f} %."
    )
    if where.target == "host":
        return told
    return (
        f"{told} What is off are additions, gates, hard-swishes and squeezes of a few µs: whether one writes over its "
        "input or elsewhere, and whether it finds dirty lines in the cache, follows from where each network puts its "
        "tensors. First kernels of a partition are left out of the instructions: they have 31 more or less. "
        "Instructions are off for a RESHAPE whose result leaves the delegate and so is copied, by some hundreds."
    )


def main() -> None:
    """Measure what is missing and publish the agreement."""
    given = arguments(str(__doc__), host=0, seconds=20)
    options = {"core": str(last_core()), "max_seconds": float(given.seconds)}
    where = Where("host", "_host", options) if given.host else Where(TARGET, "", {})
    found = {name: pairs for dtype in ("float32", "int8") for name, pairs in measured(dtype, where).items()}
    every = [pair for pairs in found.values() for pair in pairs]
    head = [
        "network",
        "rows",
        "sum of times",
        "median",
        "p95",
        "median ≥ 1 %",
        "p95 ≥ 1 %",
        "instr. p95",
        "instr. sum",
    ]
    together = [*_line("all rows", every)[:2], "", *_line("", every)[3:8], ""]
    text = table(head, [*(_line(name, pairs) for name, pairs in found.items()), together])
    data = {"target": where.target, **_data(found)}
    title = f"Rows in chains against layers in their networks, {where.target}"
    publish(f"table_chains{where.suffix}", title, f"{text}\n\n{_note(data, where)}", data, given.out)


if __name__ == "__main__":
    main()

"""A latency table in the terminal: where it holds, what it covers, its rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.op_channels import macs, scheme_of
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import CONTEXTS, LatencyRow, StoredTable, TableMeta
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain

_SHORT = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "TRANSPOSE_CONV": "transposed conv",
}


def print_table(table: StoredTable, name: str, console: Console, top: int | None = None) -> None:
    """Print a table; ``top`` limits the rows, the most expensive first."""
    lines = _lines(table.rows)
    configs = len({line.config.key for line in lines})
    console.print(
        Text(plain(name), style="bold"),
        Text(f"{len(table.rows)} rows of {configs} configurations", style="dim"),
    )
    console.print(Text(describe_place(table.meta), style="dim"))
    console.print(Text(_overheads(table.meta), style="dim"))
    for line in (_drift(table.meta), _refetch(table.meta)):
        if line:
            console.print(Text(line, style="dim"))
    if prediction := table.meta.prediction:
        error = units.format_change_interval(
            math.exp(-prediction.layer_error), math.exp(prediction.layer_error)
        )
        console.print(
            Text(f"rows repeat exactly; a phone's own are expected within {error} (95 %)", style="dim")
        )
    console.print()
    _print_kinds(table.rows, console)
    shown = lines if top is None else lines[:top]
    _print_rows(shown, table.meta, console)
    if len(shown) < len(lines):
        console.print(Text(f"… and {len(lines) - len(shown)} cheaper ones (--top N shows more)", style="dim"))


def describe_place(meta: TableMeta) -> str:
    """Device, runtime, kernels, threads and provenance in one line."""
    runtime = " ".join(str(meta.runtime[key]) for key in ("name", "version") if meta.runtime.get(key))
    threads = "" if meta.threads is None else f"{meta.threads} thread" + ("" if meta.threads == 1 else "s")
    core = None if meta.options.core is None else f"core {meta.options.core}"
    target = meta.target.kind if meta.target.kind == "host" else f"{meta.target.kind}:{meta.target.name}"
    kernels = None if meta.kernels is None else f"{meta.kernels} kernels"
    parts = (target, core, runtime, kernels, threads, f"{meta.provenance} {meta.unit}", meta.created[:10])
    return " · ".join(plain(part) for part in parts if part)


def _overheads(meta: TableMeta) -> str:
    found = meta.overheads
    if not found.models:
        return "overheads: not known"
    terms = ((found.model, "per model"), (found.part, "per part"), (found.layer, "per layer"))
    told = ", ".join(f"{units.format_value(value, meta.unit)} {what}" for value, what in terms if value)
    return f"overheads: {told or 'none'}, from {found.models} models"


def _drift(meta: TableMeta) -> str | None:
    """How far the clock of the machine moved while measured rows were made."""
    if meta.reference is None or meta.reference.moved is None:
        return None
    moved = units.format_change_interval(*(1 + share for share in meta.reference.moved))
    times = len(meta.reference.seen)
    return f"clock of the machine moved {moved} in {times} measurements of the reference model; taken out"


def _refetch(meta: TableMeta) -> str | None:
    """What weights cost in models too large for the caches."""
    found = meta.refetch
    if found is None:
        return None
    _, most, _ = found.at(math.inf)
    if not most:
        return "fetching weights again costs nothing, however much a model touches"
    half = next(size for size, price in zip(found.touched, found.matrix, strict=True) if price >= most / 2)
    price = units.format_value(most * 1024, meta.unit)
    return (
        f"fetching weights again costs up to {price} a KiB, half of it from {units.format_bytes(round(half))} "
        "that a model touches on; taken into account"
    )


def _print_kinds(rows: Sequence[LatencyRow], console: Console) -> None:
    """How many rows of which operator in which form and context."""
    counts = Counter((row.config.op, scheme_of(row.config), row.context) for row in rows)
    kinds = list(dict.fromkeys(kind[:2] for kind, _ in counts.most_common()))
    columns = [
        Column("operator", [plain(op) for op, _ in kinds], 100, False, 14),
        Column("form", [form for _, form in kinds], 80, False),
    ]
    for context in CONTEXTS:
        numbers = [counts[op, form, context] for op, form in kinds]
        if any(numbers):
            columns.append(Column(f"rows in a {context}", [str(number or "") for number in numbers], 90))
    Grid(columns).print(console)
    console.print()


@dataclass(frozen=True)
class _Line:
    """A configuration with its rows by context."""

    config: OpConfig
    first: bool
    rows: Mapping[str, LatencyRow]

    @property
    def best(self) -> LatencyRow:
        return next(self.rows[context] for context in CONTEXTS if context in self.rows)


def _lines(rows: Sequence[LatencyRow]) -> list[_Line]:
    """The most expensive first."""
    found: dict[tuple[str, bool], dict[str, LatencyRow]] = {}
    for row in rows:
        found.setdefault((row.config.key, row.first), {})[row.context] = row
    lines = [_Line(next(iter(by.values())).config, first, by) for (_, first), by in found.items()]
    return sorted(lines, key=lambda line: (-line.best.value, line.config.key))


def _print_rows(lines: Sequence[_Line], meta: TableMeta, console: Console) -> None:
    titles = {"network": "in a network", "chain": "in a chain", "isolated": "alone"}
    columns = [
        Column("layer", [plain(describe_config(line.config)) for line in lines], 100, False, 48, middle=True),
        Column("form", [scheme_of(line.config) for line in lines], 60, False),
    ]
    for context, title in titles.items():
        there = [line.rows.get(context) for line in lines]
        if any(there):
            columns.append(Column(title, [_value(row, meta) for row in there], 95))
    if meta.unit == "ns" and any(line.best.instructions is not None for line in lines):
        counts = [units.format_count(line.best.instructions) for line in lines]
        columns.append(Column("instructions", counts, 70))
    columns += [
        Column("MACs", [units.format_count(macs(line.config)) for line in lines], 40),
        Column("", ["first" if line.first else "" for line in lines], 50, False),
        Column("key", [line.config.key for line in lines], 10, False),
    ]
    Grid(columns).print(console)


def _value(row: LatencyRow | None, meta: TableMeta) -> str:
    if row is None:
        return ""
    text = units.format_value(row.value, meta.unit)
    return text if meta.deterministic else f"{text} {units.format_spread(row.value, row.lo, row.hi)}"


def describe_config(config: OpConfig) -> str:
    """A configuration in a few words: ``conv 3×3/2 RELU6 224×224×3 → 112×112×32``."""
    words = [_SHORT.get(config.op, config.op.lower().replace("_", " "))]
    if window := _window(config):
        words.append(window)
    activation = config.option("fused_activation_function", "NONE")
    words += [] if activation == "NONE" else [str(activation)]
    words += [f"+{inner.op}" for inner in config.fused]
    data = [tensor.shape for tensor in config.inputs if tensor.role == "computed"]
    before = " + ".join(map(_shape, dict.fromkeys(data)))
    return f"{' '.join(words)} {before} → {', '.join(_shape(output.shape) for output in config.outputs)}"


def _window(config: OpConfig) -> str:
    sides: tuple[int, ...] = ()
    if config.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"):
        sides = config.inputs[1].shape[1:3]
    elif config.op.endswith("POOL_2D"):
        sides = (int(config.option("filter_height", 1)), int(config.option("filter_width", 1)))
    stride = config.option("stride_h", 1)
    return "×".join(map(str, sides)) + (f"/{stride}" if sides and stride != 1 else "")


def _shape(shape: tuple[int, ...]) -> str:
    """Without a batch of one."""
    sizes = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    return "×".join(map(str, sizes)) or "1"

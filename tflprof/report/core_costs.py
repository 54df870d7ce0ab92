"""What instructions, caches and memory cost on a core, as text: the data that predicted times are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tflprof import units
from tflprof.report.text import plain


def print_costs(core: Mapping[str, Any], kinds: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the table of a core (one of the description's ``costs``), with the sources of every number."""
    own = [kind for kind in kinds if kind["costs"] == core["name"]]
    cpus = ", ".join(units.format_cpus(kind["cpus"]) for kind in own)
    console.print(Text(f"\nCosts on {plain(core['title'])} (CPU {cpus}), cycles", "bold"))
    for line in (_pipeline(core), _pipes(core), _caches(core["caches"]), *map(_memory, own)):
        if line:
            console.print(Text(line))
    console.print()
    _print_classes(core["classes"], console)
    pairs = [*core["sources"].items(), *_class_sources(core["classes"])]
    pairs += [("assumed", text) for text in core["assumed"]]
    pairs += [(f"tuned, {name}", _constant(value)) for name, value in core["tuned"].items()]
    console.print()
    print_pairs(pairs, console)


def _constant(value: float | Sequence[str]) -> str:
    return "; ".join(value) if isinstance(value, (list, tuple)) else f"{value:g}"


def print_pairs(pairs: Sequence[tuple[str, str]], console: Console) -> None:
    """Names and texts, which are folded where they are too long."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=console.width // 3)
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(Text(plain(name), style="dim"), Text(plain(text)))
    console.print(table)


def _pipeline(core: Mapping[str, Any]) -> str:
    order = "in order" if core["order"] == "in" else f"out of order, {core['window']} instructions under way"
    return (
        f"{core['width']} instructions a cycle, {order}; a mispredicted branch costs {core['mispredict']:g}"
    )


def _pipes(core: Mapping[str, Any]) -> str:
    return "pipes: " + ", ".join(f"{plain(name)} {count}" for name, count in core["pipes"].items())


def _caches(caches: Mapping[str, Any]) -> str:
    ways = [
        f"{name.removesuffix('_ways').upper()} {count}" for name, count in caches.items() if "ways" in name
    ]
    return (
        f"L2 answers after {caches['l2_latency']:g}, a line every {caches['l2_line']:g} if many are asked for; "
        f"ways: {', '.join(way for way in ways if not way.endswith(' 0'))}"
    )


def _memory(kind: Mapping[str, Any]) -> str:
    """How fast memory is from some cores; empty if that is not known."""
    memory = kind["memory"]
    if memory is None:
        return ""
    several = ", ".join(
        f"{count} cores {speed:g} GB/s" for count, speed in (memory["multi_gb_s"] or {}).items()
    )
    return (
        f"memory from CPU {units.format_cpus(kind['cpus'])}: {memory['read_gb_s']:g} GB/s"
        f"{f' ({several})' if several else ''}, {memory['latency_ns']:g} ns"
    )


def _print_classes(classes: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    """Classes that cost the same are one row."""
    same: dict[tuple[str, ...], list[str]] = {}
    for name, cost in classes.items():
        same.setdefault(_cost(cost), []).append(name)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title in ("latency", "slots", "pipes", "from", "instructions"):
        right = title in ("latency", "slots")
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    for cells, names in same.items():
        table.add_row(*(Text(cell) for cell in cells), Text(" ".join(map(plain, names))))
    console.print(table)


def _cost(cost: Mapping[str, Any]) -> tuple[str, ...]:
    """Cells of a class: latency, slots, pipes, and the core it was taken from."""
    latency = f"{cost['latency']:g}"
    if cost["accumulate"] != cost["latency"]:
        latency += f" ({cost['accumulate']:g} from the sum)"
    pipes = ", ".join(f"{plain(name)} {cycles:g}" for name, cycles in cost["pipes"]) or units.UNKNOWN
    return latency, f"{cost['slots']:g}", pipes, plain(cost["substitute"] or "itself")


def _class_sources(classes: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each source once, with the classes that it is of."""
    found: dict[str, list[str]] = {}
    for name, cost in classes.items():
        found.setdefault(cost["source"], []).append(name)
    return [(" ".join(names), source) for source, names in found.items()]

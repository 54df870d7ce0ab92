"""All that is known of one target, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.core_costs import print_costs, print_pairs
from tflprof.report.text import plain

DESCRIPTION_VERSION = 1


def description_document(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target's description, given as JSON-ready values, as the document of docs/json.md."""
    return {"schema_version": DESCRIPTION_VERSION, "target": target}


def print_description(target: Mapping[str, Any], console: Console) -> None:
    """Print a description (the document's ``target``): what it is, its cores, all other facts, their sources."""
    what = ", ".join(plain(target[key]) for key in ("title", "soc", "os", "abi") if target[key])
    console.print(Text(f"{plain(target['name'])}: {what}"))
    if target["reason"]:
        console.print(Text(f"cannot be used now: {plain(target['reason'])}"))
        if target["remedy"]:
            console.print(Text(f"  → {plain(target['remedy'])}"))
    console.print()
    _print_kinds(target["kinds"], target["cores"], console)
    console.print()
    print_pairs(_facts(target), console)
    if target["sources"]:
        console.print("\nWhere this is published", style="bold")
        print_pairs(list(target["sources"].items()), console)
    if target["assumed"]:
        console.print("\nNot published, assumed", style="bold")
        for text in target["assumed"]:
            print_pairs([("–", text)], console)
    for table in target["costs"]:
        print_costs(table, target["kinds"], console)


def _print_kinds(
    kinds: Sequence[Mapping[str, Any]], cores: Sequence[Mapping[str, Any]], console: Console
) -> None:
    Grid(
        [
            Column("CPUs", [units.format_cpus(kind["cpus"]) for kind in kinds], weight=100, right=False),
            Column("--core", [_names(kind, cores) for kind in kinds], weight=90, right=False),
            Column("core", [plain(kind["part"] or "–") for kind in kinds], 80, right=False, least=12),
            Column("clock", [_clock(kind) for kind in kinds], weight=70, right=False),
            Column("L1 data", [_size(kind["l1d_bytes"]) for kind in kinds], weight=50),
            Column("L2", [_level2(kind) for kind in kinds], weight=60, right=False),
            Column("ID register", [_register(kind["midr"]) for kind in kinds], weight=10, right=False),
        ]
    ).print(console)


def _names(kind: Mapping[str, Any], cores: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(choice["core"] for choice in cores if set(kind["cpus"]) <= set(choice["cpus"]))


def _facts(target: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values; what is not known is left out."""
    facts = [
        ("--core", "; ".join(_choice(choice) for choice in target["cores"])),
        ("memory", units.format_bytes(target["memory_bytes"])),
        ("L3", _level3(target["l3_bytes"])),
        ("caches", _LISTED.get(target["caches_listed"], "")),
        ("features", " ".join(target["features"] or ())),
        ("hardware", _HARDWARE_LINE if target["hardware"] == "" else target["hardware"] or ""),
        ("emulated as", f"-cpu {target['emulated_cpu']}" if target["emulated_cpu"] else ""),
        ("provenance", target["provenance"]),
    ]
    return [(name, text) for name, text in facts if text not in ("", units.UNKNOWN)]


_HARDWARE_LINE = "no such line in /proc/cpuinfo"
_LISTED = {
    True: "their sizes are listed in /sys",
    False: "their sizes are not listed in /sys: the inference library takes its own for such cores",
}


def _choice(choice: Mapping[str, Any]) -> str:
    return f"{choice['core']}: CPU {units.format_cpus(choice['cpus'])}, one thread on {choice['first']}"


def _level3(size: int | None) -> str:
    return "none" if size == 0 else f"{_size(size)}, shared by all" if size else ""


def _level2(kind: Mapping[str, Any]) -> str:
    if kind["l2_bytes"] is None or len(kind["cpus"]) == 1:
        return _size(kind["l2_bytes"])
    return f"{_size(kind['l2_bytes'])} {'shared' if kind['l2_shared'] else 'each'}"


def _size(size: int | None) -> str:
    return units.format_bytes(size)


def _clock(kind: Mapping[str, Any]) -> str:
    most = kind["max_khz"]
    if most is None:
        return units.UNKNOWN
    least = f"{units.digits(kind['min_khz'] / 1e6)} to " if kind["min_khz"] else ""
    return f"{least}{units.digits(most / 1e6)} GHz"


def _register(midr: int | None) -> str:
    return units.UNKNOWN if midr is None else f"0x{midr:08x}"

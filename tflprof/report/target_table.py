"""The list of targets, as a table and as JSON: a column per field of the records it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.document import without_nan
from tflprof.report.text import plain

TARGETS_VERSION = 1


def targets_document(targets: Sequence[Any]) -> dict[str, Any]:
    """The targets (dataclass instances) as JSON-ready values (docs/json.md)."""
    return {"schema_version": TARGETS_VERSION, "targets": without_nan([asdict(target) for target in targets])}


def print_targets(targets: Sequence[Any], console: Console) -> None:
    """Print a row per target (dataclass instances of one kind)."""
    records = [asdict(target) for target in targets]
    if not records:
        console.print("no targets")
        return
    # The first field is the name and stays; those behind it give way in order, the last one shortened first.
    Grid(
        [
            Column(
                key.replace("_", " "),
                [_cell(record[key]) for record in records],
                weight=100 - place,
                right=False,
                least=16 if place else 0,
            )
            for place, key in enumerate(records[0])
        ]
    ).print(console)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value))) or units.UNKNOWN
    return plain(value)

"""What a query of a history gave, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.text import plain


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], console: Console) -> None:
    """Print what a query gave as a plain table, all of it, however wide; NULL is an en dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    numeric = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(columns))]
    for line in ([plain(name) for name in columns], *cells):
        padded = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        console.print(Text("  ".join(padded).rstrip()), soft_wrap=True)
    console.print(Text(f"{len(rows)} row" + ("" if len(rows) == 1 else "s"), style="dim"))


def _cell(value: Any) -> str:
    return units.UNKNOWN if value is None else plain(value)

"""Tables that fit the terminal: columns of little weight go first, long text gives way in its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tflprof.report.text import shorten

_GAP = 2


@dataclass(frozen=True)
class Column:
    """A column and its cells.

    Attributes:
        weight: columns of the lowest weight are left out first if the terminal is narrow.
        least: its text may be shortened to this many characters; 0: it may not.
        middle: what is too long loses its middle, also if it looks like a path.
    """

    title: str
    cells: Sequence[Text | str]
    weight: int
    right: bool = True
    least: int = 0
    style: str = ""
    middle: bool = False

    @property
    def natural(self) -> int:
        """Width that shows everything."""
        return max(map(len, (self.title, *(_plain(cell) for cell in self.cells))))

    @property
    def narrowest(self) -> int:
        """Width below which the column makes no sense."""
        return min(self.natural, self.least) if self.least else self.natural


@dataclass
class Grid:
    """Columns of equal length, from left to right."""

    columns: list[Column]

    def print(self, console: Console) -> None:
        """Print as many columns as fit."""
        columns = _fitting(self.columns, console.width)
        widths = _widths(columns, console.width)
        table = Table(
            box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True
        )
        for column, width in zip(columns, widths, strict=True):
            table.add_column(
                Text(column.title), justify="right" if column.right else "left", width=width, no_wrap=True
            )
        for i in range(len(columns[0].cells)):
            table.add_row(*(_cell(column, i, width) for column, width in zip(columns, widths, strict=True)))
        console.print(table)


def _fitting(columns: list[Column], width: int) -> list[Column]:
    kept = list(columns)
    while len(kept) > 1 and sum(column.narrowest + _GAP for column in kept) - _GAP > width:
        kept.remove(min(kept, key=lambda column: column.weight))
    return kept


def _widths(columns: list[Column], width: int) -> list[int]:
    widths = [column.narrowest for column in columns]
    spare = width - sum(each + _GAP for each in widths) + _GAP
    wanting = [i for i, column in enumerate(columns) if column.natural > widths[i]]
    # The column that lacks most is given a character at a time: names end up of like width.
    while spare > 0 and wanting:
        i = min(wanting, key=lambda i: (widths[i] / columns[i].natural, i))
        widths[i] += 1
        spare -= 1
        if widths[i] == columns[i].natural:
            wanting.remove(i)
    return widths


def _cell(column: Column, row: int, width: int) -> Text:
    cell = column.cells[row]
    if isinstance(cell, Text) and len(cell.plain) <= width:
        return cell
    style = cell.style if isinstance(cell, Text) else column.style
    return Text(shorten(_plain(cell), width, middle=column.middle), style=style)


def _plain(cell: Text | str) -> str:
    return cell.plain if isinstance(cell, Text) else cell

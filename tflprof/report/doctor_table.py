"""What the doctor found, as lines and as JSON (docs/json.md)."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from tflprof.report.text import plain

DOCTOR_VERSION = 1
_FIELDS = ("group", "name", "status", "detail", "remedy", "target")
_WORDS = {"ok": "ok", "limited": "limited", "missing": "missing", "unused": "not used"}
_STYLE = {"ok": "green", "limited": "yellow", "missing": "bold red", "unused": "dim"}
_STATUS_WIDTH = 10
_LEAST_DETAIL = 30
_MOST_NAME = 24


class Checked(Protocol):
    """One thing that was looked at."""

    @property
    def group(self) -> str:
        """What it belongs to."""

    @property
    def name(self) -> str:
        """What was looked at."""

    @property
    def status(self) -> str:
        """``ok``, ``limited``, ``missing`` or ``unused``."""

    @property
    def detail(self) -> str:
        """What was found."""

    @property
    def remedy(self) -> str | None:
        """The command that mends it."""

    @property
    def target(self) -> str | None:
        """The target that was tried."""


def doctor_document(checks: Sequence[Checked], working: Sequence[str]) -> dict[str, Any]:
    """The checks as JSON-ready values; ``working``: targets that something can be measured on."""
    return {
        "schema_version": DOCTOR_VERSION,
        "works": bool(working),
        "targets": list(working),
        "checks": [{field: getattr(check, field) for field in _FIELDS} for check in checks],
    }


def print_doctor(checks: Sequence[Checked], working: Sequence[str], console: Console) -> None:
    """Print a line per check, the command that mends it below, and what works in the end."""
    longest = max((len(plain(check.name)) for check in checks), default=0)
    name_width = min(longest, _MOST_NAME) + 2
    for group, members in groupby(checks, key=lambda check: check.group):
        console.print(Text(plain(group), style="bold"))
        for check in members:
            _print_check(check, name_width, console)
        console.print()
    counts = Counter(check.status for check in checks)
    told = ", ".join(f"{counts[status]} {word}" for status, word in _WORDS.items() if counts[status])
    console.print(Text(told))
    if working:
        console.print(Text(f"tflprof works here: --target {', '.join(map(plain, working))}"), soft_wrap=True)
    else:
        console.print(Text("No target works here: begin with what is missing above.", style="bold red"))


def _print_check(check: Checked, name_width: int, console: Console) -> None:
    indent = 2 + _STATUS_WIDTH + name_width
    width = max(_LEAST_DETAIL, console.width - indent)
    wrapped = textwrap.wrap(plain(check.detail), width, break_on_hyphens=False) or [""]
    # A phone's serial may be longer than the column.
    first, *more = wrapped if len(plain(check.name)) < name_width else ["", *wrapped]
    word = _WORDS.get(check.status, check.status)
    style = _STYLE.get(check.status, "")
    line = Text.assemble(
        "  ", (f"{word:<{_STATUS_WIDTH}}", style), f"{plain(check.name):<{name_width}}", first
    )
    console.print(line, soft_wrap=True)
    for each in more:
        console.print(Text(" " * indent + each), soft_wrap=True)
    if check.remedy:
        # Not wrapped: it is copied from here.
        console.print(Text(f"{' ' * (2 + _STATUS_WIDTH)}→ {plain(check.remedy)}"), soft_wrap=True)

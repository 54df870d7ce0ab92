"""The list of targets, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain

TARGETS_VERSION = 1
_FIELDS = ("name", "usable", "provenance", "description", "cores", "reason", "remedy", "device")


class Listed(Protocol):
    """What a target tells of itself; ``reason`` and ``remedy`` are for one that cannot be used."""

    @property
    def name(self) -> str:
        """As it is given to ``--target``."""

    @property
    def usable(self) -> bool:
        """Whether it can be used now."""

    @property
    def provenance(self) -> str:
        """Provenance of its numbers."""

    @property
    def description(self) -> str:
        """The machine or phone."""

    @property
    def cores(self) -> str:
        """What ``--core`` may be."""

    @property
    def reason(self) -> str | None:
        """Why it cannot be used."""

    @property
    def remedy(self) -> str | None:
        """What to do about it."""

    @property
    def device(self) -> Mapping[str, Any] | None:
        """Facts and state of a connected phone."""


def targets_document(targets: Sequence[Listed]) -> dict[str, Any]:
    """The targets as JSON-ready values (docs/json.md)."""
    found = [{field: getattr(target, field) for field in _FIELDS} for target in targets]
    return {"schema_version": TARGETS_VERSION, "targets": found}


def print_targets(targets: Sequence[Listed], console: Console) -> None:
    """Print a row per target, below them more about connected phones and what those lack that cannot be used."""
    Grid(
        [
            Column("target", [_name(target) for target in targets], weight=100, right=False),
            Column(
                "usable", ["yes" if target.usable else "no" for target in targets], weight=90, right=False
            ),
            Column("numbers", [plain(target.provenance) for target in targets], weight=20, right=False),
            Column(
                "machine", [plain(_machine(target)) for target in targets], weight=30, right=False, least=40
            ),
            Column("cores", [plain(target.cores) for target in targets], weight=10, right=False, least=45),
        ]
    ).print(console)
    for target in targets:
        if target.device:
            console.print()
            console.print(Text(f"{plain(target.name)}: {plain(target.description)}"))
            console.print(Text(f"  {plain(target.cores)}"))
        elif not target.usable:
            console.print()
            console.print(Text(f"{plain(target.name)}: {plain(target.reason or 'cannot be used')}"))
            if target.remedy:
                console.print(Text(f"  → {plain(target.remedy)}"))


def _machine(target: Listed) -> str:
    """There is more to say about a phone than a column holds."""
    return str(target.device["name"]) if target.device else target.description


def _name(target: Listed) -> Text:
    return Text(plain(target.name), style="" if target.usable else "dim")

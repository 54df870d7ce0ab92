"""The clock of measured rows: what one and the same model took beside each of them, when they were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A reference model that was measured in the same processes as whatever gave rows.

    Attributes:
        sha256: of its file.
        value: the time that rows are scaled to have been measured at, in the table's unit.
        seen: its time beside each model and chain in turn, in the table's unit.

    Raises:
        ValueError: a time that is none.
    """

    sha256: str
    value: float
    seen: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(math.isfinite(time) and time > 0 for time in (self.value, *self.seen)):
            raise ValueError("a time of the reference is none")

    @property
    def moved(self) -> tuple[float, float] | None:
        """Least and greatest of the times seen, relative to ``value``; None if there are none."""
        if not self.seen:
            return None
        return min(self.seen) / self.value - 1, max(self.seen) / self.value - 1

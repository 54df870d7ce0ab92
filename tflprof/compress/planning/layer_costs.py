"""What single configurations cost by a latency table, each looked up once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tflprof.op_config import OpConfig

Wanted = tuple["OpConfig", bool]
"""A configuration, and whether it is the first kernel of its part."""


class Estimated(Protocol):
    """What a table says of one configuration; ``kind`` is ``missing`` if it says nothing."""

    @property
    def value(self) -> float:
        """In the table's unit."""

    @property
    def instructions(self) -> float | None:
        """In instructions, where they were counted beside."""

    @property
    def kind(self) -> str:
        """``exact``, ``interpolated``, ``extrapolated`` or ``missing``."""

    @property
    def reason(self) -> str:
        """How it came about."""


class Table(Protocol):
    """A latency table, as far as costs need one."""

    def estimates(self, configs: Sequence[OpConfig], first: bool = False) -> Sequence[Estimated]:
        """What configurations cost, each by itself."""


@dataclass(frozen=True)
class _Fixed:
    """A cost that was given, whatever the table says."""

    value: float
    instructions: float
    kind: str = "exact"
    reason: str = "measured with the model"


@dataclass(frozen=True)
class Overheads:
    """What a total has beyond its rows, in the unit of costs."""

    model: float = 0.0
    part: float = 0.0
    layer: float = 0.0


class Costs:
    """Costs of configurations by a table, each looked up once.

    Args:
        table: what knows them.
        overheads: what is added to them.
        instructions: whether they are instructions, which the table has beside its unit.
    """

    def __init__(
        self, table: Table, overheads: Overheads = Overheads(), *, instructions: bool = False
    ) -> None:
        self.table = table
        self.overheads = overheads
        self._instructions = instructions
        self._known: dict[tuple[str, bool], Estimated] = {}
        self._fixed: dict[tuple[str, bool], Estimated] = {}
        self._keys: dict[int, tuple[OpConfig, str]] = {}

    def estimate(self, config: OpConfig, first: bool = False) -> Estimated:
        """What the table says."""
        key = (self._key(config), first)
        if key not in self._known:
            (self._known[key],) = self.table.estimates([config], first)
        return self._known[key]

    def look_up(self, wanted: Iterable[Wanted]) -> None:
        """Ask the table about many at once, which is faster than one after the other."""
        for first in (False, True):
            asked = {self._key(config): config for config, other in wanted if other == first}
            new = {key: config for key, config in asked.items() if (key, first) not in self._known}
            if new:
                found = self.table.estimates(list(new.values()), first)
                self._known.update({(key, first): one for key, one in zip(new, found, strict=True)})

    def of(self, config: OpConfig, first: bool = False) -> float:
        """Cost with the overhead of a layer; NaN if the table does not know."""
        found = self.estimate(config, first)
        value = found.instructions if self._instructions else found.value
        if found.kind == "missing" or value is None or not math.isfinite(value):
            return math.nan
        return value + self.overheads.layer

    def renew(self, table: Table) -> None:
        """Ask another table from now on."""
        self.table = table
        self._known = dict(self._fixed)

    def fix(self, config: OpConfig, first: bool, cost: float) -> None:
        """Let a configuration cost this, with the overhead of a layer, whatever tables say."""
        value = cost - self.overheads.layer
        key = (self._key(config), first)
        self._known[key] = self._fixed[key] = _Fixed(value, value)

    def _key(self, config: OpConfig) -> str:
        # Frozen data hashes slowly; the object itself is kept, so that its id stays its own.
        known = self._keys.get(id(config))
        if known is None:
            known = self._keys[id(config)] = (config, config.key)
        return known[1]

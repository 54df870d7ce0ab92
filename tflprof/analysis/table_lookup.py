"""One configuration in a latency table: its row, or what its family says, or why there is nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tflprof.analysis.table_family import FEW, GUESS, Family, Interpolated
from tflprof.analysis.table_features import ARM, X86
from tflprof.analysis.table_shapes import Work, work_of
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import LatencyRow, StoredTable

RELATIVES = math.log(1.25)
"""Least half-width of what only related families tell, as a natural logarithm of a ratio."""
ELSEWHERE = 0.05
"""Half-width of a predicted time's row in another place than its own, where no two places tell: caches differ."""
LEAST_ELSEWHERE = 0.035
_TIME_CONTEXTS = ("network", "chain")
_ENOUGH = 8
_COUNT_CONTEXTS = ("network", "chain", "isolated")
"""Whose rows are taken, in this order; counts are the same wherever a layer runs, times alone are of warm caches."""


@dataclass(frozen=True)
class Estimate:
    """What one layer costs.

    Attributes:
        value: in the table's unit; NaN if missing.
        lo, hi: 95 % interval; NaN if missing.
        instructions: beside times, where the table has them; None elsewhere.
        kind: ``exact`` (a row), ``interpolated`` (between rows), ``extrapolated`` (outside of them, or from few or
            related ones) or ``missing``.
        reason: where it comes from, or why there is nothing.
    """

    value: float
    lo: float
    hi: float
    instructions: float | None
    kind: str
    reason: str

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.kind != "missing"

    def with_more(self, cost: float) -> Estimate:
        """The same with a further cost, which has no error of its own."""
        return replace(self, value=self.value + cost, lo=self.lo + cost, hi=self.hi + cost)


def missing(reason: str) -> Estimate:
    """The estimate of what a table knows nothing of."""
    return Estimate(math.nan, math.nan, math.nan, None, "missing", reason)


@dataclass(frozen=True)
class _Point:
    """What the table has of one configuration, as a layer that is not the first."""

    work: Work
    value: float | None
    instructions: float | None


LEAST_OWN = 0.3
"""Of what a row cost, however much its weights are said to have cost it."""


def _near(row: LatencyRow) -> LatencyRow:
    """A row as if its weights had come out of a near cache."""
    if not row.value:
        return row
    share = max(1 - row.refetch / row.value, LEAST_OWN)
    return replace(row, value=round(row.value * share), lo=row.lo * share, hi=row.hi * share, refetch=0.0)


class Lookup:
    """The rows of a table with their families, as if weights came out of a near cache."""

    def __init__(self, stored: StoredTable) -> None:
        self._counts_only = stored.meta.unit == "instructions"
        self._size = len(stored.rows)
        self._kernels = X86 if stored.meta.target.abi.endswith("x86_64") else ARM
        self._rows: dict[str, list[LatencyRow]] = {}
        refetch = stored.meta.refetch
        for row in stored.rows:
            own = row if refetch is None else _near(row)
            self._rows.setdefault(row.config.key, []).append(own)
        self._first_cost, self._first_count = self._first_terms()
        # Predicted times repeat exactly, and the error they have in common is no row's own (TableMeta.prediction).
        self._elsewhere = None if stored.meta.prediction is None else self._between_places()
        self._members: dict[str, list[_Point]] = {}
        for key in self._rows:
            point = self._point(key)
            for name in {point.work.family, point.work.relatives}:
                self._members.setdefault(name, []).append(point)
        self._fits: dict[tuple[str, bool], Family | None] = {}

    def __len__(self) -> int:
        return self._size

    def group(self, config: OpConfig) -> str:
        """Whose errors go together with this configuration's: those of its family."""
        return work_of(config).relatives

    def estimates(self, configs: Sequence[OpConfig], first: bool) -> list[Estimate]:
        """What configurations cost, as first kernels or not."""
        found: list[Estimate | None] = [self._exact(config, first) for config in configs]
        absent = [place for place, estimate in enumerate(found) if estimate is None]
        families: dict[str, list[int]] = {}
        for place in absent:
            families.setdefault(work_of(configs[place]).family, []).append(place)
        for places in families.values():
            works = [work_of(configs[place]) for place in places]
            for place, estimate in zip(places, self._between(works, first), strict=True):
                found[place] = estimate
        return [estimate for estimate in found if estimate is not None]

    def _contexts(self) -> tuple[str, ...]:
        return _COUNT_CONTEXTS if self._counts_only else _TIME_CONTEXTS

    def _chosen(self, key: str, first: bool, contexts: Sequence[str]) -> LatencyRow | None:
        """The row to take, of layers that are first or not; the first context that there is."""
        rows = {row.context: row for row in self._rows.get(key, ()) if row.first == first}
        return next((rows[context] for context in contexts if context in rows), None)

    def _first_terms(self) -> tuple[float, float]:
        """What a first kernel costs more than the same one later; 0 where no row tells."""
        costs, counts = [], []
        for key in self._rows:
            contexts = self._contexts()
            one, other = self._chosen(key, True, contexts), self._chosen(key, False, contexts)
            if one is not None and other is not None:
                costs.append(one.value - other.value)
                if one.instructions is not None and other.instructions is not None:
                    counts.append(one.instructions - other.instructions)
        return (float(np.median(costs)) if costs else 0.0, float(np.median(counts)) if counts else 0.0)

    def _between_places(self) -> float:
        """How far the same layer's predicted times are apart in chains and in networks, half-width of 95 %."""
        apart, values = [], []
        for key in self._rows:
            one, other = (self._chosen(key, False, [context]) for context in _TIME_CONTEXTS)
            if one is not None and other is not None and min(one.value, other.value) > 0:
                apart.append(math.log(one.value / other.value))
                values.append(float(one.value))
        if len(apart) < _ENOUGH:
            return ELSEWHERE
        # As a part of a sum: what is large counts.
        weights = np.square(values)
        return max(
            2.0 * math.sqrt(float(np.sum(weights * np.square(apart)) / np.sum(weights))), LEAST_ELSEWHERE
        )

    def _bounds(self, row: LatencyRow, value: float) -> tuple[float, float]:
        """Interval of a row's value, moved to ``value``."""
        if self._elsewhere is not None:
            return value * math.exp(-self._elsewhere), value * math.exp(self._elsewhere)
        scale = value / row.value if row.value else 1.0
        return row.lo * scale, row.hi * scale

    def _point(self, key: str) -> _Point:
        rows = self._rows[key]
        cost, change = self._either(key, False, self._contexts())
        count, more = self._either(key, False, _COUNT_CONTEXTS)
        instructions = None if count is None or count.instructions is None else count.instructions + more[1]
        work = work_of(rows[0].config)
        value = None if cost is None else max(cost.value + change[0], 1e-3)
        return _Point(work, value, instructions)

    def _either(
        self, key: str, first: bool, contexts: Sequence[str]
    ) -> tuple[LatencyRow | None, tuple[float, float]]:
        """A row of this place or of the other one, and what to add to its cost and count then."""
        own = self._chosen(key, first, contexts)
        if own is not None:
            return own, (0.0, 0.0)
        sign = 1.0 if first else -1.0
        return self._chosen(key, not first, contexts), (sign * self._first_cost, sign * self._first_count)

    def _exact(self, config: OpConfig, first: bool) -> Estimate | None:
        row, (cost, _) = self._either(config.key, first, self._contexts())
        if row is None:
            return None
        count, other = self._either(config.key, first, _COUNT_CONTEXTS)
        instructions = None if count is None or count.instructions is None else count.instructions + other[1]
        value = max(row.value + cost, 0.0)
        reason = f"a row measured in a {row.context}" if row.context != "isolated" else "a row measured alone"
        if row.first != first:
            reason += f", {'not ' if first else ''}as the first kernel"
        return Estimate(value, *self._bounds(row, value), instructions, "exact", reason)

    def _between(self, works: Sequence[Work], first: bool) -> list[Estimate]:
        """Estimates of configurations of one family without rows."""
        name, reason = works[0].family, ""
        family = self._fit(name, False)
        if family is None:
            name = works[0].relatives
            family, reason = self._fit(name, False), "no row of its family, from related ones"
        if family is None:
            return [self._missing(work) for work in works]
        found = family.predict(works)
        counts = self._fit(name, True)
        instructions = None if counts is None else counts.predict(works).values + self._first_count * first
        return [
            self._estimate(
                family, found, at, first, reason, None if instructions is None else instructions[at]
            )
            for at in range(len(works))
        ]

    def _estimate(
        self, family: Family, found: Interpolated, at: int, first: bool, reason: str, count: float | None
    ) -> Estimate:
        value = max(float(found.values[at]) + self._first_cost * first, 0.0)
        half, outside = float(found.halves[at]), float(found.outside[at])
        kind = "interpolated"
        if reason:
            kind, half = "extrapolated", max(half, RELATIVES)
        elif len(family) < FEW and not found.recalled[at]:
            kind, half = "extrapolated", max(half, GUESS)
            reason = f"its family has {len(family)} row{'s' if len(family) > 1 else ''} only"
        elif found.unlike[at]:
            kind, reason = "extrapolated", "its channels do not fill tiles, and those of all rows do"
        elif outside > 0:
            kind, reason = "extrapolated", f"{math.exp(outside):.2f} times outside of {len(family)} rows"
        else:
            reason = f"between {len(family)} rows" if not found.recalled[at] else "a row of the same sizes"
        instructions = None if count is None else float(count)
        return Estimate(value, value * math.exp(-half), value * math.exp(half), instructions, kind, reason)

    def _missing(self, work: Work) -> Estimate:
        known = bool(self._members.get(work.family))
        reason = (
            "its family was measured alone only, in warm caches"
            if known
            else f"no row of its family: {work.family}"
        )
        return missing(reason)

    def _fit(self, name: str, counts: bool) -> Family | None:
        """The family of this name, of instructions or of the table's unit; None if it has no rows."""
        place = (name, counts)
        if place not in self._fits:
            self._fits[place] = self._new_fit(name, counts)
        return self._fits[place]

    def _new_fit(self, name: str, counts: bool) -> Family | None:
        found = [
            (point.work, float(value))
            for point in self._members.get(name, ())
            if (value := point.instructions if counts else point.value) is not None
        ]
        if not found:
            return None
        # What costs nothing runs nothing: it tells nothing about what runs.
        found = [(work, value) for work, value in found if value >= 1] or found
        works, values = [work for work, _ in found], [value for _, value in found]
        if counts or self._counts_only:
            return Family(works, values, moves=False, kernels=self._kernels)
        counted = self._fit(name, True)
        tiles = counted.likely_tiles if counted is not None and len(counted) >= FEW else ()
        return Family(works, values, moves=True, tiles=tiles, kernels=self._kernels)

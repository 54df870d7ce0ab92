"""Errors of predictions against published times: alone, with an anchor, of ratios, of threads, and their intervals.

Nothing here runs a model. An error is predicted / published - 1; statistics are of its logarithm where errors are
multiplied or averaged over phones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.published_times import Point

STOCK = (
    "cortex-a53",
    "cortex-a55",
    "cortex-a72",
    "cortex-a73",
    "cortex-a75",
    "cortex-a76",
    "cortex-a77",
    "cortex-a78",
)
"""Cores of Arm's own design, or Qualcomm's light changes of them, that the published times are of."""


@dataclass(frozen=True)
class Predicted:
    """A published time with its prediction.

    Attributes:
        ms: predicted without an anchor; None if it was refused, with the ``reason``.
        error: half-width of the 95 % interval that the prediction states, as the logarithm of a ratio.
        anchored_error: the same of a prediction with an anchor of its element type; other_error: of another one.
    """

    point: Point
    ms: float | None
    error: float = 0.0
    anchored_error: float = 0.0
    reason: str = ""
    other_error: float = 0.0

    @property
    def relative(self) -> float:
        """Predicted / published - 1."""
        return self.ratio - 1

    @property
    def ratio(self) -> float:
        """Predicted / published."""
        if self.ms is None:
            raise ValueError(f"{self.point.device}: {self.reason}")
        return self.ms / self.point.ms


@dataclass(frozen=True)
class Pair:
    """Two times of one device: ``error`` is that of the predicted ratio, or of the other with the one as an anchor."""

    one: Point
    other: Point
    error: float
    stated: float = 0.0

    @property
    def use(self) -> str:
        """``blind`` if the other is."""
        return self.other.use


@dataclass(frozen=True)
class Statistics:
    """Of errors: how many, of how many phones, mean and greatest absolute value, and mean with its sign."""

    count: int
    clusters: int
    mean: float
    worst: float
    bias: float


def statistics_of(errors: Sequence[tuple[str, float]]) -> Statistics | None:
    """Statistics of (cluster, error); None of nothing."""
    if not errors:
        return None
    values = [error for _, error in errors]
    absolute = [abs(value) for value in values]
    clusters = len({cluster for cluster, _ in errors})
    count = len(values)
    return Statistics(count, clusters, sum(absolute) / count, max(absolute), sum(values) / count)


def alone(rows: Iterable[Predicted]) -> list[tuple[str, float]]:
    """(cluster, error) of predictions without an anchor."""
    return [(row.point.cluster, row.relative) for row in rows if row.ms is not None]


def anchored(rows: Iterable[Predicted]) -> list[Pair]:
    """Every time of a device, predicted with each other one of the same device as the only anchor.

    The same network measured again is no test of an anchor and left out.
    """
    pairs = []
    for one, other in _same_device(rows):
        if one.point.network != other.point.network or one.point.dtype != other.point.dtype:
            stated = other.anchored_error if one.point.dtype == other.point.dtype else other.other_error
            pairs.append(Pair(one.point, other.point, other.ratio / one.ratio - 1, stated))
    return pairs


def ratios(rows: Iterable[Predicted], wanted: Callable[[Point, Point], bool]) -> list[Pair]:
    """Errors of predicted time ratios of the pairs of times of one device that are wanted."""
    return [
        Pair(one.point, other.point, other.ratio / one.ratio - 1)
        for one, other in _same_device(rows)
        if wanted(one.point, other.point)
    ]


def _same_device(rows: Iterable[Predicted]) -> Iterable[tuple[Predicted, Predicted]]:
    """Ordered pairs of one source's times of one device on one thread."""

    def place(row: Predicted) -> tuple[str, str]:
        return row.point.source.name, row.point.device

    single = [row for row in rows if row.ms is not None and row.point.threads == 1]
    for _, found in groupby(sorted(single, key=place), key=place):
        own = list(found)
        yield from ((one, other) for one in own for other in own if one is not other)


def change(field: str, first: object = None, then: object = None) -> Callable[[Point, Point], bool]:
    """Whether two networks differ in this field only, from one value to another (None: to a smaller one)."""

    def wanted(one: Point, other: Point) -> bool:
        before, after = getattr(one, field), getattr(other, field)
        rest = {"model", "resized", "width", "dtype"} - {field if field != "size" else "resized"}
        if any(getattr(one, name) != getattr(other, name) for name in rest):
            return False
        return bool(before > after) if first is None else (before, after) == (first, then)

    return wanted


def any_change(one: Point, other: Point) -> bool:
    """Two different networks, from the slower to the faster."""
    return (one.network, one.dtype) != (other.network, other.dtype) and one.ms > other.ms


def covered(rows: Iterable[Predicted]) -> list[tuple[str, bool]]:
    """(cluster, whether the stated interval holds the published time), the rounding of the latter allowed for."""
    found = []
    for row in rows:
        if row.ms is not None:
            reach = row.error + math.log1p(row.point.relative_rounding)
            found.append((row.point.cluster, abs(math.log(row.ratio)) <= reach))
    return found


def covered_pairs(pairs: Iterable[Pair]) -> list[tuple[str, bool]]:
    """The same of predictions with an anchor; both times are rounded."""
    found = []
    for pair in pairs:
        rounding = math.log1p(pair.one.relative_rounding) + math.log1p(pair.other.relative_rounding)
        found.append((pair.other.cluster, abs(math.log1p(pair.error)) <= pair.stated + rounding))
    return found


def without_others_bias(rows: Sequence[Predicted]) -> list[tuple[str, float]]:
    """(cluster, error) after one common factor that only the other clusters chose: leave one phone out.

    Every cluster counts the same in the factor, however many times it has.
    """
    logs: dict[str, list[float]] = {}
    for row in rows:
        if row.ms is not None:
            logs.setdefault(row.point.cluster, []).append(math.log(row.ratio))
    means = {cluster: sum(values) / len(values) for cluster, values in logs.items()}
    found = []
    for cluster, values in logs.items():
        others = [mean for name, mean in means.items() if name != cluster]
        bias = sum(others) / len(others) if others else 0.0
        found += [(cluster, math.exp(value - bias) - 1) for value in values]
    return found


def speedups(rows: Iterable[Predicted]) -> list[tuple[Predicted, float, float]]:
    """Times on several threads: (row, published speedup over one thread, predicted); NaN where there is none."""
    known = list(rows)
    single = {
        (row.point.source.name, row.point.device, row.point.network, row.point.dtype): row
        for row in known
        if row.point.threads == 1
    }
    found = []
    for row in known:
        if row.point.threads > 1:
            point = row.point
            base = single.get((point.source.name, point.device, point.network, point.dtype))
            published = base.point.ms / point.ms if base else math.nan
            predicted = base.ms / row.ms if base and base.ms and row.ms else math.nan
            found.append((row, published, predicted))
    return found

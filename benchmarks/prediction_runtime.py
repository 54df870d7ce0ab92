"""Published times against predictions with the kernels of their day: how much of an error is the library's age?

Most published times are of XNNPACK as it was then; ``benchmarks.prediction`` predicts them with the LiteRT of today.
Here TensorFlow Lite 2.7.0, the oldest wheel for 64-bit Arm that PyPI has, runs in the same emulator, with the same
costs of instructions and caches. It is of December 2021, and predicts times up to 2023, to which it is nearer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.older_runtime import DATE, NAME, UNTIL, Counts, counts
from benchmarks.prediction_errors import STOCK, Predicted, alone, anchored, any_change, ratios, statistics_of
from benchmarks.prediction_report import of_pairs
from benchmarks.prediction_runs import Cache, Emulated, predict
from benchmarks.published_times import Point, read_points
from tflprof.model.build import build_network

Statistic = Callable[[Sequence[Predicted]], Any]


@dataclass(frozen=True)
class Compared:
    """A published time, predicted with the library of today and with that of its day."""

    today: Predicted
    then: Predicted
    emulated: Emulated
    counts: Counts

    @property
    def cycles(self) -> float:
        """Cycles of then by those of today."""
        return self.counts.cycles / self.emulated.count("cycles")

    @property
    def instructions(self) -> float:
        """Instructions of then by those of today."""
        return self.counts.instructions / self.emulated.count("instructions")


def of_then(point: Point) -> bool:
    """Whether a time is nearer in age to the older library than to that of today."""
    return point.source.date[:4] <= UNTIL


def compared(rows: Iterable[tuple[Predicted, Emulated | None]], cache: Cache) -> list[Compared]:
    """Every prediction of an older point beside that with the older library."""
    found = []
    for row, emulated in rows:
        point = row.point
        if emulated is None or not of_then(point):
            continue
        model = cache.model(_file(point), partial(_network, point))
        older = counts(model, point.phone, point.core)
        then = Predicted(point, older.ms(point.clock_ghz * 1e9))
        found.append(Compared(row, then, emulated, older))
        print(
            f"{point.device}: {point.network} {point.dtype}: {row.relative:+.1%}, then {then.relative:+.1%}"
        )
    return found


def _file(point: Point) -> str:
    return f"{point.model}_{point.width:g}_{point.size}_{point.dtype}"


def _network(point: Point) -> bytes:
    return build_network(point.model, point.size, point.width, point.dtype)


def _stock(rows: Sequence[Predicted]) -> list[Predicted]:
    return [row for row in rows if row.point.cpu in STOCK]


STATISTICS: tuple[tuple[str, Statistic], ...] = (
    ("no anchor", lambda rows: statistics_of(alone(_stock(rows)))),
    ("… blind", lambda rows: statistics_of(alone(row for row in _stock(rows) if row.point.use == "blind"))),
    ("one anchor, every choice of it", lambda rows: of_pairs(anchored(_stock(rows)))),
    ("ratios of two networks of a phone", lambda rows: of_pairs(ratios(_stock(rows), any_change))),
)


def statistics(rows: Sequence[Compared], others: Sequence[Predicted]) -> list[tuple[str, Any, Any]]:
    """Title, statistics with the library of today, and with that of then; ``others``: times that are not so old."""
    today, then = [row.today for row in rows], [row.then for row in rows]
    found = [(f"{title}: times up to {UNTIL}", of(today), of(then)) for title, of in STATISTICS]
    return found + [
        (f"{title}: all times, later ones of today", of([*today, *others]), of([*then, *others]))
        for title, of in STATISTICS
    ]


def text(rows: Sequence[Compared], others: Sequence[Predicted]) -> str:
    """The report."""
    head = (
        "Arm's own cores, one thread",
        "errors",
        "today: mean |error|",
        "worst",
        "then: mean |error|",
        "worst",
    )
    summary = [
        (title, str(one.count), *(_percent(value) for value in (one.mean, one.worst, two.mean, two.worst)))
        for title, one, two in statistics(rows, others)
        if one and two
    ]
    points = ("phone", "core", "network", "type", "published", "today", "then", "instructions", "cycles")
    return "\n\n".join(
        [
            f"*Today*: LiteRT as shipped. *Then*: {NAME} of {DATE}, for times up to {UNTIL}; its instructions and "
            "cycles are by those of today. Same emulator, same costs.",
            common.table(head, summary),
            common.table(points, [_line(row) for row in rows]),
        ]
    )


def _line(row: Compared) -> tuple[str, ...]:
    point = row.today.point
    return (
        *(point.device, point.cpu, point.network, point.dtype, f"{point.ms:g} ms"),
        *(f"{row.today.relative:+.1%}", f"{row.then.relative:+.1%}"),
        *(f"{row.instructions:.3f}", f"{row.cycles:.3f}"),
    )


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _data(row: Compared) -> dict[str, Any]:
    point = row.today.point
    named = {key: getattr(point, key) for key in ("device", "cpu", "network", "dtype", "ms", "use")}
    return {**named, "today_ms": row.today.ms, "then_ms": row.then.ms, "then": asdict(row.counts)}


def main() -> None:
    """Predict with both, compare and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    out = parser.parse_args().out
    cache = Cache()
    points = [point for point in read_points() if point.use != "listed" and point.threads == 1]
    predictions = predict(points, cache)
    rows = compared(predictions, cache)
    others = [row for row, _ in predictions if not of_then(row.point)]
    common.publish(
        "prediction_runtime",
        "Published times with the library of their day",
        text(rows, others),
        {"points": [_data(row) for row in rows]},
        out,
    )


if __name__ == "__main__":
    main()

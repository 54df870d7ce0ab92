"""How far off latency tables were, as Markdown and for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import common

GOALS = {"exact": 0.002, "interpolated": 0.03, "median": 0.05, "p95": 0.12}


@dataclass(frozen=True)
class Found:
    """One model, predicted and measured; errors are predicted over measured, minus 1. None: no total.

    ``time`` is in the clock of the table, ``as_measured`` in that of the minute.
    """

    model: str
    source: str
    rows: str
    layers: int
    kinds: dict[str, int]
    measured: float
    time: float | None
    instructions: float | None
    covered: bool | None
    half: float | None
    missing: str | None = None
    as_measured: float | None = None


def summary(found: Sequence[Found], source: str | None = None) -> dict[str, Any]:
    """Errors by kind of rows."""
    result: dict[str, Any] = {}
    for rows in ("exact", "interpolated"):
        chosen = [one for one in found if one.rows == rows and source in (None, one.source)]
        times = [abs(one.time) for one in chosen if one.time is not None]
        counts = [abs(one.instructions) for one in chosen if one.instructions is not None]
        raw = [abs(one.as_measured) for one in chosen if one.as_measured is not None]
        result[rows] = {
            "models": len(chosen),
            "with_total": len(times),
            "time": _quantiles(times),
            "time as measured": _quantiles(raw),
            "instructions": _quantiles(counts),
            "covered": sum(one.covered is True for one in chosen),
        }
    return result


def _quantiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    place = min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)
    return {"median": statistics.median(ordered), "p95": ordered[place], "most": ordered[-1]}


def _size(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def _signed(value: float | None) -> str:
    return "–" if value is None else common.percent(value)


def report(found: Sequence[Found], facts: dict[str, Any], target: str) -> str:
    """The result as Markdown."""
    rows = []
    for source in (None, "built", "pre-trained"):
        for kind, one in summary(found, source).items():
            for what in ("time", "time as measured", "instructions"):
                values = one[what]
                if values is not None:
                    errors = [_size(values[name]) for name in ("median", "p95", "most")]
                    inside = f"{one['covered']} of {one['with_total']}" if what == "time" else ""
                    models = f"{one['with_total']} of {one['models']}"
                    rows.append((source or "all", kind, what, models, *errors, inside))
    head = ("models", "rows", "of", "predicted", "median error", "p95", "most", "in the interval")
    single = [
        (
            one.model,
            one.rows,
            f"{one.measured / 1e6:.3f} ms",
            _signed(one.time),
            "–" if one.half is None else f"± {100 * one.half:.1f} %",
            _signed(one.instructions),
            ", ".join(f"{count} {kind}" for kind, count in one.kinds.items())
            + (f" ({one.missing})" if one.missing else ""),
        )
        for one in found
    ]
    detail = ("model", "rows", "measured", "time", "interval", "instructions", "layers")
    left = "".join(f"- {name}: {reason}\n" for name, reason in facts["left_out"].items())
    goals = (
        "Goals: exact rows within 0.2 % of instructions, interpolated ones within 3 %; "
        "time within 5 % (median) and 12 % (p95)."
    )
    return (
        f"{goals} On {target}; {facts['rows_of_known']} rows of {facts['known_networks']} networks "
        f"are known, and {facts['rows']} with those of the predicted models. No error is relative to a phone: "
        f"predicted is compared with measured of the same target.{_moved(facts['moved'])}"
        f"{_refetched(facts.get('refetch'))}{_repeated(facts.get('repeated'))}\n\n"
        f"{common.table(head, rows)}\n\n{common.table(detail, single)}\n\nLeft out:\n\n{left}"
    )


def _moved(moved: Sequence[float] | None) -> str:
    if moved is None:
        return ""
    return (
        f" The machine's own clock moved from {common.percent(moved[0])} to {common.percent(moved[1])} of its median "
        "meanwhile, as a reference model tells that was measured beside every other: it is taken out of «time», which "
        "is of undisturbed inferences, and left in «time as measured»."
    )


def _repeated(apart: Sequence[float] | None) -> str:
    if not apart:
        return ""
    middle, ninth = np.quantile(apart, [0.5, 0.9])
    return (
        f" The same model before and after its rows: apart by {100 * middle:.1f} % (median), "
        f"{100 * ninth:.1f} % (90th percentile), {100 * max(apart):.1f} % (most)."
    )


def _refetched(price: Sequence[float] | None) -> str:
    if price is None:
        return ""
    return (
        f" Fetching weights again cost up to {price[1]:.1f} ns a KiB then, half of it from {price[0] / 2**20:.0f} MiB "
        "on that an inference touches."
    )

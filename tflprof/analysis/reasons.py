"""Why a difference has the status it has, in one sentence with the numbers."""

from __future__ import annotations

from tflprof import units
from tflprof.analysis.comparison import Difference


def interval_reason(found: Difference) -> str:
    """The sentence for a status that rests on an interval of the ratio."""
    if not (units.known(found.ratio) and units.known(found.ratio_lo) and units.known(found.ratio_hi)):
        return "it has no interval"
    interval = units.format_change_interval(found.ratio_lo, found.ratio_hi)
    limit = matters(found)
    change = units.format_change(found.ratio)
    if found.status in ("faster", "slower"):
        return f"{change}, interval {interval}: it excludes 0, and what exceeds {limit} matters"
    if found.status == "same":
        return f"the interval {interval} lies within the ±{limit} that do not matter"
    small = abs(found.difference or 0.0) <= (found.threshold or 0.0)
    if found.ratio_lo > 1 or found.ratio_hi < 1:
        return (
            f"it differs, but whether by more than the {limit} that matter "
            f"is open: {change}, interval {interval}"
        )
    if small:
        return f"the interval {interval} reaches beyond the ±{limit} that do not matter"
    return f"{change}, but the interval {interval} includes 0"


def matters(found: Difference) -> str:
    """The threshold of a difference relative to its own cost: ``1.0 %``."""
    cost = found.a.typical if found.a is not None else None
    if not (units.known(cost) and cost and units.known(found.threshold)):
        return units.UNKNOWN
    return units.format_share(found.threshold / cost)

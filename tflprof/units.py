"""Numbers as text for people: three significant digits, the unit beside every number, an en dash for unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

UNKNOWN = "–"

_WIDE = 0.5
"""Of an interval relative to its value: from there on plus and minus mislead."""

_SCALES = {
    "ns": ((1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")),
    "count": ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")),
    "bytes": ((1.0, "B"), (1024.0, "KiB"), (1024.0**2, "MiB"), (1024.0**3, "GiB")),
}


def digits(value: float | None, count: int = 3) -> str:
    """A number with ``count`` significant digits, never in exponent notation above 1e-6."""
    if not known(value):
        return UNKNOWN
    if value == 0:
        return "0"
    decimals = count - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    decimals = count - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{rounded:.{max(0, min(decimals, 9))}f}"
    return text.replace("-", "−")


def known(value: float | None) -> TypeGuard[float]:
    """True for a finite number; None, NaN and infinities are unknown."""
    return value is not None and math.isfinite(value)


def format_value(value: float | None, unit: str) -> str:
    """A duration or count in the unit of a profile: ``ns`` as ns to s, ``instructions`` and ``cycles`` as k, M, G."""
    if unit == "ns":
        return _scaled(value, "ns")
    return _scaled(value, "count")


def format_count(value: float | None) -> str:
    """A plain count: ``569 M``."""
    return _scaled(value, "count")


def format_bytes(value: float | None) -> str:
    """A size in powers of 1024: ``4.20 MiB``."""
    return _scaled(value, "bytes")


def format_share(value: float | None) -> str:
    """A share of 0-1 in percent, one decimal: ``12.3 %``; what would round to nothing is ``<0.1 %``."""
    if not known(value):
        return UNKNOWN
    if 0 < value < 0.0005:
        return "<0.1 %"
    if -0.0005 < value < 0:
        return "−<0.1 %"
    return f"{100 * value:.1f} %".replace("-", "−")


def format_spread(typical: float | None, lo: float | None, hi: float | None) -> str:
    """Half the width of an interval relative to ``typical``: ``±0.8 %``; ``exact`` if the interval has no width.

    A wide one that is a factor to either side is called so, ``×÷ 2.1``: half of it would reach below nothing.
    """
    spread = relative_spread(typical, lo, hi)
    if spread is None:
        return UNKNOWN
    if spread == 0:
        return "exact"
    if spread < 0.0005:
        return "±<0.1 %"
    if spread > _WIDE and _is_factor(typical, lo, hi):
        return f"×÷ {digits(math.sqrt((hi or 0.0) / (lo or 1.0)), 2)}"
    return f"±{100 * spread:.1f} %" if spread < 0.1 else f"±{100 * spread:.0f} %"


def _is_factor(typical: float | None, lo: float | None, hi: float | None) -> bool:
    """Whether an interval reaches as far up as down when it is seen as a ratio."""
    if not (known(typical) and known(lo) and known(hi)) or min(lo, typical) <= 0:
        return False
    return math.isclose(hi / typical, typical / lo, rel_tol=1e-3)


def relative_spread(typical: float | None, lo: float | None, hi: float | None) -> float | None:
    """Half the width of an interval as a fraction of ``typical``; None if it cannot be told."""
    if not (known(typical) and known(lo) and known(hi)):
        return None
    if hi == lo:
        return 0.0
    return (hi - lo) / 2 / abs(typical) if typical else None


def format_interval(lo: float | None, hi: float | None, unit: str) -> str:
    """An interval in one scale: ``84.9 … 86.1 ms``. Empty if unknown."""
    if not (known(lo) and known(hi)):
        return ""
    name = "ns" if unit == "ns" else "count"
    factor, suffix = _scale(max(abs(lo), abs(hi)), name)
    count = _digits_to_tell_apart(lo / factor, hi / factor)
    return f"{digits(lo / factor, count)} … {digits(hi / factor, count)} {suffix}".rstrip()


def format_step(before: float | None, after: float | None, unit: str) -> str:
    """Two values in one scale, with digits enough to tell them apart: ``10.1 → 8.92 ms``."""
    if not (known(before) and known(after)):
        return f"{format_value(before, unit)} → {format_value(after, unit)}"
    factor, suffix = scale_of(max(abs(before), abs(after)), unit)
    count = 3 if before == after else _digits_to_tell_apart(before / factor, after / factor)
    return f"{digits(before / factor, count)} → {digits(after / factor, count)} {suffix}".rstrip()


def format_difference(value: float | None, unit: str) -> str:
    """A difference with its sign: ``+0.42 ms``, ``−30.5 k``."""
    text = format_value(value, unit)
    return f"+{text}" if known(value) and value > 0 else text


def format_change(ratio: float | None) -> str:
    """A ratio as a change in percent: ``+12.3 %``, ``−0.05 %``."""
    if not known(ratio):
        return UNKNOWN
    percent = 100 * (ratio - 1)
    # What floating point makes of a ratio of one is no change.
    if abs(percent) < 1e-9:
        return "0 %"
    sign, size = ("−" if percent < 0 else "+"), abs(percent)
    if size < 0.005:
        return f"{sign}<0.01 %"
    decimals = 2 if size < 0.995 else 1 if size < 99.95 else 0
    return f"{sign}{size:.{decimals}f} %"


def format_change_interval(lo: float | None, hi: float | None) -> str:
    """An interval of a ratio as changes in percent: ``−0.3 … +4.2 %``. Empty if unknown."""
    if not (known(lo) and known(hi)):
        return ""
    return f"{format_change(lo).removesuffix(' %')} … {format_change(hi)}"


def format_ratio(ratio: float | None, lo: float | None = None, hi: float | None = None) -> str:
    """A ratio with its interval if known: ``1.23× (1.20 … 1.26)``."""
    if not known(ratio):
        return UNKNOWN
    text = f"{digits(ratio)}×"
    if known(lo) and known(hi):
        text += f" ({digits(lo)} … {digits(hi)})"
    return text


def scale_of(magnitude: float, unit: str) -> tuple[float, str]:
    """Factor and suffix in which a number of this size is shown, such as (1e6, ``ms``) for 8.9e6 ns."""
    return _scale(abs(magnitude), unit if unit in ("ns", "bytes") else "count")


def unit_name(unit: str) -> str:
    """How the unit is called beside a heading: ``time`` for ns, else the unit itself."""
    return "time" if unit == "ns" else unit


def value_name(unit: str, provenance: str) -> str:
    """Heading of a column of values: that times are predicted is part of it."""
    return "predicted" if unit == "ns" and provenance == "predicted" else unit_name(unit)


def scale_for(magnitude: float, unit: str) -> tuple[float, str]:
    """What to divide values of a profile's unit by to show them together, and the name of what they are then."""
    factor, suffix = _scale(abs(magnitude), "ns" if unit == "ns" else "count")
    return factor, suffix if unit == "ns" else f"{suffix} {unit}".strip()


def rate_name(unit: str) -> str:
    """Unit of work per time: ``GMAC/s``, or ``MAC/instr.`` and ``MAC/cycle`` where there is no time."""
    return {"ns": "GMAC/s", "instructions": "MAC/instr.", "cycles": "MAC/cycle"}.get(unit, f"MAC/{unit}")


def _digits_to_tell_apart(lo: float, hi: float) -> int:
    for count in range(3, 7):
        if digits(lo, count) != digits(hi, count):
            return count
    return 3


def _scaled(value: float | None, name: str) -> str:
    if not known(value):
        return UNKNOWN
    factor, suffix = _scale(abs(value), name)
    whole = factor == 1.0 and float(value).is_integer()
    text = f"{value:.0f}".replace("-", "−") if whole else digits(value / factor)
    return f"{text} {suffix}".rstrip()


def format_cpus(numbers: Iterable[int]) -> str:
    """CPU numbers as the kernel lists them, such as ``0-3,6``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _scale(magnitude: float, name: str) -> tuple[float, str]:
    chosen = _SCALES[name][0]
    for factor, suffix in _SCALES[name]:
        # 999.6 of one scale would be shown as 1000: it belongs to the next.
        if magnitude >= factor * (0.9995 if factor > 1 else 0):
            chosen = (factor, suffix)
    return chosen

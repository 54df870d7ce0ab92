"""Numbers as C++ streams print them."""

from __future__ import annotations

import math

NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf)"
"""A number; averages of a second and more come as ``2.95034e+06``, a share of nothing as ``-nan``."""

_MOST_DIGITS = 9
_LARGEST = 1e12


def read_number(text: str) -> float | None:
    """A finite number, None for anything else; nothing the tools tell of is larger than 1e12."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= _LARGEST else None


def read_count(text: str) -> int | None:
    """A whole number of at most 9 digits, None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def scaled(value: float | None, factor: float) -> float | None:
    """A number times a factor; None stays None."""
    return None if value is None else value * factor

"""Budgets as they are written: ``[SUBJECT=]VALUE[,FLOOR]`` (docs/ci.md).

The subject ends at the last ``=``, since a value never contains one: names of tensors may contain ``=``, ``:``,
``,`` and ``%`` as they like. After it, the first ``,`` divides a relative value from its floor.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from tflprof.analysis.verdicts import Limit
from tflprof.errors import UsageError

WHOLE_SUBJECTS = ("total", "init", "first", "memory", "size")
BYTES_SUBJECTS = ("memory", "size")
EVERY_LAYER = "layer:*"
FORM = "expected [total|layer:ID|op:TYPE|init|first|memory|size=]VALUE[,FLOOR], such as 30ms or layer:0/3=+5%,20us"

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(\D.*)?", re.DOTALL)
_TIMES = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BYTES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3}
_COUNTED = {
    "inst": "instructions",
    "instr": "instructions",
    "instructions": "instructions",
    "cycles": "cycles",
}


@dataclass(frozen=True)
class Amount:
    """A value with the unit it was written in: ``ns``, ``instructions``, ``cycles``, ``count`` or ``bytes``.

    ``count`` (``195M``) is of whatever the profile counts.
    """

    value: float
    unit: str


def parse_limits(texts: list[str] | tuple[str, ...]) -> tuple[Limit, ...]:
    """Several budgets. Raises UsageError for one that is none, and for one that is given twice."""
    limits = tuple(map(parse_limit, texts))
    for position, limit in enumerate(limits):
        if limit in limits[:position]:
            raise UsageError(f"the budget {limit.text!r} is given twice")
    return limits


def parse_limit(text: str) -> Limit:
    """One budget. Raises UsageError naming the part that is wrong."""
    written, equals, rest = text.rpartition("=")
    subject = _subject(text, written.strip()) if equals else "total"
    value, comma, floor = (part.strip() for part in rest.partition(","))
    if not value:
        raise _refusal(text, "it has no value", FORM)
    if not value.startswith(("+", "-", "−")) and not value.endswith("%"):
        if comma:
            raise _refusal(
                text,
                f"a floor ({floor or 'empty'}) belongs to a relative budget, and {value} is absolute",
                f"leave the floor out, or write a percentage: +3%,{floor}"
                if floor
                else "leave the comma out",
            )
        amount = _amount(text, value, subject)
        if amount.value == 0:
            raise _refusal(text, f"nothing stays within {value}", "give a value above 0")
        return Limit(text, subject, absolute=amount.value, unit=amount.unit)
    relative = _percentage(text, value)
    if not comma:
        return Limit(text, subject, relative=relative)
    least = _amount(text, floor, subject)
    return Limit(text, subject, relative=relative, floor=least.value, unit=least.unit)


def _subject(text: str, subject: str) -> str:
    kind, colon, name = subject.partition(":")
    if kind in ("layer", "op") and colon:
        if not name.strip() or name.strip() in ('"', '""'):
            raise _refusal(text, f"{kind}: names no {'layer' if kind == 'layer' else 'operator type'}", FORM)
        return subject
    if subject in WHOLE_SUBJECTS:
        return subject
    if subject in ("layer", "op"):
        example = {"layer": "layer:0/3=…", "op": "op:CONV_2D=…"}[subject]
        raise _refusal(text, f"{subject} needs a name", f"such as {example}")
    close = difflib.get_close_matches(kind, [*WHOLE_SUBJECTS, "layer", "op"], 1)
    raise _refusal(text, f"there is no subject {subject!r}", f"did you mean {close[0]!r}?" if close else FORM)


def _percentage(text: str, value: str) -> float:
    match = re.fullmatch(r"\+\s*([0-9]+(?:\.[0-9]+)?)\s*%", value)
    if match is None:
        raise _refusal(text, f"{value!r} is not an allowed growth", _percent_hint(value))
    relative = float(match.group(1)) / 100
    if not math.isfinite(relative):
        raise _refusal(text, f"{value} is too large", None)
    return relative


def _percent_hint(value: str) -> str:
    if value.startswith(("-", "−")):
        return "a budget says how much it may grow at most: +0% or more"
    if value.endswith("%"):
        return f"write +{value.lstrip('+')} for so much growth over the baseline"
    return f"growth is relative, with a floor if need be: +0%,{value.lstrip('+')}"


def _amount(text: str, value: str, subject: str) -> Amount:
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise _refusal(text, f"{value!r} is no amount", f"a number and a unit, such as {_example(subject)}")
    number, unit = float(match.group(1)), (match.group(2) or "").strip()
    if not unit:
        raise _refusal(text, f"{value} has no unit", f"such as {_example(subject)}")
    found = _unit(unit)
    if found is None:
        raise _refusal(text, f"there is no unit {unit!r}", f"such as {_example(subject)}")
    factor, name = found
    if (name == "bytes") != (subject in BYTES_SUBJECTS):
        what = "is in bytes" if subject in BYTES_SUBJECTS else "is a time or a count"
        raise _refusal(text, f"{subject} {what}, and {value} is not", f"such as {_example(subject)}")
    if not math.isfinite(number * factor):
        raise _refusal(text, f"{value} is too large", None)
    return Amount(number * factor, name)


def _unit(unit: str) -> tuple[float, str] | None:
    """Factor and name of a unit, None if there is no such unit."""
    if unit in _TIMES:
        return _TIMES[unit], "ns"
    if unit in _BYTES:
        return _BYTES[unit], "bytes"
    if unit and unit in _PREFIXES:
        return _PREFIXES[unit], "count"
    for prefix, factor in _PREFIXES.items():
        name = _COUNTED.get(unit.removeprefix(prefix).strip())
        if unit.startswith(prefix) and name:
            return factor, name
    return None


def _example(subject: str) -> str:
    return "200MB or 190MiB" if subject in BYTES_SUBJECTS else "30ms, 50us or 195Minst"


def _refusal(text: str, why: str, hint: str | None) -> UsageError:
    return UsageError(f"the budget {text!r}: {why}", hint)

"""Constants of the cost model that no source gives: they were tuned, and say on which published times."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any

from tflprof.errors import TargetError

_MOST = 100.0


@dataclass(frozen=True)
class Tuning:
    """Factors, 1 being what the published constants say.

    Attributes:
        l2, l3: on the cycles per line that hits there when many are under way at once.
        dram_read, dram_write: on the time a line takes at the speed of memory that one core reaches.
        dram_latency: share of memory's latency that is added to every line read.
        loop, straight: on the cycles of blocks of code that loop on themselves, and of all others.
        overlap: not a factor, but the share of these cycles behind which lines may come in unnoticed, 0 to 1.
    """

    l2: float
    l3: float
    dram_read: float
    dram_write: float
    dram_latency: float
    loop: float
    straight: float
    overlap: float


@cache
def _shipped() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("tuning.toml").read_text("utf-8"))


def tuned_on() -> tuple[str, ...]:
    """The published times that the constants of all cores were tuned on."""
    return tuple(_shipped()["points"])


def tuning_of(core: str, order: str, own: Mapping[str, Any]) -> Tuning:
    """The constants of a core: those of all that execute in its order, but for its ``own``.

    Raises TargetError if one of its own is not a factor, or they do not say what they were tuned on.
    """
    names = [field.name for field in fields(Tuning)]
    unknown = sorted(own.keys() - {*names, "points"})
    if unknown:
        raise TargetError(f"core {core}: unknown keys tuned.{', tuned.'.join(unknown)}")
    if own and not own.get("points"):
        raise TargetError(f"core {core}: tuned must name the points it was tuned on")
    values = {**_shipped()[order], **own}
    return Tuning(**{name: _factor(core, name, values[name]) for name in names})


def _factor(core: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise TargetError(f"core {core}: tuned.{name} must be a number, not {value!r}")
    most = 1.0 if name == "overlap" else _MOST
    if not 0 <= value <= most:
        raise TargetError(f"core {core}: tuned.{name} must be between 0 and {most:g}, not {value}")
    return float(value)

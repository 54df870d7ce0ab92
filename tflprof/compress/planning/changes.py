"""What changes of a plan say: values that no method would have written are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tflprof.compress.interface import Change
from tflprof.compress.low_rank.stages import SPATIAL, SVD, TUCKER
from tflprof.compress.prune.rank import CRITERIA
from tflprof.errors import UsageError

_MOST: Final = 1 << 30


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST


def _ranks(value: Any) -> bool:
    return isinstance(value, list | tuple) and 1 <= len(value) <= 2 and all(map(_whole, value))


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(one, int) and not isinstance(one, bool) and abs(one) < _MOST for one in value
    )


def _named(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _one_of(*known: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in known


_WANTED: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    "clean_up": {"kind": lambda value: isinstance(value, str)},
    "resolution": {"height": _whole, "width": _whole},
    "prune": {"group": lambda value: isinstance(value, str), "keep": _whole},
    "low_rank": {"form": _one_of(SVD, SPATIAL, TUCKER), "ranks": _ranks},
    "quantise": {"scheme": _one_of("int8", "dynamic")},
    "nms": {"settings": lambda value: isinstance(value, dict)},
}


_MAY: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    "clean_up": {"gone": _texts, "reads": _shape},
    "prune": {"criterion": _one_of(*CRITERIA)},
    "low_rank": {"weighting": _one_of("activations", "plain")},
    "quantise": {"ranges": lambda value: isinstance(value, str), "clamps": _named},
    "nms": {"stamp": lambda value: isinstance(value, str)},
}
"""What need not be there."""


def check_change(change: Change) -> None:
    """Raise UsageError, naming the method and the value, if a method cannot make a change of this."""
    layers = ", ".join(change.layers[:3])
    if not change.layers:
        raise _refused(f"a change of {change.method} names no layer")
    for name, fits in _WANTED.get(change.method, {}).items():
        if name not in change.parameters:
            raise _refused(f"the change of {change.method} in {layers} has no {name!r}")
        if not fits(change.parameters[name]):
            raise _unfit(change, name)
    for name, fits in _MAY.get(change.method, {}).items():
        if name in change.parameters and not fits(change.parameters[name]):
            raise _unfit(change, name)
    if change.parameters.get("form") == TUCKER and len(change.parameters["ranks"]) != 2:
        raise _refused(f"ranks of {change.method} in {layers} are to be two")


def _unfit(change: Change, name: str) -> UsageError:
    layers, value = ", ".join(change.layers[:3]), str(change.parameters[name])[:40]
    return _refused(f"{name} of {change.method} in {layers} cannot be {value!r}")


def _refused(what: str) -> UsageError:
    return UsageError(
        f"the plan cannot be followed: {what}", "was it edited? tflprof compress plan makes a new one"
    )

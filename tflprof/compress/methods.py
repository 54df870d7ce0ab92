"""The methods there are, by name, in the order in which they are applied."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence

from tflprof.compress.interface import Method
from tflprof.errors import EnvironmentFault, UsageError

_CLASSES = {
    "clean_up": ("clean_up.method", "CleanUp"),
    "resolution": ("resolution.method", "Resolution"),
    "prune": ("prune.method", "Pruning"),
    "low_rank": ("low_rank.method", "LowRank"),
    "quantise": ("quantise.method", "Quantise"),
    "nms": ("nms", "Nms"),
}

ORDER: tuple[str, ...] = tuple(_CLASSES)
"""Names of all methods in the order in which they are applied, whatever the order of a plan."""

LOSSLESS = frozenset({"clean_up"})
"""Methods that leave results as they are: nothing is run to find their loss."""


_ARGUMENTS = {"low_rank": "weighting", "prune": "criterion", "quantise": "ranges"}
"""What may stand behind a method's name: ``low_rank=plain``, ``prune=magnitude``."""


_SHORT: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("prune", ""): {"fine": True},
    ("prune", "fine"): {"fine": True},
    ("prune", "coarse"): {"fine": False},
    ("prune", "magnitude"): {"criterion": "magnitude", "fine": True},
    ("prune", "l1"): {"criterion": "l1", "fine": True},
}
"""Arguments that stand for something else than their value."""


def open_methods(names: Sequence[str] = ORDER) -> Mapping[str, Method]:
    """Methods by name, in the order of application.

    Args:
        names: such as ``prune``, or with how it goes about it, ``low_rank=plain``.

    Raises:
        UsageError: there is no method of a name, or it is given twice, or takes no such argument.
        EnvironmentFault: a package that one needs is missing.
    """
    wanted: dict[str, str] = {}
    for each in names:
        name, equals, argument = each.partition("=")
        if name not in _CLASSES:
            raise unknown_method(name)
        if name in wanted:
            raise UsageError(f"the method {name} is given twice", "leave one of them out")
        if equals and name not in _ARGUMENTS:
            raise UsageError(
                f"the method {name} takes no argument, {argument!r} was given", f"write {name} alone"
            )
        wanted[name] = argument
    return {name: _open(name, wanted[name]) for name in ORDER if name in wanted}


def unknown_method(name: str) -> UsageError:
    """The error for a name that is no method's."""
    wanted = name.replace("-", "_")
    close = [wanted] if wanted in _CLASSES else difflib.get_close_matches(wanted, ORDER, 1)
    return UsageError(
        f"there is no method {name!r}",
        f"did you mean {close[0]!r}?" if close else f"one of {', '.join(ORDER)}",
    )


def _open(name: str, argument: str) -> Method:
    module, kind = _CLASSES[name]
    try:
        room = importlib.import_module(f"tflprof.compress.{module}")
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"the method {name} needs the package {error.name}", "pip install 'tflprof[quantisation]'"
        ) from error
    chosen: Mapping[str, object] = {_ARGUMENTS[name]: argument} if argument else {}
    method: Method = getattr(room, kind)(**_SHORT.get((name, argument), chosen))
    return method

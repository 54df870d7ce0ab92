"""Losses of a knob's options, each alone, found when they are first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import overload

from tflprof.compress.interface import Knob, Option


class Alone(Sequence[float]):
    """Losses by place of the option; infinite of those that do not run.

    Args:
        knob: whose options they are.
        find: finds the loss of one.
    """

    def __init__(self, knob: Knob, find: Callable[[Option], float]) -> None:
        self._knob = knob
        self._find = find
        self._known: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._knob.options)

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...
    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        if place not in self._known:
            self._known[place] = self._find(self._knob.options[place])
        return self._known[place]

    def guess(self, place: int) -> float:
        """The loss if it was found, or if the options are ordered, what is between those that were."""
        if place in self._known or not self._knob.ordered:
            return self[place]
        known = sorted(at for at, loss in self._known.items() if math.isfinite(loss))
        below = max((at for at in known if at < place), default=None)
        above = min((at for at in known if at > place), default=None)
        if below is None or above is None:
            return self[place]
        share = (place - below) / (above - below)
        return (1 - share) * self._known[below] + share * self._known[above]


def guess(losses: Sequence[float], place: int) -> float:
    """The loss of an option, or a guess if that would have to be found first."""
    return losses.guess(place) if isinstance(losses, Alone) else losses[place]

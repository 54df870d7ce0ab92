"""The same share of everything: what a person would try first, and hard to beat where losses no longer add up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tflprof.compress.planning.alone import guess

if TYPE_CHECKING:
    from tflprof.compress.planning.variants import Variant

STEPS = 40
"""Shares that are looked at, from little to all that can be saved."""

Choices = tuple[int, ...]


@dataclass(frozen=True)
class _Turn:
    """One option of a knob, all others left as they are: what it saves by the table, and its loss alone."""

    place: int
    saved: float
    loss: float


def uniform(variant: Variant, budget: float) -> Iterator[Choices]:
    """The mildest choices within a budget in which every knob saves the same share of what it can save.

    Those with the knobs of one method, method by method, and that with all knobs.

    Args:
        variant: what can be chosen.
        budget: in the unit of the table's costs.
    """
    knobs = variant.space.knobs
    turns = [_turns(variant, number) for number in range(len(knobs))]
    methods = sorted({knob.method for knob in knobs})
    groups = [{method} for method in methods]
    for group in [*groups, set(methods)] if len(methods) > 1 else groups:
        own = [found if knob.method in group else found[:1] for knob, found in zip(knobs, turns, strict=True)]
        shares = (tuple(_at(found, step / STEPS) for found in own) for step in range(1, STEPS + 1))
        within = next((one for one in shares if variant.priced.cost(one) <= budget), None)
        if within is not None:
            yield within


def _turns(variant: Variant, number: int) -> list[_Turn]:
    """Options that save something, behind the first, which leaves all as it is."""
    knob = variant.space.knobs[number]
    as_it_is = (0,) * len(variant.space.knobs)
    whole = variant.priced.cost(as_it_is)
    found = [_Turn(0, 0.0, 0.0)]
    for place in range(1, len(knob.options)):
        saved = whole - variant.priced.cost((*as_it_is[:number], place, *as_it_is[number + 1 :]))
        loss = guess(variant.alone[knob.name], place)
        if saved > 0 and math.isfinite(loss):
            found.append(_Turn(place, saved, loss))
    return found


def _at(turns: list[_Turn], share: float) -> int:
    """Place of the option that loses least of those that save a share of the most that can be saved."""
    least = share * max(turn.saved for turn in turns)
    return min((turn for turn in turns if turn.saved >= least), key=lambda one: (one.loss, -one.saved)).place

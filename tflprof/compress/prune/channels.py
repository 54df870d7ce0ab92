"""Which channels of which tensors can only be cut together: numbers of channels on dimensions of tensors, and ties."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
"""Numbers of channels, one per position along a dimension of a tensor."""


class Channels:
    """Labels of the positions along dimensions of tensors.

    Positions with the same number, and numbers that are tied, are kept or cut together. A tensor that a graph
    computes has at most one dimension of channels; a constant may have several, as weights do.
    """

    def __init__(self) -> None:
        self.axes: dict[int, dict[int, Numbers]] = {}
        self._parents: list[int] = []
        self._frozen: dict[int, str] = {}

    def fresh(self, count: int, frozen: str | None = None) -> Numbers:
        """New channels, tied to none. ``frozen`` says why they cannot be cut."""
        first = len(self._parents)
        numbers = np.arange(first, first + count)
        self._parents.extend(range(first, first + count))
        if frozen is not None:
            self.freeze(numbers, frozen)
        return numbers

    def label(self, tensor: int, dim: int, numbers: Numbers) -> None:
        """Positions along a dimension of a tensor are these channels; if they have others, both are tied."""
        known = self.axes.setdefault(tensor, {})
        if dim in known:
            self.tie(known[dim], numbers)
        else:
            known[dim] = numbers

    def of(self, tensor: int) -> tuple[int, Numbers] | None:
        """The dimension of channels of a computed tensor and its channels; None if none is followed."""
        return next(iter(self.axes.get(tensor, {}).items()), None)

    def tie(self, some: Numbers, others: Numbers) -> None:
        """Keep or cut each of ``some`` with that of ``others`` at the same place."""
        for one, other in zip(some.tolist(), others.tolist(), strict=True):
            a, b = self.root(one), self.root(other)
            if a != b:
                low, high = min(a, b), max(a, b)
                self._parents[high] = low
                if (reason := self._frozen.pop(high, None)) is not None:
                    self._frozen.setdefault(low, reason)

    def freeze(self, numbers: Numbers, reason: str) -> None:
        """Say why channels cannot be cut; the first reason stays."""
        for number in dict.fromkeys(numbers.tolist()):
            self._frozen.setdefault(self.root(number), reason)

    def freeze_tensor(self, tensor: int, reason: str) -> None:
        """The same for all channels of a tensor."""
        for numbers in self.axes.get(tensor, {}).values():
            self.freeze(numbers, reason)

    def root(self, number: int) -> int:
        """The channel that stands for all that are tied to this one."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def roots(self, numbers: Numbers) -> Numbers:
        """:meth:`root` of each."""
        return np.array([self.root(number) for number in numbers.tolist()], np.int64)

    def reason(self, numbers: Iterable[int]) -> str | None:
        """Why one of them cannot be cut; None if all can."""
        found = (self._frozen.get(self.root(number)) for number in numbers)
        return next((reason for reason in found if reason is not None), None)


def regrouped(
    shape: tuple[int, ...], dim: int, numbers: Numbers, target: tuple[int, ...]
) -> tuple[int, Numbers] | None:
    """Where the channels of a dimension are after a reshape.

    Args:
        shape: before.
        dim: of the channels before.
        numbers: the channels.
        target: shape after, of as many elements.

    Returns:
        The dimension and its channels, one per position: repeated if other dimensions were flattened into it.
        None if the dimension is split up, or goes across others, or nothing is in the tensor.
    """
    if 0 in (*shape, *target):
        return None
    outer, inner = _product(shape[:dim]), _product(shape[dim + 1 :])
    size = len(numbers)
    for place in range(len(target)):
        before, after = _product(target[:place]), _product(target[place + 1 :])
        if outer % before or inner % after or target[place] != outer // before * size * (inner // after):
            continue
        if target[place] > 1 or size == 1:
            return place, np.tile(np.repeat(numbers, inner // after), outer // before)
    return None


def _product(sizes: Iterable[int]) -> int:
    return int(np.prod(list(sizes), dtype=np.int64))

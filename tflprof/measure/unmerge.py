"""Taking apart what a tool added up over a delegate's partitions.

The tool knows a kernel by its name and its place in its partition, so that kernels of equal name and place of
different partitions share a row. If every operator has one kernel, as many kernels stand at each place as there are
partitions that long, and they are shared out by how well they fit the operators there. What fits in several ways
stays together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from tflprof.measure.kernels import main_penalty
from tflprof.model.graph import Op

SURE = 4.0
"""Nats by which sharing out otherwise must be worse; e⁻⁴ is about 2 %."""


@dataclass(frozen=True)
class MergedKernel:
    """A row: its place in the partitions, its name, how many partitions it stands for, and its event."""

    index: int
    tag: str
    times: int
    event: int


@dataclass(frozen=True)
class Share:
    """Layers (ids) and the events that serve them."""

    layers: tuple[str, ...]
    events: tuple[int, ...]


def share_out(parts: Sequence[Sequence[Op]], kernels: Sequence[MergedKernel]) -> list[Share] | None:
    """Share kernels out among partitions of operators; None unless there is one kernel for every operator.

    Args:
        parts: operators that run something, by partition and in order of execution.
        kernels: rows of all of these partitions.
    """
    longest = max((len(part) for part in parts), default=0)
    if any(kernel.index >= longest for kernel in kernels):
        return None
    shares: list[Share] = []
    for index in range(longest):
        ops = [part[index] for part in parts if len(part) > index]
        here = [kernel for kernel in kernels if kernel.index == index]
        if sum(kernel.times for kernel in here) != len(ops):
            return None
        shares += _share_place(ops, here)
    return shares


def _share_place(ops: Sequence[Op], kernels: Sequence[MergedKernel]) -> list[Share]:
    """Share out the kernels of one place, one operator of each partition."""
    copies = np.repeat(np.arange(len(kernels)), [kernel.times for kernel in kernels])
    tags = [kernels[int(copy)].tag for copy in copies]
    penalties = np.array([[main_penalty(op, tag) for tag in tags] for op in ops])
    _, chosen = linear_sum_assignment(penalties)
    together = _exchangeable(penalties[:, chosen]) | (copies[chosen][:, np.newaxis] == copies[chosen])
    shares: list[Share] = []
    left = set(range(len(ops)))
    while left:
        group = _connected(min(left), together)
        left -= group
        events = sorted({kernels[int(copies[chosen[op]])].event for op in group})
        shares.append(Share(tuple(ops[op].id for op in sorted(group)), tuple(events)))
    return shares


def _exchangeable(penalties: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """[ops, ops] for penalties [ops, kernels in the best order]: whether two take part in a likely exchange.

    An exchange is a cycle; its cost is the sum of what each operator loses by its new kernel.
    """
    loss = penalties - np.diag(penalties)[:, np.newaxis]
    for middle in range(len(loss)):
        loss = np.minimum(loss, loss[:, middle, np.newaxis] + loss[middle])
    return np.asarray(loss + loss.T <= SURE)


def _connected(first: int, together: npt.NDArray[np.bool_]) -> set[int]:
    found, waiting = {first}, [first]
    while waiting:
        for other in np.flatnonzero(together[waiting.pop()]):
            if int(other) not in found:
                found.add(int(other))
                waiting.append(int(other))
    return found

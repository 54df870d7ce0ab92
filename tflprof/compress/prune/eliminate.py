"""The order in which channels go: each time those whose loss what stays makes up for best.

A layer that mixes channels, y = W x, loses |w_c|² · var(x_c | others) by losing channel c if the weights of the others
are then set anew; |w_c|² is taken with what earlier losses put on it. That is what optimal brain surgery does to
weights, done to channels, and exact for one layer. What several layers lose is added up as shares of their outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tflprof.compress.prune.channels import Numbers
from tflprof.compress.prune.make_up import shrunk_covariance
from tflprof.compress.prune.moments import Moments
from tflprof.compress.prune.values import Real

_MOST_STEPS, _WIDE, _WIDE_STEPS = 64, 512, 24
"""Large groups lose several channels at a time, without a look at what these have in common: above a width more."""


@dataclass(frozen=True)
class Taker:
    """A layer that mixes channels of a group.

    Attributes:
        energy: products of the weights of each two of its inputs, summed over outputs; of each alone, a row, if
            covariances are not known.
        known: moments of its inputs.
        places: number of the group's channel at each input, -1 at those of other groups.
    """

    energy: Real
    known: Moments
    places: Numbers


class _State:
    """What a taker would lose, as channels go."""

    def __init__(self, taker: Taker, size: int) -> None:
        covariance = taker.known.covariance
        alone = taker.energy if covariance is None else np.diag(taker.energy)
        marginal = taker.known.variance * alone
        whole = float(np.sum(taker.energy * covariance)) if covariance is not None else float(marginal.sum())
        self.scale = 1.0 / max(whole, 1e-12 * float(marginal.sum()), 1e-300)
        self.size = size
        self.places = taker.places
        self.marginal = marginal
        self.energy = taker.energy.copy()
        inner = shrunk_covariance(taker.known)
        self.precision = None if inner is None else np.linalg.inv(inner)

    def costs(self) -> Real:
        """Of each channel of the group, as a share of the layer's output."""
        found = self.marginal
        if self.precision is not None:
            found = np.maximum(np.diag(self.energy), 0.0) / np.maximum(np.diag(self.precision), 1e-300)
        totals = np.zeros(self.size)
        mine = self.places >= 0
        np.add.at(totals, self.places[mine], found[mine])
        return totals * self.scale

    def drop(self, channels: Numbers) -> None:
        """Take channels away, and put their work on what stays."""
        gone = np.isin(self.places, channels)
        stays = ~gone
        self.places, self.marginal = self.places[stays], self.marginal[stays]
        if self.precision is None:
            return
        block = self.precision[np.ix_(gone, gone)]
        across = self.precision[np.ix_(gone, stays)]
        guess = -np.linalg.solve(block, across)
        self.precision = self.precision[np.ix_(stays, stays)] + across.T @ guess
        mixed = self.energy[np.ix_(stays, gone)] @ guess
        self.energy = (
            self.energy[np.ix_(stays, stays)]
            + mixed
            + mixed.T
            + guess.T @ self.energy[np.ix_(gone, gone)] @ guess
        )


def eliminate(takers: list[Taker], size: int) -> tuple[list[int], Real]:
    """Channels by falling worth, and what each loses when all after it are gone already.

    Args:
        takers: layers that mix the channels, at least one.
        size: number of channels.

    Returns:
        The order, and losses in that order: shares of outputs' variance, summed over takers.
    """
    states = [_State(taker, size) for taker in takers]
    at_once = -(-size // (_MOST_STEPS if size <= _WIDE else _WIDE_STEPS))
    left = np.ones(size, bool)
    order: list[int] = []
    losses: list[float] = []
    while left.sum() > at_once:
        costs = np.sum([state.costs() for state in states], axis=0)
        costs[~left] = np.inf
        gone = np.argsort(costs, kind="stable")[:at_once]
        left[gone] = False
        order += [int(i) for i in gone]
        losses += [float(costs[i]) for i in gone]
        for state in states:
            state.drop(gone)
    rest = np.flatnonzero(left)
    order += [int(i) for i in rest]
    losses += [float("inf")] * len(rest)
    return order[::-1], np.array(losses[::-1])

"""Simpler ways to a budget than the planner's: greedy pruning, one share of all widths, one share of all ranks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tflprof.compress.interface import Change, Knob
from tflprof.compress.planning.planner import Planner
from tflprof.compress.planning.variants import Variant
from tflprof.compress.prune.method import Pruning
from tflprof.compress.prune.netadapt import netadapt

SHARES = np.linspace(0.97, 0.1, 60)
_KEPT = re.compile(r"(\d+) of (\d+) channels")
_RANK = re.compile(r"rank (\d+)")


def greedy(planner: Planner, budget: float) -> list[Change] | None:
    """NetAdapt by the table's costs; None if it ends above the budget (in costs by the table)."""
    subject, variant = planner.losses.subject, planner.variants[0]
    layers = {layer.id: layer for layer in subject.layers}

    def cost(name: str, configs: tuple[Any, ...]) -> float:
        layer = layers[name]
        if layer.uncosted is not None:
            return 0.0
        runs = [(config, layer.first and place == 0) for place, config in enumerate(configs)]
        planner.costs.look_up(runs)
        found = [planner.costs.of(*run) for run in runs]
        return float(np.nansum(found))

    overhead = variant.space.overhead(planner.costs)
    samples = len(subject.calibration)
    found = netadapt(subject, cost, budget - overhead, method=Pruning(fine=True), samples=samples)
    return list(found.changes) if found.reached else None


def uniform(variant: Variant, method: str, budget: float) -> list[Change] | None:
    """The largest share of all widths, or of all ranks, whose cost is within a budget; None if none is."""
    for share in SHARES:
        choices = [
            _nearest(knob, float(share)) if knob.method == method else 0 for knob in variant.space.knobs
        ]
        if variant.priced.cost(choices) <= budget:
            taken = variant.space.changes(choices)
            return [option.change for _, option in taken if option.change is not None]
    return None


def random_choices(variant: Variant, count: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Random plans: a random share of the knobs is turned, each to a random option."""
    random = np.random.default_rng(seed)
    found: list[tuple[int, ...]] = []
    while len(found) < count:
        share = random.uniform(0.1, 1.0)
        deep = random.uniform(0.2, 1.0)
        choices = tuple(
            int(random.integers(1, max(2, round(deep * (len(knob.options) - 1)) + 1)))
            if len(knob.options) > 1 and random.random() < share
            else 0
            for knob in variant.space.knobs
        )
        if any(choices) and choices not in found:
            found.append(choices)
    return found


def _nearest(knob: Knob, share: float) -> int:
    kept = _shares(knob)
    return int(np.argmin([abs(one - share) for one in kept]))


def _shares(knob: Knob) -> Sequence[float]:
    """What share of the width, or of the largest rank offered, each option keeps."""
    ranks = [int(found.group(1)) for option in knob.options if (found := _RANK.search(option.label))]
    shares = []
    for option in knob.options:
        if option.change is None:
            shares.append(1.0)
        elif (found := _KEPT.search(option.label)) is not None:
            shares.append(int(found.group(1)) / int(found.group(2)))
        elif (found := _RANK.search(option.label)) is not None:
            # Above the largest rank that saves anything a layer is left as it is.
            shares.append(0.95 * int(found.group(1)) / max(ranks))
        else:
            shares.append(-1.0)
    return shares

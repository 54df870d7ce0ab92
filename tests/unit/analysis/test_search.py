"""Searches over spaces of networks: costs of a table, a budget that holds, and proposals of anyone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.latency_tables import conv, convs, cost, table
from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.search import Evolution, search
from tflprof.analysis.search_space import SearchSpace, Slot, SpaceCosts
from tflprof.op_config import OpConfig

WIDTHS = (8, 16, 24, 32)
SIZES = (8, 12)
TABLE = LatencyTable(table(convs(SIZES, WIDTHS, WIDTHS)))


def second(size: int, inner: int, outer: int) -> OpConfig | None:
    """A layer that narrow networks do not have."""
    return conv(size, inner, outer) if outer > 8 else None


SPACE = SearchSpace(
    axes={"size": SIZES, "inner": WIDTHS, "outer": WIDTHS},
    slots=(
        Slot(("size", "inner"), lambda size, inner: conv(size, 8, inner)),
        Slot(("size", "inner", "outer"), second),
    ),
)
ALL = np.array(list(itertools.product(*(range(n) for n in SPACE.sizes))), np.int64)


def capacity(values: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.log(values["inner"]) + np.log(values["outer"]) + 0.5 * np.log(values["size"])


def best_within(budget: float) -> float:
    totals = SpaceCosts(SPACE, TABLE).predict(ALL).total
    found: float = capacity(SPACE.values(ALL))[totals <= budget].max()
    return found


def test_a_space_knows_its_networks() -> None:
    assert len(SPACE) == len(ALL) == 32
    layers = SPACE.layers((1, 2, 3))
    assert layers == [conv(12, 8, 24), conv(12, 24, 32)]
    assert len(SPACE.layers((1, 2, 0))) == 1
    assert SPACE.values(ALL[-1:])["outer"].tolist() == [32]


def test_costs_are_those_of_the_layers_one_by_one() -> None:
    predicted = SpaceCosts(SPACE, TABLE).predict(ALL)
    meta = TABLE.meta.overheads
    for genes, total in zip(ALL, predicted.total, strict=True):
        layers = SPACE.layers(genes)
        own = sum(cost(config) for config in layers)
        assert total == pytest.approx(own + meta.model + meta.part + meta.layer * len(layers))


@given(st.floats(0.02, 1.0), st.integers(0, 5))
@settings(max_examples=20)
def test_the_best_within_the_budget_is_found(share: float, seed: int) -> None:
    totals = SpaceCosts(SPACE, TABLE).predict(ALL).total
    budget = float(totals.min() + share * (totals.max() - totals.min()))
    found = search(
        SPACE, TABLE, budget, capacity, proposer=Evolution(SPACE, seed=seed), proposals=32, rounds=20
    )
    assert found.best[0].quality == pytest.approx(best_within(budget))
    assert all(one.cost <= budget for one in found.best)
    assert [one.quality for one in found.best] == sorted((one.quality for one in found.best), reverse=True)
    assert len({one.genes for one in found.best}) == len(found.best)
    assert found.seen <= len(SPACE)


def test_a_budget_below_all_reach_gives_the_cheapest() -> None:
    found = search(SPACE, TABLE, 1.0, capacity, proposals=32, rounds=10)
    assert found.best == ()
    assert found.cheapest is not None
    assert found.cheapest.cost == pytest.approx(SpaceCosts(SPACE, TABLE).predict(ALL).total.min())


def test_the_same_seed_finds_the_same() -> None:
    ways = [search(SPACE, TABLE, 1e9, capacity, proposals=8, rounds=3) for _ in range(2)]
    assert ways[0] == ways[1]


def test_anyone_may_propose() -> None:
    class InOrder:
        """Every network once."""

        def __init__(self) -> None:
            self.at, self.heard = 0, []

        def propose(self, count: int) -> npt.NDArray[np.int64]:
            self.at += count
            return ALL[self.at - count : self.at]

        def told(self, genes: npt.NDArray[np.int64], fitness: npt.NDArray[np.float64]) -> None:
            self.heard.append((len(genes), fitness.max()))

    proposer = InOrder()
    found = search(SPACE, TABLE, 1e9, capacity, proposer=proposer, proposals=20)
    assert found.seen == len(ALL)
    assert [count for count, _ in proposer.heard] == [20, 12]
    assert found.best[0].quality == proposer.heard[-1][1]


def test_networks_with_unknown_layers_are_never_taken() -> None:
    def odd(inner: int) -> OpConfig:
        return conv(8, 8, inner) if inner > 8 else OpConfig("NEVER_SEEN", (), (), ())

    space = SearchSpace({"inner": WIDTHS}, (Slot(("inner",), odd),))
    found = search(space, TABLE, 1e12, lambda values: -values["inner"], proposals=16, rounds=4)
    assert found.best[0].values == {"inner": 16}
    assert found.unknown == 1


def test_qualities_that_are_no_numbers_are_never_taken() -> None:
    def quality(values: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.where(values["inner"] == 32, np.nan, values["inner"].astype(float))

    assert search(SPACE, TABLE, 1e12, quality, proposals=32, rounds=8).best[0].values["inner"] == 24


@pytest.mark.parametrize(
    ("genes", "part"),
    [
        (np.zeros((2, 2), np.int64), "3"),
        (np.zeros((2, 3)), "whole numbers"),
        (np.full((1, 3), 9), "outside"),
        (np.full((1, 3), -1), "outside"),
    ],
)
def test_wrong_proposals_are_refused(genes: npt.NDArray[Any], part: str) -> None:
    class Wrong:
        def propose(self, count: int) -> npt.NDArray[Any]:
            return genes

        def told(self, genes: npt.NDArray[Any], fitness: npt.NDArray[Any]) -> None:
            raise AssertionError

    with pytest.raises(ValueError, match=part):
        search(SPACE, TABLE, 1e9, capacity, proposer=Wrong())


def test_wrong_spaces_and_qualities_are_refused() -> None:
    with pytest.raises(ValueError, match="'depth'"):
        SearchSpace({"inner": WIDTHS}, (Slot(("depth",), second),))
    with pytest.raises(ValueError, match="no values"):
        SearchSpace({"inner": ()}, ())
    with pytest.raises(ValueError, match="fewer axes"):
        SearchSpace({"a": tuple(range(2000)), "b": tuple(range(2000))}, (Slot(("a", "b"), second),))
    with pytest.raises(ValueError, match="shape"):
        search(SPACE, TABLE, 1e9, lambda values: values["inner"][:3])
    with pytest.raises(ValueError, match="cannot evolve"):
        Evolution(SPACE, population=1)

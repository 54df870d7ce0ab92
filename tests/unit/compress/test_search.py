"""The ways to a budget that the planner knows besides its solver: finer options, the greedy descent, exchanges."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from tests.unit.compress import planning
from tests.unit.compress.planning import Narrowing, World, planner
from tflprof.compress.interface import Change, Coupling, Knob, Option
from tflprof.compress.planning.additivity import Additivity
from tflprof.compress.planning.alone import Alone
from tflprof.compress.planning.descent import Descent
from tflprof.compress.planning.exchange import Exchange
from tflprof.compress.planning.planner import Wish
from tflprof.compress.planning.search import Search
from tflprof.compress.planning.uniform import uniform
from tflprof.compress.planning.variants import Variant, between

FINE = tuple(range(32, 0, -1))


class Crossed(World):
    """What two neighbours lose is more than the sum of both: losses alone say nothing of it."""

    def together(self, changes: Any) -> float:
        widths = {int(change.layers[0][2:]): change.parameters["width"] for change in changes}
        cut = [(32 - widths.get(number, 32)) / 32 for number in range(len(self.subject.layers))]
        return sum(cut) + 4 * sum(a * b for a, b in itertools.pairwise(cut))


def variant(world: World, count: int = 4, *, ordered: bool = True) -> Variant:
    made, _ = planner(world, count, Narrowing(ordered=ordered))
    (found,) = made.candidates.variants(made.costs, world, lambda *_: None)  # type: ignore[arg-type]
    return found


def knob(count: int, *, ordered: bool = True) -> Knob:
    options = [Option(str(place), Change("prune", ("0/0",), {"keep": place})) for place in range(count)]
    return Knob("prune 0/0", "prune", ("0/0",), tuple(options), ordered)


def test_of_many_ordered_options_some_are_first() -> None:
    assert knob(9).first == tuple(range(9))
    assert knob(40, ordered=False).first == tuple(range(40))
    assert knob(128).first == (0, 1, 19, 37, 55, 73, 91, 109, 127)


def test_what_is_between_is_guessed() -> None:
    found = Alone(knob(11), lambda option: float(option.label) ** 2)
    assert found[4] == 16
    assert found.guess(4) == 16
    assert found[8] == 64
    assert found.guess(6) == 40
    assert found.guess(10) == 100  # nothing is known behind it
    assert list(found[3:6]) == [9, 16, 25]


def test_what_does_not_run_is_no_neighbour() -> None:
    found = Alone(knob(9), lambda option: math.inf if option.label == "4" else float(option.label))
    assert [found[place] for place in (2, 4, 8)] == [2, math.inf, 8]
    assert found.guess(6) == 6


def test_midway_on_both_sides() -> None:
    assert between((0, 1, 19, 37), 19) == [10, 28]
    assert between((0, 1, 2, 3), 2) == []
    assert between((0, 8), 8) == [4]
    assert between((0, 8), 5) == [5]


def test_options_that_were_not_first_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "WIDTHS", FINE)
    one = variant(World(), 1)
    assert len(one.menu[0]) == 9
    search = Search([one], World(), 0, lambda *_: None)  # type: ignore[arg-type]
    search.true_loss = lambda _: 0.0  # type: ignore[method-assign, assignment]
    found = search.best(10 * 21)
    assert found is not None
    assert FINE[found.choices[0]] == 21
    assert len(one.menu[0]) <= 15


def test_where_many_meet_less_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Joined(Narrowing):
        def couplings(self, subject: Any, knobs: Any) -> list[Coupling]:
            return [
                Coupling(tuple(knob.name for knob in knobs), lambda _: (planning.config(32, "QUANTIZE"),))
            ]

    monkeypatch.setattr(planning, "WIDTHS", FINE)
    world = World()
    made, _ = planner(world, 5, Joined(ordered=True))
    (one,) = made.candidates.variants(made.costs, world, lambda *_: None)  # type: ignore[arg-type]
    for _ in range(4):
        assert math.prod(map(len, one.menu)) <= 1024
        assert all(offered[0] == 0 and offered[-1] == 31 for offered in one.menu)
        solved = one.best(Additivity(), 10 * 90)
        assert solved is not None
        one.refine(solved.choices)


def test_the_greedy_way_goes_on_from_budget_to_budget() -> None:
    world = World()
    one = variant(world)
    runs = []

    def loss(choices: tuple[int, ...]) -> float:
        runs.append(choices)
        return world.together([option.change for _, option in one.changes(choices) if option.change])

    descent = Descent(one, loss)
    reached = [descent.to(share * 1280, Additivity()) for share in (0.8, 0.5, 0.6, 0.25, 0.2)]
    assert reached[-1] is None
    for share, found in zip((0.8, 0.5, 0.6, 0.25), reached, strict=False):
        assert found is not None
        assert one.priced.cost(found) <= share * 1280
    assert len(set(runs)) < 60


def test_exchanges_keep_the_budget_and_never_lose_more() -> None:
    world = Crossed()
    one = variant(world)

    def loss(choices: tuple[int, ...]) -> float:
        return world.together([option.change for _, option in one.changes(choices) if option.change])

    for start in itertools.islice(itertools.product(range(4), repeat=4), 0, None, 15):
        budget = one.priced.cost(start)
        better = Exchange(one, loss, Additivity()).improve(start, budget, 12)
        assert one.priced.cost(better) <= budget
        assert loss(better) <= loss(start)
    # Cutting neighbours costs most: the ends and every second layer are better.
    assert loss(Exchange(one, loss, Additivity()).improve((2, 2, 2, 2), 10 * 16 * 4, 24)) < loss((2, 2, 2, 2))


@pytest.mark.parametrize("share", [0.8, 0.6, 0.5, 0.4])
def test_a_plan_is_never_worse_than_the_greedy_way(share: float) -> None:
    world = Crossed()
    made, before = planner(world, 5, Narrowing(ordered=True))
    outcome = made.plan(Wish(share * before.value, trials=4), before)
    one = made.variants[0]

    def loss(choices: tuple[int, ...]) -> float:
        return world.together([option.change for _, option in one.changes(choices) if option.change])

    greedy = Descent(one, loss).to(share * before.value, Additivity())
    assert greedy is not None
    assert outcome.true_loss is not None
    assert outcome.true_loss <= loss(greedy) * (1 + 1e-9)


class Even(World):
    """As good as lost unless all layers are alike, which no loss of one layer tells."""

    def together(self, changes: Any) -> float:
        widths = [change.parameters["width"] for change in changes]
        cut = sum(32 - width for width in widths) / 32 / len(self.subject.layers)
        alike = len(widths) in (0, 1, len(self.subject.layers)) and len(set(widths)) <= 1
        return cut if alike else 1 + cut


@pytest.mark.parametrize("ordered", [True, False])
def test_uniform_choices_save_the_same_share_everywhere(*, ordered: bool) -> None:
    one = variant(World(), ordered=ordered)
    whole = one.priced.cost((0,) * 4)
    for share in (0.7, 0.5, 0.25):
        (found,) = uniform(one, share * whole)
        assert len(set(found)) == 1
        assert one.priced.cost(found) <= share * whole
    assert not list(uniform(one, 0.2 * whole))


@pytest.mark.parametrize("share", [0.7, 0.5, 0.3])
def test_a_plan_is_never_worse_than_uniform_choices(share: float) -> None:
    world = Even()
    made, before = planner(world, 5)
    outcome = made.plan(Wish(share * before.value, trials=2), before)
    assert outcome.true_loss is not None
    assert outcome.true_loss < 1

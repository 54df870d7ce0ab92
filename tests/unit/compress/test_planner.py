"""The planner in a made-up world, where the best is known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.compress import planning
from tests.unit.compress.planning import WIDTHS, Deciding, Known, Meeting, Narrowing, Rows, World, planner
from tflprof.compress.planning.plan import Amount
from tflprof.compress.planning.planner import Wish
from tflprof.errors import RunnerError, TargetError, UsageError


def wish(budget: float, rounds: int = 5) -> Wish:
    return Wish(budget, rounds, trials=2)


def best_loss(world: World, count: int, budget: float) -> float:
    losses = []
    for widths in itertools.product(WIDTHS, repeat=count):
        if world.slower * 10 * sum(widths) <= budget:
            parts = (((32 - w) / 32 / (1 + i)) ** world.power for i, w in enumerate(widths) if w < 32)
            losses.append(sum(parts) ** (1 / world.power))
    return min(losses)


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4])
def test_the_best_within_the_budget_is_found(share: float) -> None:
    world = World()
    made, before = planner(world)
    outcome = made.plan(wish(share * before.value), before)
    assert outcome.feasible
    assert outcome.obtained is not None
    assert outcome.obtained.value <= share * before.value
    assert outcome.true_loss == pytest.approx(best_loss(world, 4, share * before.value))


def test_a_target_slower_than_the_table_is_found_out() -> None:
    world = World(slower=1.7)
    made, before = planner(world)
    outcome = made.plan(wish(0.5 * before.value), before)
    assert outcome.feasible
    assert outcome.ratio == pytest.approx(1.7)
    assert outcome.rounds[0].predicted == pytest.approx(outcome.rounds[0].obtained or 0.0)


def test_losses_that_are_not_additive_are_learned() -> None:
    world = World(power=2.0)
    made, before = planner(world)
    outcome = made.plan(wish(0.5 * before.value), before)
    assert outcome.true_loss == pytest.approx(best_loss(world, 4, 0.5 * before.value), rel=0.05)
    assert outcome.additivity.power > 1


def test_a_budget_that_is_met_needs_nothing() -> None:
    world = World()
    made, before = planner(world)
    outcome = made.plan(wish(before.value), before)
    assert outcome.choice is None
    assert outcome.feasible
    assert outcome.rounds == []


def test_a_budget_below_any_reach_ends_with_the_best_reachable() -> None:
    world = World()
    made, before = planner(world)
    outcome = made.plan(wish(1.0), before)
    assert not outcome.feasible
    assert outcome.obtained is not None
    assert outcome.obtained.value == 10 * 8 * 4


def test_rounds_that_ended_too_early_are_told() -> None:
    class Slow(World):
        def measure(self, changes: Any) -> Amount:
            found = super().measure(changes)
            return replace(found, value=found.value * 1.1) if changes else found

    world = Slow()
    made, before = planner(world)
    outcome = made.plan(wish(0.5 * before.value, rounds=1), before)
    assert not outcome.feasible
    assert any("--rounds" in note for note in outcome.notes)
    made, before = planner(world)
    assert not made.plan(wish(1.0), before).notes


def test_nothing_is_measured_with_no_rounds() -> None:
    world = World()
    made, before = planner(world, live=False)
    world.measured.clear()
    outcome = made.plan(wish(0.5 * before.value, rounds=0), before)
    assert outcome.feasible
    assert outcome.obtained is None
    assert world.measured == []


def test_options_that_do_not_run_are_not_taken() -> None:
    world = World(broken=("0/3",))
    made, before = planner(world)
    outcome = made.plan(wish(10 * (8 * 3 + 16)), before)
    assert outcome.feasible
    assert outcome.choice is not None
    assert {change.layers[0]: change.parameters["width"] for change in made.changes(outcome.choice)}[
        "0/3"
    ] == 16


def test_options_that_the_table_does_not_know_are_not_taken() -> None:
    world = World()
    world.table = Rows(missing=(8,))
    made, before = planner(world)
    outcome = made.plan(wish(10 * 16 * 4), before)
    assert outcome.feasible
    assert {change.parameters["width"] for change in made.changes(outcome.choice)} == {16}  # type: ignore[arg-type]
    assert any("not in the table" in note for note in outcome.notes)
    assert any("no row" in refusal.reason for refusal in made.candidates.refusals)


def test_what_no_table_knows_is_measured_with_the_model() -> None:
    world = World()
    world.table = Rows(missing=(24, 16, 8))
    made, before = planner(world, 1, Deciding())
    outcome = made.plan(wish(10 * 16), before)
    assert outcome.feasible
    assert [change.parameters["width"] for change in made.changes(outcome.choice)] == [16]  # type: ignore[arg-type]
    assert outcome.rounds[0].predicted == outcome.rounds[0].obtained == 10 * 16


def test_what_no_table_knows_is_left_out_where_nothing_is_measured() -> None:
    # A row of another network's data says nothing.
    made, before = planner(World(), 1, Deciding(), live=False)
    outcome = made.plan(wish(10 * 16, rounds=0), before)
    assert not outcome.feasible
    assert all("depends on data" in one.reason for one in made.candidates.refusals[1:])
    assert {one.reason[:4] for one in made.candidates.listed(made.costs, None, lambda *_: None)} <= {
        "",
        "its ",
    }


def test_of_many_options_some_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(range(32, 1, -1))
    monkeypatch.setattr(planning, "WIDTHS", many)
    world = World()
    monkeypatch.setattr(Rows, "_one", lambda _, one: Known(10.0 * one.inputs[0].shape[1], "extrapolated"))
    made, before = planner(world, 1)
    world.measured.clear()
    made.plan(wish(10 * 16), before)
    assert 8 <= len(world.measured) <= 10
    assert min(world.measured) == 10 * 2


def test_where_neighbours_meet_costs_too() -> None:
    # Without the price of meeting, three layers of 24 would do; it is cheaper to narrow all.
    world = World()
    made, before = planner(world, 3, Meeting(), live=False)
    budget = 10 * 24 * 3
    outcome = made.plan(wish(budget, rounds=0), before)
    assert outcome.choice is not None
    assert outcome.choice.cost <= budget
    runs = outcome.variant.runs(outcome.choice.choices)
    assert sum(made.costs.of(*run) for found in runs.values() for run in found) == outcome.choice.cost


def test_the_front_falls_in_cost_and_rises_in_loss() -> None:
    world = World()
    made, before = planner(world)
    outcome = made.plan(wish(0.5 * before.value), before)
    points = made.front(outcome, 8)
    assert len(points) > 3
    for a, b in itertools.pairwise(points):
        assert a.cost > b.cost
        assert a.loss < b.loss


class Ending(World):
    """A target that is slower than the table and ends with an error after some measurements."""

    def __init__(self, after: int, error: BaseException) -> None:
        super().__init__(slower=1.7)
        self.after, self.error = after, error

    def measure(self, changes: Any) -> Amount:
        if len(self.measured) >= self.after:
            raise self.error
        found = super().measure(changes)
        # What is measured falls short of the budget, so that planning goes on.
        return replace(found, value=found.value * 0.8) if changes else found


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), TargetError("the phone is gone"), ValueError("a fault")]
)
def test_what_was_measured_within_the_budget_outlives_what_ends_the_rounds(error: BaseException) -> None:
    made, before = planner(Ending(2, error))
    outcome = made.plan(wish(0.5 * before.value), before)
    assert outcome.stopped is error
    assert outcome.feasible
    assert outcome.obtained is not None
    assert len(outcome.rounds) == 1
    assert any("stopped early" in note for note in outcome.notes)


def test_what_ends_it_before_anything_is_within_the_budget_is_passed_on() -> None:
    made, before = planner(Ending(1, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        made.plan(wish(0.5 * before.value), before)


class Refusing(World):
    """A target that does not run the models of some choices, which are those that are tried first."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.refused: list[Any] = []
        self.count = count

    def measure(self, changes: Any) -> Amount:
        if changes and (changes in self.refused or len(self.refused) < self.count):
            self.refused.append(changes)
            raise RunnerError("the delegate refuses it")
        return super().measure(changes)


@pytest.mark.parametrize("count", [1, 3])
def test_a_choice_that_cannot_be_measured_is_left_out(count: int) -> None:
    world = Refusing(count)
    made, before = planner(world)
    outcome = made.plan(wish(0.5 * before.value, rounds=2), before)
    assert outcome.stopped is None
    assert outcome.feasible
    assert outcome.obtained is not None
    assert made.changes(outcome.choice) not in world.refused  # type: ignore[arg-type]
    assert sum("left out: the delegate refuses it" in note for note in outcome.notes) == count
    assert len(outcome.rounds) <= 2


def test_if_nothing_can_be_measured_that_is_told() -> None:
    class Broken(World):
        def measure(self, changes: Any) -> Amount:
            if changes:
                raise RunnerError("the disk is full")
            return super().measure(changes)

    made, before = planner(Broken())
    with pytest.raises(RunnerError, match="full"):
        made.plan(wish(0.5 * before.value), before)


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4])
def test_the_greedy_way_alone_meets_the_budget_too(share: float) -> None:
    world = World(slower=1.3)
    made, before = planner(world)
    outcome = made.plan(replace(wish(share * before.value), solver="netadapt"), before)
    assert outcome.feasible
    assert outcome.obtained is not None
    assert outcome.obtained.value <= share * before.value
    assert outcome.true_loss is not None
    assert outcome.true_loss >= best_loss(world, 4, share * before.value) * (1 - 1e-9)


def test_the_greedy_way_alone_tells_what_is_out_of_reach() -> None:
    made, before = planner(World())
    outcome = made.plan(replace(wish(1.0), solver="netadapt"), before)
    assert not outcome.feasible
    assert outcome.obtained is not None
    assert outcome.obtained.value == 10 * 8 * 4


def test_there_is_no_other_solver() -> None:
    made, before = planner(World())
    with pytest.raises(UsageError, match="simplex"):
        made.plan(replace(wish(1.0), solver="simplex"), before)


def test_an_unchanged_model_does_not_meet_the_budget_at_a_second_look() -> None:
    class Nothing(Narrowing):
        def knobs(self, subject: Any) -> Any:
            return [], []

    world = World()
    made, before = planner(world, 4, Nothing())
    world.slower = 0.5  # looked at again, it would seem faster
    outcome = made.plan(Wish(0.8 * before.value), before)
    assert not outcome.feasible
    assert outcome.obtained == before

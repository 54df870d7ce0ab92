"""The solver against looking at everything."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.compress.planning.solver import Factor, Problem, SolverFailed, cheapest, front, solve


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    counts = draw(st.lists(st.integers(1, 4), min_size=0, max_size=5))
    factors = []
    for _ in range(draw(st.integers(0, 5))):
        size = int(random.integers(0, min(len(counts), 3) + 1))
        scope = tuple(int(k) for k in random.permutation(len(counts))[:size])
        costs = np.asarray(random.integers(0, 50, [counts[k] for k in scope]), float)
        if size:
            costs = np.where(random.random(costs.shape) < 0.1, np.inf, costs)
        factors.append(Factor(scope, costs))
    losses = tuple(random.integers(0, 100, count) / 100 for count in counts)
    return Problem(losses, tuple(factors), float(random.integers(0, 5)))


def everything(problem: Problem) -> list[tuple[float, float]]:
    """Cost and loss of all combinations that go together."""
    ranges = [range(len(losses)) for losses in problem.losses]
    both = [(problem.cost(each), problem.loss(each)) for each in itertools.product(*ranges)]
    return [one for one in both if np.isfinite(one[0])]


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 150))
def test_no_choice_within_the_budget_loses_less(problem: Problem, budget: int) -> None:
    within = [loss for cost, loss in everything(problem) if cost <= budget]
    if not everything(problem):
        with pytest.raises(SolverFailed):
            cheapest(problem)
        return
    found = solve(problem, budget)
    if not within:
        assert found is None
        return
    assert found is not None
    assert found.cost <= budget
    assert found.cost == problem.cost(found.choices)
    assert found.loss == pytest.approx(min(within))


@settings(max_examples=30, deadline=None)
@given(problems())
def test_nothing_costs_less_than_the_cheapest(problem: Problem) -> None:
    every = everything(problem)
    if every:
        assert cheapest(problem).cost == min(cost for cost, _ in every)


@settings(max_examples=15, deadline=None)
@given(problems())
def test_the_front_is_on_the_border(problem: Problem) -> None:
    every = everything(problem)
    if not every:
        return
    found = front(problem, 5)
    assert [one.cost for one in found] == sorted((one.cost for one in found), reverse=True)
    for one in found:
        assert one.loss == pytest.approx(min(loss for cost, loss in every if cost <= one.cost))
    assert found[-1].cost == min(cost for cost, _ in every)


def test_knapsack() -> None:
    losses = (np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0]))
    costs = (np.array([10.0, 6.0, 3.0]), np.array([8.0, 2.0]))
    problem = Problem(losses, tuple(Factor((k,), each) for k, each in enumerate(costs)), constant=1.0)
    assert problem.is_decoupled
    assert [solve(problem, budget).loss for budget in (19, 15, 13, 9, 6)] == [0, 1, 2, 3, 5]  # type: ignore[union-attr]
    assert solve(problem, 5.9) is None


def test_a_cost_of_two_neighbours() -> None:
    # Alone, neither is cheaper: only both together are.
    losses = (np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    problem = Problem(losses, (Factor((0, 1), np.array([[10.0, 10.0], [10.0, 1.0]])),))
    found = solve(problem, 5)
    assert found is not None
    assert not problem.is_decoupled
    assert found.choices == (1, 1)


def test_a_knob_in_the_cost_of_huge_and_tiny_units() -> None:
    for unit in (1e-9, 1.0, 1e12):
        costs = np.array([10.0, 6.0, 3.0]) * unit
        problem = Problem((np.array([0.0, 1e-9, 1e-3]),), (Factor((0,), costs),))
        found = solve(problem, 6.0 * unit)
        assert found is not None
        assert found.choices == (1,)


def test_what_a_library_prints_does_not_get_into_ours() -> None:
    """HiGHS prints with the C library, which keeps it in a buffer where output is no terminal."""
    code = (
        "import ctypes\n"
        "from tflprof.compress.planning import solver\n"
        "def noisy(*_, real=solver.milp, **options):\n"
        "    ctypes.CDLL(None).printf(b'noise\\n')\n"
        "    return real(*_, **options)\n"
        "solver.milp = noisy\n"
        "problem = solver.Problem(((0.0, 1.0),), (solver.Factor((0,), solver.np.array([2.0, 1.0])),), 0.0)\n"
        "print('before')\n"
        "print(solver.solve(problem, 1.5).choices)\n"
    )
    # With it Python would tell the C library not to buffer.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "before\n(1,)\n"

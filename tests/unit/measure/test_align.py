"""Alignment of kernels with operators: certain cuts, ties as groups."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tflprof.measure.align import Evidence, Segment, align

NO_WORK = np.nan


def evidence(main: list[list[float]], absence: list[float], helper: float = 14.0) -> Evidence:
    table = np.array(main, dtype=float).reshape(len(absence), -1)
    kernels = table.shape[1]
    return Evidence(
        absence=np.array(absence, dtype=float),
        main=table,
        before=np.full(table.shape, helper),
        after=np.full(table.shape, helper),
        elapsed=np.ones(kernels),
        expected=np.full(len(absence), NO_WORK),
    )


def test_one_kernel_each() -> None:
    found = align(evidence([[0, 9], [9, 0]], [14, 14]))
    assert found == [Segment(0, 1, 0, 1), Segment(1, 2, 1, 2)]


def test_an_operator_without_a_kernel_is_a_segment_without_kernels() -> None:
    found = align(evidence([[0, 9], [9, 9], [9, 0]], [14, 2, 14]))
    assert found == [Segment(0, 1, 0, 1), Segment(1, 2, 1, 1), Segment(2, 3, 1, 2)]


def test_an_operator_split_into_two_kernels() -> None:
    split = evidence([[0, 9, 9], [9, 9, 0]], [14, 14])
    split.after[0, 1] = 0.1
    assert align(split) == [Segment(0, 1, 0, 2), Segment(1, 2, 2, 3)]


def test_a_kernel_that_could_help_either_neighbour_joins_them() -> None:
    assert align(evidence([[0, 9, 9], [9, 9, 0]], [14, 14], helper=4)) == [Segment(0, 2, 0, 3)]


def test_a_tie_is_one_segment_and_no_guess() -> None:
    """Two operators that could both have run the only kernel."""
    assert align(evidence([[0], [0]], [4, 4])) == [Segment(0, 2, 0, 1)]


def test_expected_cost_alone_does_not_break_a_tie() -> None:
    tie = evidence([[0], [0]], [4, 4])
    tie = Evidence(tie.absence, tie.main, tie.before, tie.after, np.array([100.0]), np.array([100.0, 1.0]))
    assert align(tie) == [Segment(0, 2, 0, 1)]


def test_more_kernels_than_operators_can_take_are_one_segment() -> None:
    found = align(evidence([[0] * 20], [14], helper=1))
    assert found == [Segment(0, 1, 0, 20)]


def test_no_operators() -> None:
    nothing = Evidence(*(np.zeros(shape) for shape in ((0,), (0, 2), (0, 2), (0, 2), (2,), (0,))))
    assert align(nothing) == [Segment(0, 0, 0, 2)]


@given(st.data())
def test_segments_cover_everything_in_order(data: st.DataObject) -> None:
    operators = data.draw(st.integers(1, 6))
    kernels = data.draw(st.integers(0, 8))
    numbers = st.floats(0, 14)
    main = data.draw(
        st.lists(
            st.lists(numbers, min_size=kernels, max_size=kernels), min_size=operators, max_size=operators
        )
    )
    absence = data.draw(st.lists(numbers, min_size=operators, max_size=operators))
    found = align(evidence(main, absence, helper=data.draw(numbers)))
    assert [(s.first, s.start) for s in found] == [(0, 0)] + [(s.last, s.stop) for s in found[:-1]]
    assert (found[-1].last, found[-1].stop) == (operators, kernels)

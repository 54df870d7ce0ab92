"""The table of bad input: what failed is told, what could not be done is not counted, nothing breaks the table."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.bad_input import Row, render
from tests.bad_input import CASES

FINE = Row("Models", "a | b", "host", "profile '\x1b[31mred\n'", 2, "is <empty>", "–", ())


def test_what_failed_is_told_and_what_was_not_done_is_not_counted() -> None:
    wrong = replace(FINE, problems=("ended with 70, not 2",), status=70)
    not_done = replace(FINE, status=None, problems=("no disk",))
    text = render([FINE, wrong, not_done])
    assert "**1 of 2 ok**; 1 could not be done" in text
    assert "**no**: ended with 70, not 2 |" in text
    assert "| not done: no disk |" in text


def test_what_is_in_a_cell_does_not_break_the_table() -> None:
    (line,) = [line for line in render([FINE]).splitlines() if "empty" in line]
    assert "a \\| b" in line
    assert "&lt;empty>" in line
    assert "\x1b" not in line
    assert "\\x1b[31mred\\n" in line


def test_no_two_cases_have_the_same_name_on_the_same_target() -> None:
    names = [(case.room, case.wrong, target) for case in CASES for target in case.targets]
    assert len(names) == len(set(names))

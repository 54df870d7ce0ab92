"""A comparison in the terminal, as a reader sees it."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from tests.comparisons import STATUSES, every_kind, hostile, make_comparison
from tests.factories import make_profile
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.profile.meta import Finding
from tflprof.report.compare_table import print_comparison


def show(
    comparison: Comparison,
    width: int = 140,
    *,
    top: int | None = None,
    show_all: bool = False,
    colour: bool = False,
) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    print_comparison(comparison, console, top=top, show_all=show_all)
    return stream.getvalue()


def rows(text: str) -> list[str]:
    """Lines of the table."""
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if " layer " in f" {line} " and " A " in line)
    return lines[head + 1 : lines.index("", head)]


def test_the_verdict_comes_first_with_its_interval() -> None:
    first = show(make_comparison()).splitlines()[0]
    assert re.match(
        r"B is 14\.1 % faster than A: 13\.7 → 11\.8 ms, 99 % simultaneous interval −14\.5 … −13\.8 %", first
    )


def test_it_says_what_the_numbers_are_and_how_they_came_about() -> None:
    text = show(make_comparison())
    assert "[measured on host]" in text
    assert "20 process pairs" in text
    assert "xnnpack kernels · 1 thread" in text
    counts = show(make_comparison(method="exact", unit="instructions"))
    assert "[emulated instructions: not time]" in counts
    assert " ms" not in counts


def test_layers_that_changed_come_first_the_largest_difference_ahead() -> None:
    lines = rows(show(make_comparison()))
    statuses = [line.split()[0] for line in lines]
    changed = [i for i, word in enumerate(statuses) if word in ("faster", "slower", "new", "gone")]
    undecided = [i for i, word in enumerate(statuses) if word == "inconclusive"]
    assert max(changed[:-1]) < min(undecided), "the last line is the total"
    assert "Conv2d_6/" in lines[0]
    assert lines[0].startswith("gone")


def test_what_is_the_same_is_one_line_unless_asked_for() -> None:
    comparison = make_comparison()
    short, full = show(comparison), show(comparison, show_all=True)
    same = [row for row in comparison.layers if row.status == "same"]
    assert f"not shown: {len(same)} same; --all shows them" in short
    assert not any(line.startswith("same") for line in rows(short))
    assert sum(line.startswith("same") for line in rows(full)) == len(same)
    assert "not shown" not in full


def test_top_leaves_nothing_unsaid() -> None:
    comparison = make_comparison()
    text = show(comparison, top=2)
    told = re.search(r"not shown: (.*);", text)
    assert told
    assert sum(int(number) for number in re.findall(r"\d+", told[1])) == len(comparison.layers) - 2
    assert f"{len(comparison.layers) - 2} more" in text


def test_the_end_of_the_table_is_the_total() -> None:
    lines = rows(show(make_comparison()))
    assert "unattributed" in lines[-2]
    assert "total" in lines[-1]
    assert lines[-1].startswith("faster")


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_a_word(status: str) -> None:
    assert any(line.startswith(status) for line in rows(show(every_kind(), show_all=True)))


def test_colours_only_where_there_are_any() -> None:
    assert "\x1b[" not in show(make_comparison())
    assert "\x1b[" in show(make_comparison(), colour=True)


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for comparison in (make_comparison(), make_comparison(method="devices"), every_kind(), hostile()):
        assert max(map(len, show(comparison, width, show_all=True).splitlines())) <= width


def test_narrow_terminals_keep_status_costs_and_change() -> None:
    text = show(make_comparison(), 80)
    head = next(line for line in text.splitlines() if line.startswith("status"))
    assert head.split()[:4] == ["status", "layer", "A", "B"]
    assert "change" in head


def test_two_devices_show_shares_and_ratios_and_no_status() -> None:
    text = show(make_comparison(method="devices"))
    head = next(line for line in text.splitlines() if " layer " in f" {line} ")
    assert {"B / A", "of A", "of B"} <= set(re.split(r"\s{2,}", head))
    assert "status" not in head
    assert "differs: target: A adb:pixel2, B adb:pixel6" in text
    assert "0.875×" in text


def test_what_was_forced_says_so_with_both_values() -> None:
    text = show(make_comparison(method="stored", forced=True))
    assert text.startswith("A and B cannot be compared")
    assert "differs: core: A Cortex-A73, B unknown" in text
    assert all(line.split()[0] in ("incomparable", "22", "unattributed") for line in rows(text))


def test_doubts_about_a_profile_are_told() -> None:
    finding = Finding("thermal-throttled", "taint", "the core slowed down", "cool it")
    text = show(make_comparison(findings=[finding]))
    assert "B is tainted: 1 finding" in text
    assert "taint thermal-throttled  the core slowed down" in text
    assert "Trust" not in show(make_comparison())


def test_why_nothing_can_be_said() -> None:
    few = make_profile(processes=5)
    text = show(compare_profiles(few, few))
    assert "It cannot be said whether B is faster or slower than A" in text
    assert "the noise of A and B is not known: too few processes were measured" in text
    assert re.search(r"inconclusive, \d layers: the noise of A and B", text)


def test_what_moved_is_named() -> None:
    base = make_comparison(4)
    layers = (replace(base.layers[0], match="moved"), *base.layers[1:])
    assert "moved  MobilenetV1/Conv2d_0/Relu6" in show(replace(base, layers=layers))


def test_hostile_names_are_text() -> None:
    text = show(hostile(), show_all=True)
    assert "\x1b" not in text
    assert "[red]x[/red]" in text

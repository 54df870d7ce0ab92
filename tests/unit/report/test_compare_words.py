"""The sentences about a comparison must be true of its numbers."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from tests.comparisons import make_comparison
from tests.factories import make_profile
from tests.unit.analysis.sides import COUNTS, costing, counts, with_options
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison, Status
from tflprof.profile.mismatch import Mismatch
from tflprof.report.compare_table import print_comparison
from tflprof.report.compare_words import matching_sentence, method_sentences, verdict_sentence


def of_pairs(ratio: float, status: Status) -> Comparison:
    """Totals that by themselves tell 129 → 249 µs, or +93 %; the pairs say ``ratio``."""
    base = make_comparison(status=status)
    a, b = base.total.a, base.total.b
    assert a is not None
    assert b is not None
    total = replace(
        base.total,
        a=replace(a, typical=129_000.0),
        b=replace(b, typical=249_000.0),
        ratio=ratio,
        ratio_lo=ratio - 0.2,
        ratio_hi=ratio + 0.2,
    )
    return replace(base, total=total)


@pytest.mark.parametrize(
    ("ratio", "status", "sentence"),
    [
        (
            2.08,
            "slower",
            "B is 108 % slower than A in their pairs, 99 % simultaneous interval +88.0 … +128 % "
            "(each by itself: 129 → 249 µs)",
        ),
        (
            1.01,
            "inconclusive",
            "It cannot be said whether B is faster or slower than A: +1.0 % in their pairs, "
            "99 % simultaneous interval −19.0 … +21.0 % (each by itself: 129 → 249 µs)",
        ),
        (
            1.95,
            "slower",
            "B is 95.0 % slower than A: 129 → 249 µs, 99 % simultaneous interval +75.0 … +115 %",
        ),
        (
            249 / 129,
            "slower",
            "B is 93.0 % slower than A: 129 → 249 µs, 99 % simultaneous interval +73.0 … +113 %",
        ),
    ],
)
def test_what_the_pairs_say_is_not_mixed_with_what_each_costs(
    ratio: float, status: Status, sentence: str
) -> None:
    assert verdict_sentence(of_pairs(ratio, status)) == sentence


def test_counts_that_are_the_same_need_not_be_equal() -> None:
    other = counts(costing(COUNTS, "net/a", 5_000_500))
    assert "but for" not in verdict_sentence(compare_profiles(counts(), counts()))
    found = compare_profiles(counts(), other)
    assert found.total.status == "same"
    assert re.match(r"B needs as many instructions as A but for 51\d: ", verdict_sentence(found))


def test_same_is_said_of_the_whole_interval() -> None:
    for method in ("paired", "stored"):
        text = method_sentences(make_comparison(method=method))
        assert "the same if all of its interval lies within ±1.0 %" in text


def shown(comparison: Comparison, width: int = 100, top: int | None = None) -> str:
    stream = io.StringIO()
    print_comparison(comparison, Console(file=stream, width=width), top=top)
    return stream.getvalue()


def test_what_is_unknown_on_both_sides_may_differ() -> None:
    a = with_options(make_profile(), threads=None)
    text = shown(compare_profiles(a, with_options(a, kernels="builtin"), force=True))
    assert "  may differ: threads: A unknown, B unknown" in text
    assert "  differs: kernels: A xnnpack, B builtin" in text
    half = replace(make_comparison(forced=True), mismatches=(Mismatch("core", None, "big"),))
    assert "  differs: core: A unknown, B big" in shown(half)


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    base = make_comparison(3)
    layers = tuple(replace(row, difference=None) if i == 0 else row for i, row in enumerate(base.layers))
    line = next(line for line in shown(replace(base, layers=layers), top=1).splitlines() if "2 more" in line)
    known = next(line for line in shown(base, top=1).splitlines() if "2 more" in line)
    assert len(known.split()) - len(line.split()) in (0, 2), "a number and its unit, or neither"


def test_intervals_outlive_differences_on_a_narrow_terminal() -> None:
    text = shown(make_comparison(), width=80)
    head = next(line for line in text.splitlines() if line.startswith("status"))
    assert "99 % interval" in head


def test_all_shows_everything_only_without_top() -> None:
    assert "; --all shows them" in shown(make_comparison())
    assert "; without --top, --all shows them" in shown(make_comparison(), top=1)


def test_graphs_that_are_not_known_are_not_said_to_differ() -> None:
    base = make_comparison()
    assert "the graphs differ" in matching_sentence(base)
    unknown = replace(base.b, model=replace(base.b.model, fingerprint=None))
    assert "whether the graphs agree is not known" in matching_sentence(replace(base, b=unknown))


def test_counts_that_did_not_repeat_are_not_said_to() -> None:
    unsure = counts(schedule=replace(counts().meta.schedule, reached=False))
    assert "Counts repeat exactly" in method_sentences(compare_profiles(counts(), counts()))
    for a, b, side in ((counts(), unsure, "B"), (unsure, unsure, "A and B")):
        text = method_sentences(compare_profiles(a, b))
        assert text.startswith(f"The counts of {side} did not repeat")
        assert "repeat exactly" not in text

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.comparisons import HOSTILE, VERDICTS, budget, make_gate, one_case
from tests.unit.report.test_compare_page import parse
from tflprof.analysis.verdicts import GateCase, GateResult, Verdict
from tflprof.errors import UsageError
from tflprof.report.gate_page import render_gate, write_gate_page


def hostile_gate() -> GateResult:
    first = make_gate(compared=False).cases[0]
    return GateResult(
        tuple(
            replace(
                first, name=name, model=name, notes=(name,), results=(budget(name),), error=name, hint=name
            )
            for name in HOSTILE[:-1]
        )
    )


def budgets(page: str) -> list[str]:
    """Texts of all budgets in order."""
    found = re.findall(r'<li class="budget">(.*?)</li>', page, re.DOTALL)
    return [re.sub(r"\s+", " ", " ".join(parse(each).texts)) for each in found]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_comes_first(verdict: Verdict) -> None:
    page = render_gate(one_case(verdict, budget(verdict=verdict)))
    found = re.search(r"<h1 [^>]*>(.*?)</h1>", page)
    assert found
    assert verdict.upper() in found.group(1)
    assert page.index("<h1") < page.index("<h2")


def test_inconclusive_is_taken_as_asked_for() -> None:
    result = replace(one_case("inconclusive", budget(verdict="inconclusive")), inconclusive_as="fail")
    page = render_gate(result)
    assert re.search(r"<h1 [^>]*>.*FAIL</h1>", page)
    assert "inconclusive taken as fail" in page


def test_every_budget_has_its_numbers_and_reason() -> None:
    found = budgets(render_gate(make_gate()))
    assert len(found) == 5
    total, layer, memory, operators, tiny = found
    assert "fail total" in total
    assert "found 11.2 ms (11.1 ms … 11.3 ms)" in total
    assert "at most 10.5 ms" in total
    assert "baseline 10.0 ms" in total
    assert "fail: the interval lies where it lies" in total
    assert "inconclusive layer 0/3 MobilenetV1/Conv2d_3/Relu6" in layer
    assert "at most 80.0 MiB" in memory
    assert "baseline" not in memory
    assert "found –" in operators
    assert "at most –" in operators
    assert "found 190 M instr" in tiny


def test_what_failed_is_named_beside_the_verdict() -> None:
    many = [replace(budget(f"layer 0/{i}", "fail"), reason=f"reason {i}") for i in range(7)]
    page = render_gate(one_case("fail", *many, budget("memory")))
    head = page[: page.index("<h2")]
    assert [f"reason {i}" in head for i in range(7)] == [True] * 5 + [False] * 2
    assert "and 2 more" in head
    assert "memory" not in head


def test_a_chart_shows_value_interval_limit_and_baseline() -> None:
    page = render_gate(one_case("fail", budget(verdict="fail", value=11e6, limit=10.5e6, baseline=10e6)))
    (chart,) = re.findall(r'<svg class="bullet".*?</svg>', page, re.DOTALL)
    places = {
        name: float(
            re.search(rf'class="{name}[^"]*" (?:x1="([\d.]+)%|x="0" width="([\d.]+)%)', chart).group(at)
        )
        for name, at in (("found", 2), ("before", 1), ("most", 1))
    }
    assert places["before"] < places["most"] < places["found"]
    assert chart.count('class="whisker"') == 3
    unknown = render_gate(one_case("incomparable", budget(verdict="incomparable", value=None, limit=None)))
    assert '<svg class="bullet"' not in unknown


def test_layers_that_pass_are_folded_and_there() -> None:
    every = [
        replace(budget(f"layer 0/{i}", "fail" if i == 4 else "pass"), limit_text="layer:*=+5%")
        for i in range(30)
    ]
    page = render_gate(one_case("fail", *every))
    assert len(budgets(page)) == 30
    assert "29 more of every layer pass" in page
    assert "layer 0/4" in budgets(page[: page.index("<details>")])[0]


def test_notes_errors_and_the_comparison_are_shown() -> None:
    result = make_gate()
    broken = GateCase(
        "phone", "m.tflite", "adb", (), "incomparable", error="no phone", hint="plug it in", error_code=3
    )
    page = render_gate(GateResult((*result.cases, broken)))
    for text in (
        "the first measurement said",
        "is not in the baseline",
        "other core",
        "no phone",
        "plug it in",
    ):
        assert text in page
    assert 'id="case-1-waterfall-title"' in page
    assert 'id="case-2-waterfall-title"' not in page
    assert page.count('<table class="compared') == 1


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    first = make_gate().cases[0]
    tags = parse(render_gate(GateResult((first, replace(first, name="again"))))).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {(a["href"] or "").removeprefix("#") for tag, a in tags if tag == "a"} <= set(ids)


def test_hostile_names_are_text() -> None:
    page = render_gate(hostile_gate())
    tags = [tag for tag, _ in parse(page).tags]
    assert tags.count("script") == 1
    assert "img" not in tags
    for char in ("\x1b", "\u2028", "\u202e"):
        assert char not in page
    page = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|inf|None|Infinity)\b", page)


def test_a_gate_of_nothing_has_a_page() -> None:
    assert "PASS" in render_gate(GateResult(()))
    assert "No budget was judged." in render_gate(one_case("pass"))


def test_the_same_result_gives_the_same_page() -> None:
    assert render_gate(make_gate()) == render_gate(make_gate())


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "gate.html"
    assert write_gate_page(make_gate(), path) == path
    with pytest.raises(UsageError, match="exists"):
        write_gate_page(make_gate(), path)
    write_gate_page(one_case("pass"), path, overwrite=True)
    assert "PASS" in path.read_text(encoding="utf-8")

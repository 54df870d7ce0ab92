"""The pages of comparisons and gates in a real browser: they work, alone, and fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.comparisons import (
    HOSTILE,
    budget,
    every_kind,
    hostile,
    make_comparison,
    make_gate,
    one_case,
    unknown_total,
)
from tests.opened_page import OpenedPage
from tflprof.analysis.comparison import Comparison
from tflprof.analysis.verdicts import GateResult
from tflprof.profile.meta import Finding
from tflprof.report.compare_page import write_comparison_page
from tflprof.report.gate_page import write_gate_page

pytestmark = pytest.mark.browser

FINDINGS = [Finding("host-busy", "doubt", "busy", "wait")]

COMPARISONS: dict[str, Callable[[], Comparison]] = {
    "5 layers": lambda: make_comparison(5),
    "30 layers, doubted": lambda: make_comparison(30, findings=FINDINGS),
    "400 layers": lambda: make_comparison(400),
    "instructions": lambda: make_comparison(100, method="exact", unit="instructions"),
    "stored": lambda: make_comparison(30, method="stored", status="inconclusive"),
    "devices": lambda: make_comparison(30, method="devices", factor=0.4),
    "forced": lambda: make_comparison(30, forced=True),
    "every kind": every_kind,
    "hostile": hostile,
    "nothing known": unknown_total,
}
GATES: dict[str, Callable[[], GateResult]] = {
    "three cases": make_gate,
    "passed": lambda: one_case("pass", budget()),
    "hostile": lambda: GateResult(
        tuple(
            replace(case, name=name, model=name, notes=(name,), results=(budget(name),))
            for name, case in zip(HOSTILE, make_gate().cases * 3, strict=False)
        )
    ),
}
SIZES = [(1600, "light"), (1200, "dark"), (400, "light")]

_TABLE = "[data-table='layers']"


@pytest.fixture(autouse=True)
def _closing(browser: Browser) -> Iterator[None]:
    yield
    for context in browser.contexts:
        context.close()


def open_comparison(
    browser: Browser, tmp_path: Path, comparison: Comparison, width: int = 1200, scheme: str = "light"
) -> OpenedPage:
    return OpenedPage(browser, write_comparison_page(comparison, tmp_path / "page.html"), width, scheme)


def seen(opened: OpenedPage, key: str) -> list[str]:
    """First lines of the cells of a column of the table of layers, of rows that are seen."""
    script = """key => {
        const table = document.querySelector("[data-table='layers'] table");
        const at = table.querySelector(`th[data-key=${key}]`).cellIndex;
        return [...table.tBodies[0].rows].filter((row) => row.checkVisibility())
            .map((row) => row.cells[at].innerText.split('\\n')[0].trim());
    }"""
    texts: list[str] = opened.page.evaluate(script, key)
    return texts


def assert_whole(opened: OpenedPage) -> None:
    assert opened.complaints == []
    assert opened.alone
    assert opened.fits
    assert opened.page.title() != "owned"
    assert opened.page.locator("img").count() == 0


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_comparison_stands_alone_and_fits(
    browser: Browser, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    assert_whole(open_comparison(browser, tmp_path, COMPARISONS[name](), width, scheme))


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_gate_stands_alone_and_fits(
    browser: Browser, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    path = write_gate_page(GATES[name](), tmp_path / "gate.html")
    assert_whole(OpenedPage(browser, path, width, scheme))


@pytest.mark.parametrize("layers", [5, 30, 100, 400])
def test_texts_of_the_waterfall_do_not_overlap(browser: Browser, tmp_path: Path, layers: int) -> None:
    script = """() => [...document.querySelectorAll('.waterfall li')].map((row) =>
        [...row.children].filter((each) => each.tagName === 'SPAN')
            .map((each) => each.getBoundingClientRect())
            .every((box, i, all) => i === 0 || box.left >= all[i - 1].right - 0.5))"""
    path = write_comparison_page(make_comparison(layers), tmp_path / "page.html")
    for width in (400, 1200):
        opened = OpenedPage(browser, path, width)
        found = opened.page.evaluate(script)
        assert len(found) == min(layers, 20 if layers > 24 else layers) + (5 if layers > 24 else 4)
        assert all(found)


def test_bars_are_where_the_numbers_say(browser: Browser, tmp_path: Path) -> None:
    comparison = make_comparison(30)
    page = open_comparison(browser, tmp_path, comparison).page
    script = """() => [...document.querySelectorAll('.waterfall .step, .waterfall .sum')].map((row) => {
        const box = row.querySelector('rect').getBoundingClientRect();
        return [box.left, box.right];
    })"""
    boxes = page.evaluate(script)
    texts = page.locator(".waterfall .step .size").all_inner_texts()
    a, *steps, b = boxes
    level = a[1]
    for (left, right), text in zip(steps, texts, strict=True):
        start, end = (right, left) if text.startswith("−") else (left, right)
        assert start == pytest.approx(level, abs=1)
        level = end
    assert level == pytest.approx(b[1], abs=1)


def test_rows_that_are_the_same_are_folded_and_found(browser: Browser, tmp_path: Path) -> None:
    comparison = make_comparison(30)
    same = sum(row.status == "same" for row in comparison.layers)
    opened = open_comparison(browser, tmp_path, comparison)
    page = opened.page
    assert len(seen(opened, "index")) == 30 - same
    assert page.inner_text(f"{_TABLE} output") == f"{30 - same} of 30 layers"
    page.click(f"{_TABLE} .fold")
    assert len(seen(opened, "index")) == 30
    page.click(f"{_TABLE} .fold")
    assert len(seen(opened, "index")) == 30 - same
    page.fill(f"{_TABLE} input", "conv2d_1/")
    assert seen(opened, "status") == ["same"]
    page.fill(f"{_TABLE} input", "")
    page.select_option(f"{_TABLE} select >> nth=0", "same")
    assert seen(opened, "status") == ["same"] * same


def test_filters(browser: Browser, tmp_path: Path) -> None:
    opened = open_comparison(browser, tmp_path, make_comparison(30))
    opened.page.select_option(f"{_TABLE} select >> nth=0", "faster")
    assert set(seen(opened, "status")) == {"faster"}
    opened.page.select_option(f"{_TABLE} select >> nth=1", "renamed")
    assert set(seen(opened, "match")) == {"renamed"}
    opened.page.fill(f"{_TABLE} input", "nothing like this")
    assert seen(opened, "name") == []


def test_sorting(browser: Browser, tmp_path: Path) -> None:
    opened = open_comparison(browser, tmp_path, every_kind())
    page = opened.page
    page.click(f"{_TABLE} .fold")
    script = """key => {
        const table = document.querySelector("[data-table='layers'] table");
        const at = table.querySelector(`th[data-key=${key}]`).cellIndex;
        return [...table.tBodies[0].rows].map((row) => row.cells[at].dataset.v);
    }"""
    for key in ("a", "b", "difference", "ratio"):
        for falling in (True, False):
            page.click(f"{_TABLE} th[data-key={key}] button")
            values = page.evaluate(script, key)
            known = [float(value) for value in values if value]
            assert known == sorted(known, reverse=falling)
            assert not any(values[len(known) :]), "unknown stays last"
    page.click(f"{_TABLE} th[data-key=status] button")
    assert seen(opened, "status") == sorted(seen(opened, "status"))


def test_marks_explain_themselves_and_lead_to_their_row(browser: Browser, tmp_path: Path) -> None:
    page = open_comparison(browser, tmp_path, make_comparison(30)).page
    mark = page.locator("figure.order .mark[data-row='1'] .hit")
    mark.hover()
    tip = page.inner_text("#tip")
    assert "MobilenetV1/Conv2d_1/Relu6" in tip
    assert "same" in tip
    mark.click()
    row = page.locator(f"{_TABLE} tr.on")
    assert row.get_attribute("data-id") == "1"
    assert row.is_visible(), "it was folded away"


def test_a_name_in_the_waterfall_leads_to_its_row(browser: Browser, tmp_path: Path) -> None:
    page = open_comparison(browser, tmp_path, make_comparison(30)).page
    page.click(".waterfall a >> nth=0")
    assert page.locator(f"{_TABLE} tr.on").count() == 1


def test_two_tables_of_a_gate_do_not_share_their_filters(browser: Browser, tmp_path: Path) -> None:
    first = make_gate().cases[0]
    result = GateResult((first, replace(first, name="again")))
    page = OpenedPage(browser, write_gate_page(result, tmp_path / "gate.html")).page
    page.fill("[data-table='case-1-layers'] input", "nothing like this")
    assert page.locator("[data-table='case-1-layers'] tbody tr:visible").count() == 0
    assert page.locator("[data-table='case-2-layers'] tbody tr:visible").count() > 5


def test_paper_has_all_rows(browser: Browser, tmp_path: Path) -> None:
    opened = open_comparison(browser, tmp_path, make_comparison(100))
    opened.page.emulate_media(media="print")
    assert len(seen(opened, "index")) == 100
    pages = opened.page.pdf(format="A4")
    assert pages.startswith(b"%PDF")
    assert opened.page.locator(".controls").is_hidden()


def test_paper_has_all_budgets(browser: Browser, tmp_path: Path) -> None:
    every = [replace(budget(f"layer 0/{i}"), limit_text="layer:*=+5%") for i in range(9)]
    page = OpenedPage(browser, write_gate_page(one_case("pass", *every), tmp_path / "gate.html")).page
    assert page.locator(".budget:visible").count() == 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".budget:visible").count() == 9


def test_without_scripts_everything_can_be_read(browser: Browser, tmp_path: Path) -> None:
    path = write_comparison_page(make_comparison(30), tmp_path / "page.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.inner_text("#verdict").startswith("B is 14.1")
    assert page.locator(f"{_TABLE} tbody tr:visible").count() == 30
    assert page.locator(".waterfall rect:visible").count() >= 20
    assert page.locator(".fold").is_hidden()


def test_the_policy_stops_what_escaping_would_have_missed(browser: Browser, tmp_path: Path) -> None:
    path = write_comparison_page(make_comparison(3), tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("</main>", "<script>document.title='owned'</script></main>"), encoding="utf-8"
    )
    opened = OpenedPage(browser, path)
    assert opened.page.title() != "owned"
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)

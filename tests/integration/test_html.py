"""The page in a real browser: it works, alone, and nothing in it runs but its own script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.factories import Part, group, make_profile, mobilenet, part, static, sustained
from tests.opened_page import OpenedPage
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tflprof.profile.meta import Finding
from tflprof.profile.profile import Profile
from tflprof.report.html import write_page

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    '"><img src="http://192.0.2.1/x" onerror="document.title=\'owned\'">',
    "{{7*7}} [red]x[/red]",
    "\x1b[31m \u202e\u2028",
    "层" * 60,
    "long/" * 400,
]


class Opened(OpenedPage):
    """A profile's page, its charts drawn."""

    def __init__(self, browser: Browser, path: Path, width: int = 1400, scheme: str = "light") -> None:
        super().__init__(browser, path, width, scheme)
        self.page.wait_for_selector("#order > *")

    def column(self, key: str) -> list[str]:
        """Texts of a column of the table of layers, of the rows that are seen, from top to bottom."""
        script = """key => {
            const at = document.querySelector(`#layers th[data-key=${key}]`).cellIndex;
            const rows = [...document.querySelector('#layers').tBodies[0].rows];
            return rows.filter((row) => row.checkVisibility()).map((row) => row.cells[at].textContent.trim());
        }"""
        texts: list[str] = self.page.evaluate(script, key)
        return texts

    def sort(self, key: str) -> str:
        self.page.click(f"#layers th[data-key={key}] button")
        return self.page.get_attribute(f"#layers th[data-key={key}]", "aria-sort") or ""


def open_page(
    browser: Browser, tmp_path: Path, profile: Profile, width: int = 1400, scheme: str = "light"
) -> Opened:
    return Opened(browser, write_page(profile, tmp_path / "page.html"), width, scheme)


PROFILES = {
    "network": lambda: mobilenet(
        findings=[Finding("host-busy", "doubt", "busy", "wait")], verdict="doubtful"
    ),
    "mixed": make_profile,
    "endurance": sustained,
    "endurance, nothing else known": lambda: sustained(blocks=30, slow_from=None, heat=False, clock=False),
    "instructions": lambda: mobilenet(unit="instructions"),
    "predicted": lambda: predicted(prediction=ANCHORED),
    "predicted within a wide interval": lambda: predicted(prediction=replace(UNANCHORED, layer_error=2.0)),
    "one layer": lambda: make_profile([part("FULLY_CONNECTED", "dense", 5_000.0)]),
    "no layer values": lambda: make_profile(profiled=False),
    "nothing but static layers": lambda: make_profile(
        [static("RESHAPE", "a"), part("ADD", "b", 0.0, macs=None)]
    ),
    "500 layers": lambda: make_profile(
        [part("ADD" if i % 3 else "CONV_2D", f"scope/op_{i}", 500.0 + i) for i in range(498)]
        + [group(900.0, ("PAD", "p"), ("CONV_2D", "c"))],
        processes=2,
        blocks=2,
        inferences=4,
    ),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (420, "dark")])
def test_the_page_stands_alone_and_fits(
    browser: Browser, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    opened = open_page(browser, tmp_path, PROFILES[name](), width, scheme)
    opened.page.wait_for_selector("#roofline > *")
    assert opened.complaints == []
    assert opened.alone
    assert opened.fits
    assert "NaN" not in opened.page.content()


def test_numbers_are_those_of_the_summary(browser: Browser, tmp_path: Path) -> None:
    profile = make_profile()
    page = open_page(browser, tmp_path, profile).page
    assert float(page.get_attribute("#total", "value") or "") == profile.summary.total.typical
    assert page.inner_text("#total") == "3.30 ms"
    script = "id => document.querySelector(`#layers tr[data-id='${id}']`).cells[5].dataset.v"
    for layer in profile.summary.layers:
        text = page.evaluate(script, layer.info.id)
        value = layer.estimate.typical
        assert (float(text) if text else None) == value
    gap = page.get_attribute("#unattributed", "data-v") or ""
    assert float(gap) == profile.summary.unattributed.typical


def test_a_bar_for_every_layer_with_a_value(browser: Browser, tmp_path: Path) -> None:
    profile = make_profile()
    opened = open_page(browser, tmp_path, profile)
    bars = opened.page.eval_on_selector_all(
        "#order [data-id]", "marks => marks.map((mark) => mark.dataset.id)"
    )
    assert bars == ["0/0", "0/1", "0/2", "0/4", "0/5", "0/7"]
    widths = opened.page.eval_on_selector_all(
        "#order [data-id] rect:first-child", "all => all.map((bar) => bar.getBoundingClientRect().width)"
    )
    assert widths[2] > 1.9 * widths[0], "the group's bar covers both of its layers"


def test_the_chart_of_an_endurance_run(browser: Browser, tmp_path: Path) -> None:
    page = open_page(browser, tmp_path, sustained()).page
    page.wait_for_selector("#endurance circle")
    assert page.locator("#endurance circle").count() == 300
    assert page.locator("#endurance path").count() == 2
    assert page.locator("#endurance .throttle").count() == 1
    page.locator("#endurance circle").nth(5).hover()
    assert "2.4 GHz" in page.inner_text("#tip")
    calm = Opened(browser, write_page(sustained(slow_from=None, heat=False), tmp_path / "calm.html")).page
    calm.wait_for_selector("#endurance circle")
    assert calm.locator("#endurance .throttle").count() == 0
    assert calm.locator("#endurance path").count() == 1


def test_hovering_explains_and_a_click_finds_the_row(browser: Browser, tmp_path: Path) -> None:
    page = open_page(browser, tmp_path, make_profile()).page
    page.hover("#order [data-id='0/4']")
    tip = page.inner_text("#tip")
    assert "net/Conv2d_3_pointwise/Relu6" in tip
    assert "measured on host" in tip
    page.click("#order [data-id='0/4']")
    assert page.get_attribute("#layers tr.on", "data-id") == "0/4"


def test_sorting(browser: Browser, tmp_path: Path) -> None:
    opened = open_page(browser, tmp_path, make_profile())
    assert opened.column("index") == ["0/4", "0/0", "0/2", "0/1", "0/5", "0/7", "0/3", "0/6"]
    assert opened.sort("index") == "ascending"
    assert opened.column("index") == [f"0/{i}" for i in range(8)]
    assert opened.sort("value") == "descending"
    assert opened.column("index")[:2] == ["0/4", "0/0"]
    assert opened.sort("value") == "ascending"
    assert opened.column("index") == ["0/7", "0/5", "0/1", "0/2", "0/0", "0/4", "0/3", "0/6"], (
        "unknown stays last"
    )
    assert opened.sort("op") == "ascending"
    assert opened.column("op") == sorted(opened.column("op"))


def test_sorting_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    opened = open_page(browser, tmp_path, make_profile())
    opened.page.focus("#layers th[data-key=index] button")
    opened.page.keyboard.press("Enter")
    assert opened.column("index")[0] == "0/0"
    opened.page.keyboard.press("Space")
    assert opened.column("index")[0] == "0/7"


def test_predicted_times_have_their_instructions_beside_them(browser: Browser, tmp_path: Path) -> None:
    opened = open_page(browser, tmp_path, predicted())
    assert opened.column("value")[:2] == ["320 µs", "200 µs"]
    assert opened.column("instructions")[:2] == ["1.31 M", "820 k"]
    assert set(opened.column("spread")[:6]) == {"±36 %"}
    assert opened.sort("instructions") == "descending"
    assert opened.column("index")[:2] == ["0/4", "0/0"]
    assert opened.page.locator("#spread, #session").count() == 0
    opened.page.hover("#order [data-id='0/4']")
    tip = opened.page.inner_text("#tip")
    assert "1.31 M instructions" in tip
    assert "predicted time of pixel2" in tip
    head = opened.page.inner_text("header")
    assert "Predicted for pixel2, Cortex-A73 at 2.46 GHz, with caches, unanchored: ±18 %" in head


def test_filtering(browser: Browser, tmp_path: Path) -> None:
    opened = open_page(browser, tmp_path, make_profile())
    opened.page.fill("#filter", "conv2d relu6")
    assert len(opened.column("name")) == 4
    assert opened.page.inner_text("#count") == "4 of 8 layers"
    opened.page.select_option("#op-filter", "DEPTHWISE_CONV_2D")
    assert opened.column("name") == ["net/Conv2d_1_depthwise/Relu6"]
    opened.page.fill("#filter", "nothing like this")
    assert opened.column("name") == []
    opened.page.fill("#filter", "")
    opened.page.select_option("#op-filter", "")
    assert opened.page.inner_text("#count") == "8 layers"


def test_all_boxes_can_be_shown(browser: Browser, tmp_path: Path) -> None:
    page = open_page(browser, tmp_path, mobilenet()).page
    page.wait_for_selector("#spread svg")
    assert page.locator("#spread .mark").count() == 16
    page.click("#spread-more")
    assert page.locator("#spread .mark").count() == 30


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    parts: list[Part] = [part(f"CUSTOM {name}", name, 1_000.0 * (i + 1)) for i, name in enumerate(HOSTILE)]
    findings = [Finding(name, "doubt", name, name) for name in HOSTILE]
    opened = open_page(browser, tmp_path, make_profile(parts, name=HOSTILE[0], findings=findings), 420)
    opened.page.hover("#order [data-id='0/1']")
    opened.page.wait_for_timeout(200)
    assert opened.complaints == []
    assert len(opened.requests) <= 2
    assert opened.page.title() != "owned"
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script").count() == 2
    assert "{{7*7}} [red]x[/red]" in opened.column("name")


def test_the_policy_stops_what_escaping_would_have_missed(browser: Browser, tmp_path: Path) -> None:
    path = write_page(make_profile(), tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("</main>", "<script>document.title='owned'</script></main>"), encoding="utf-8"
    )
    opened = Opened(browser, path)
    assert opened.page.title() != "owned"
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)


def test_without_scripts_the_numbers_are_there(browser: Browser, tmp_path: Path) -> None:
    path = write_page(make_profile(), tmp_path / "page.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.inner_text("#total") == "3.30 ms"
    assert page.locator("#layers tbody tr").count() == 8

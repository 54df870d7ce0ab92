from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.comparisons import (
    HOSTILE,
    STATUSES,
    difference,
    every_kind,
    hostile,
    make_comparison,
    unknown_total,
)
from tflprof.analysis.comparison import Comparison
from tflprof.errors import UsageError
from tflprof.profile.meta import Finding
from tflprof.report.compare_page import render_comparison, write_comparison_page


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parse(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    return parser


def table_rows(page: str) -> list[str]:
    """Texts of the rows of the table of layers."""
    body = re.search(r'<table class="compared.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body
    return [" ".join(parse(row).texts).replace("\xa0", " ") for row in body.group(1).split("</tr>")[:-1]]


def verdict(page: str) -> str:
    found = re.search(r'id="verdict">(.*?)</p>', page)
    assert found
    return found.group(1).replace("\xa0", " ")


PAGES = {
    "paired": make_comparison,
    "exact": lambda: make_comparison(method="exact", unit="instructions"),
    "stored": lambda: make_comparison(method="stored", status="inconclusive"),
    "devices": lambda: make_comparison(method="devices"),
    "forced": lambda: make_comparison(forced=True),
    "every kind": every_kind,
    "hostile": hostile,
    "unknown": unknown_total,
    "no layer": lambda: replace(make_comparison(3), layers=(), unattributed=None),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_needs_nothing_else(name: str) -> None:
    page = render_comparison(PAGES[name]())
    for tag, attributes in parse(page).tags:
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith(("#", "data:"))
        assert not any(key.startswith("on") or key == "style" for key in attributes)


@pytest.mark.parametrize("name", PAGES)
def test_no_number_is_a_stranger(name: str) -> None:
    page = re.sub(r"<(style|script)>.*?</\1>", "", render_comparison(PAGES[name]()), flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|inf|None|Infinity)\b", page)


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_links_lead_somewhere(name: str) -> None:
    tags = parse(render_comparison(PAGES[name]())).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [a["href"] or "" for tag, a in tags if tag == "a"]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_the_policy_allows_exactly_this_style_and_script() -> None:
    page = render_comparison(make_comparison())
    policy = next(a for _, a in parse(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    text = policy["content"] or ""
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


def test_hostile_names_are_text() -> None:
    evil = hostile()
    plain = [
        difference("n", 1e6 * (i + 1), 1.2e6 * (i + 1), "slower", was="m", reason="r", position=i)
        for i in range(len(HOSTILE))
    ]
    page = render_comparison(evil)
    tags = [tag for tag, _ in parse(page).tags]
    assert tags == [tag for tag, _ in parse(render_comparison(replace(evil, layers=tuple(plain)))).tags]
    assert "\u2028" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert tags.count("script") == 1


@pytest.mark.parametrize("layers", [1, 5, 30, 100, 400])
def test_every_layer_has_its_row(layers: int) -> None:
    comparison = make_comparison(layers)
    page = render_comparison(comparison)
    rows = table_rows(page)
    assert len(rows) == layers
    for row, layer in zip(rows, comparison.layers, strict=True):
        part = layer.b or layer.a
        assert part is not None
        assert part.name in row
        assert layer.status in row
        assert layer.reason in row
    assert len(page.encode()) < 1_000_000


def test_every_status_and_match_is_said_in_words() -> None:
    comparison = every_kind()
    rows = table_rows(render_comparison(comparison))
    for row, layer in zip(rows, comparison.layers, strict=True):
        assert layer.match in row
    assert {status for status in STATUSES if any(f" {status} " in row for row in rows)} == set(STATUSES)
    assert "split 1 → 3" in re.sub(r"\s+", " ", rows[-1])


def test_what_is_unknown_is_a_dash() -> None:
    comparison = every_kind()
    unknown = table_rows(render_comparison(comparison))[-3]
    assert "unknown" in unknown
    assert unknown.count("–") == 6, "A, B, difference and ratio; on a narrow screen A and B once more"


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (
            make_comparison(30),
            r"B is 14\.1 % faster than A: 13\.7 → 11\.8 ms, 99 % simultaneous interval −.* %",
        ),
        (
            make_comparison(30, method="exact", unit="instructions"),
            r"B needs \d+\.\d % fewer instructions than A: .* M instructions",
        ),
        (make_comparison(30, factor=1.0, status="same"), r"B takes as long as A: .*"),
        (
            make_comparison(30, status="inconclusive"),
            r"It cannot be said whether B is faster or slower than A: .*",
        ),
        (
            make_comparison(30, method="devices"),
            r"On B's device an inference takes 0\.\d+ times what it takes on A's.*",
        ),
        (
            make_comparison(30, forced=True),
            r"A and B cannot be compared\. Side by side, as asked for: A .* ms, B .* ms",
        ),
        (unknown_total(), r"It cannot be said .*: the total of A is unknown, of B unknown"),
    ],
)
def test_the_verdict_is_one_sentence(comparison: Comparison, sentence: str) -> None:
    page = render_comparison(comparison)
    assert re.fullmatch(sentence, verdict(page).replace("&#39;", "'"))
    assert page.index('id="verdict"') < page.index("<dl")


def test_a_forced_comparison_is_marked_everywhere() -> None:
    page = render_comparison(make_comparison(forced=True))
    assert "adb:pixel2" in page
    assert "adb:pixel6" in page
    assert "Incomparable." in page
    headings = re.findall(r"<h2 [^>]*>.*?</h2>", page)
    numbers = [each for each in headings if "provenance" in each]
    assert len(numbers) == 3
    assert all("incomparable" in each for each in numbers)


def test_two_devices_are_not_judged() -> None:
    page = render_comparison(make_comparison(method="devices"))
    assert 'id="shares-title"' in page
    assert 'id="waterfall-title"' not in page
    assert 'class="status' not in page
    assert "share in A" in page


def test_doubts_about_either_side_are_shown() -> None:
    findings = [Finding("host-busy", "doubt", "it was busy", "wait")]
    page = render_comparison(make_comparison(findings=findings))
    assert "trust of B: doubtful" in page
    assert "trust of A: ok" in page
    assert "it was busy" in page
    assert "wait" in page


def test_conditions_that_differ_stand_side_by_side() -> None:
    comparison = make_comparison()
    b = replace(comparison.b, runtime={**comparison.b.runtime, "version": "2.4.0"})
    page = render_comparison(replace(comparison, b=b))
    assert re.search(r'differs"><b class="letter">A</b> 2\.3\.0</span>.*B</b> 2\.4\.0</span>', page)


def test_the_same_comparison_gives_the_same_page() -> None:
    assert render_comparison(make_comparison()) == render_comparison(make_comparison())


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "compare.html"
    assert write_comparison_page(make_comparison(3), path) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(UsageError, match="exists"):
        write_comparison_page(make_comparison(3), path)
    write_comparison_page(make_comparison(4), path, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["compare.html"]

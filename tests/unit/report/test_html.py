from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.factories import Part, make_profile, mobilenet, part
from tests.unit.profile.test_sustain import profile_of
from tflprof.errors import UsageError
from tflprof.profile.meta import Finding
from tflprof.report.html import render_page, write_page
from tflprof.report.page_data import embed, session_points

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "\u2028\x1b[31m",
    "層",
]


def page_json(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found.group(1))
    return data


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    return parser.tags


def test_the_page_needs_nothing_else() -> None:
    for tag, attributes in elements(render_page(mobilenet())):
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith(("#", "data:"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_the_policy_allows_exactly_this_style_and_script() -> None:
    page = render_page(make_profile())
    policy = next(a for _, a in elements(page) if a.get("http-equiv") == "Content-Security-Policy")
    text = policy["content"] or ""
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert body
        digest = base64.b64encode(hashlib.sha256(body.group(1).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


def test_numbers_are_those_of_the_summary() -> None:
    profile = make_profile()
    page, summary = render_page(profile), profile.summary
    assert f'<data id="total" value="{summary.total.typical!r}">3.30 ms</data>' in page
    layers = {layer["id"]: layer for layer in page_json(page)["layers"]}
    for layer in summary.layers:
        assert layers[layer.info.id]["value"] == layer.estimate.typical
    assert layers["0/3"]["value"] is None
    assert layers["0/0"]["quantiles"] == sorted(layers["0/0"]["quantiles"])


@pytest.mark.parametrize("unit", ["ns", "instructions"])
def test_provenance_stands_beside_every_heading_with_numbers(unit: str) -> None:
    page = render_page(make_profile(unit=unit))
    label = {"ns": "measured on host", "instructions": "emulated instructions: not time"}[unit]
    titles = ["Layers in execution order", "By operator", "Work against traffic", "Layers"]
    if unit == "ns":
        titles += ["How steady each layer is", "The total over the session"]
    for title in titles:
        assert re.search(rf"<h2[^>]*>{title} <span class=\"provenance \w+\">{label}</span></h2>", page)


def test_exact_counts_have_no_charts_of_their_spread() -> None:
    page = render_page(make_profile(unit="instructions"))
    assert 'id="spread"' not in page
    assert 'id="session"' not in page


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    parts: list[Part] = [part("CONV_2D", name, 1000.0), part(name, "b", 10.0)]
    profile = make_profile(parts, name=name, findings=[Finding(name, "note", name, name)])
    harmless = make_profile(
        [part("CONV_2D", "a", 1000.0), part("ADD", "b", 10.0)], findings=[Finding("c", "note", "m", "r")]
    )
    tags = [tag for tag, _ in elements(render_page(profile))]
    assert tags == [tag for tag, _ in elements(render_page(harmless))]
    assert "\u2028" not in render_page(profile)
    assert "\x1b" not in render_page(profile)


def test_embedded_json_cannot_end_its_element() -> None:
    text = embed({"name": "</script><!--<script>&\u2028"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"name": "</script><!--<script>&\u2028"}


def test_sizes() -> None:
    many = [part("ADD", f"scope/add_{i}", 1_000.0 + i) for i in range(500)]
    page = render_page(make_profile(many, processes=2, blocks=1, inferences=20))
    assert len(page) < 1_500_000
    assert len(page_json(page)["layers"]) == 500
    assert len(render_page(make_profile([part("ADD", "a", 5.0)]))) < 80_000


def test_a_profile_without_layer_values_has_a_page() -> None:
    page = render_page(make_profile(profiled=False))
    assert "not measured" in page
    assert all(layer["value"] is None for layer in page_json(page)["layers"])


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(make_profile(), path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) & 0o444
    with pytest.raises(UsageError, match="exists"):
        write_page(make_profile(), path)
    write_page(make_profile(name="other"), path, overwrite=True)
    assert "other" in path.read_text(encoding="utf-8")


def test_the_session_goes_on_behind_a_restart_of_the_device() -> None:
    """Its clock begins anew: what was measured later must not be drawn first."""
    second = 10**9
    blocks = ((0, 900), (0, 902), (1, 3), (1, 4))
    profile = profile_of(*({"process": p, "t": t * second, "values": [p + 1]} for p, t in blocks))
    assert session_points(profile) == [(0.0, 1.0, 0), (2.0, 1.0, 0), (2.0, 2.0, 1), (3.0, 2.0, 1)]

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import Part, make_profile, mobilenet, part
from tflprof.profile.meta import Finding
from tflprof.report.export.markdown_text import DEFAULT_TOP, profile_markdown
from tflprof.report.markdown import code, escaped

HOSTILE = [
    "a|b",
    "`x` ``y``",
    "`",
    "<img src=x onerror=alert(1)>",
    "[click](http://192.0.2.1)",
    "@everyone #1 !2 www.example.com",
    "**bold** _it_ ~~no~~ $x$",
    "line\nbreak\r\x1b[31m",
    "\\",
    "a\\|b",
    "",
]


def cells(line: str) -> list[str]:
    """Cells of a table's row as GitHub Flavored Markdown cuts it: at bars without a backslash before."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def rows(text: str) -> list[list[str]]:
    return [cells(line) for line in text.splitlines() if line.startswith("|")]


def span(cell: str) -> str:
    """The text of a code span: between fences of equal length that do not occur inside."""
    fence = re.match("`+", cell)[0]
    assert cell.endswith(fence), cell
    inner = cell[len(fence) : -len(fence)].replace("\\|", "|")
    assert not re.search(f"(?<!`){fence}(?!`)", inner), cell
    return inner.strip()


def test_the_total_the_trust_and_the_layers() -> None:
    findings = [Finding("host-busy", "doubt", "3 other processes", "wait")]
    text = profile_markdown(make_profile(findings=findings, verdict="doubtful"))
    assert text.startswith("**`mobilenet_v1_1.0_224`: 3.30 ms")
    assert "measured on host" in text
    assert "Trust: doubtful: 1 finding\n- doubt, host-busy: 3 other processes\n" in text
    header, _, *body = rows(text)
    assert header == ["", "layer", "operator", "name", "time", "±", "share"]
    assert body[0][:4] == ["1", "`0/4`", "`CONV_2D`", "`net/Conv2d_3_pointwise/Relu6`"]
    assert body[2][1:3] == ["`0/2 + 1`", "`PAD + CONV_2D`"]
    assert body[-1][1] == "unattributed"
    assert {len(row) for row in body} == {len(header)}


def test_what_is_left_out_is_added_up() -> None:
    profile = mobilenet()
    body = rows(profile_markdown(profile))[2:]
    assert len(body) == DEFAULT_TOP + 2
    assert body[-2][1] == "15 more"
    body = rows(profile_markdown(profile, 3))[2:]
    assert [row[0] for row in body] == ["1", "2", "3", "", ""]
    shares = [float(row[-1].removesuffix(" %").replace("−", "-")) for row in body]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_counts_are_not_called_time() -> None:
    text = profile_markdown(mobilenet(unit="instructions"))
    assert "instructions: not time" in text
    assert rows(text)[0][4] == "instructions"
    assert " ms" not in text


def test_a_profile_without_layer_values() -> None:
    text = profile_markdown(make_profile(profiled=False))
    assert "No layer has a value of its own." in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_do_nothing(name: str) -> None:
    parts: list[Part] = [part(name or "ADD", name, 1_000.0)]
    findings = [Finding("code", "doubt", name, "")]
    text = profile_markdown(make_profile(parts, name=name, findings=findings))
    body = rows(text)[2:]
    assert {len(row) for row in body} == {7}
    assert span(body[0][3]) == span(code(name))
    outside = re.sub(r"(`+).+?(?<!`)\1(?!`)", "", text).replace("<sub>", "").replace("</sub>", "")
    assert not re.search(r"(?<!\\)[<>\[`]", outside)
    assert not re.search(r"@\w|#\d|://|www\.e", outside)


@settings(max_examples=200)
@given(st.text())
def test_code_is_one_cell_and_one_span(name: str) -> None:
    cell = code(name)
    assert "\n" not in cell
    assert cells(f"| {cell} | b |") == [cell.strip(), "b"]
    span(cell)


@given(st.text(st.sampled_from("\\`*_[]<>|~&$@#!:/w.a1 \n")))
def test_prose_has_no_marks(text: str) -> None:
    found = escaped(text)
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|~&$]", found)
    assert not re.search(r"@\w|#\w|://", found)

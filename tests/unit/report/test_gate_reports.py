from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.unit.report.gates import (
    BROKEN,
    EVERY,
    FAILED,
    HOSTILE,
    HOSTILE_BUDGET,
    MIXED,
    PASSED,
    REFUSED,
    UNSURE,
    budget,
    case,
)
from tflprof.analysis.verdicts import GateResult
from tflprof.report.gate_annotations import MOST, gate_annotations
from tflprof.report.gate_document import gate_document
from tflprof.report.gate_junit import gate_junit
from tflprof.report.gate_markdown import gate_markdown
from tflprof.report.gate_table import print_gate


def printed(result: GateResult, width: int = 120) -> str:
    stream = io.StringIO()
    print_gate(result, Console(file=stream, width=width, highlight=False, markup=False, emoji=False))
    return stream.getvalue()


def suites(result: GateResult) -> dict[str, Tree.Element]:
    root = Tree.fromstring(gate_junit(result))
    assert_is_junit(root)
    return {suite.get("name", ""): suite for suite in root}


def assert_is_junit(root: Tree.Element) -> None:
    """What the schema of Jenkins' xUnit plugin demands of the elements that occur, in their order."""
    counts = {"tests", "failures", "errors", "skipped"}
    allowed = {
        "testsuites": ({"name"} | counts, ["testsuite"]),
        "testsuite": ({"name", "timestamp"} | counts, ["properties", "testcase", "system-out"]),
        "properties": (set(), ["property"]),
        "property": ({"name", "value"}, []),
        "testcase": ({"name", "classname"}, ["skipped", "error", "failure", "system-out"]),
        "failure": ({"message", "type"}, []),
        "error": ({"message", "type"}, []),
        "skipped": ({"message"}, []),
        "system-out": (set(), []),
    }
    for element in root.iter():
        attributes, children = allowed[element.tag]
        assert set(element.attrib) <= attributes
        positions = [children.index(child.tag) for child in element]
        assert positions == sorted(positions)
    assert root.tag == "testsuites"
    for suite in root:
        tests = suite.findall("testcase")
        assert tests
        assert all(test.get("name") and test.get("classname") == suite.get("name") for test in tests)
        assert int(suite.get("tests", "")) == len(tests)
        for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(key, "")) == len(suite.findall(f"testcase/{tag}"))
        if suite.get("timestamp"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
    for key in counts:
        assert int(root.get(key, "")) == sum(int(suite.get(key, "")) for suite in root)


def test_the_table_says_the_verdict_first_and_what_failed_with_its_reason() -> None:
    lines = printed(MIXED).splitlines()
    assert lines[0] == "Gate  failed: 1 pass, 2 fail, 1 inconclusive, 1 incomparable, 1 error"
    text = "\n".join(lines)
    assert "fail: layer 0/9: it is so" in text
    assert "slower: layer 0/9" in text
    assert "error: no phone is there" in text
    assert "→ plug it in" in text
    assert "30.5 ms … 31.5 ms" in text


def test_layers_that_pass_a_wildcard_are_counted_not_listed() -> None:
    text = printed(GateResult((case("good", "pass", PASSED, *EVERY),)))
    assert "layer:*=5ms: 4 layers pass" in text
    assert "layer 0/1" not in text


def test_reasons_of_many_failures_are_counted() -> None:
    many = GateResult((case("bad", "fail", *[FAILED] * 30),))
    for text in (printed(many), gate_markdown(many)):
        assert text.count("it is so") == 12
        assert "… and 18 more that did not pass" in text
        assert len(re.findall(r"30\.5 ms … 31\.5 ms", text)) == 30


def test_names_do_nothing_in_the_terminal() -> None:
    assert "\x1b[31m" not in printed(MIXED)


def test_what_inconclusive_was_taken_as_is_said() -> None:
    result = GateResult((case("unsure", "inconclusive", UNSURE),), "pass")
    assert printed(result).startswith("Gate  passed: 1 case; inconclusive taken as pass")
    assert "taken as" not in printed(GateResult((case("good", "pass", PASSED),), "pass"))
    assert printed(GateResult((BROKEN,), "pass")).startswith("Gate  not judged in full")


def test_json_has_every_budget_and_null_for_unknown() -> None:
    document = json.loads(json.dumps(gate_document(MIXED), allow_nan=False))
    assert (document["schema_version"], document["verdict"], document["exit_code"]) == (1, "fail", 1)
    good, bad, unsure, other, hostile, broken = document["cases"]
    assert len(good["budgets"]) == 5
    assert bad["budgets"][0]["interval"] == [30.5e6, 31.5e6]
    assert unsure["budgets"][0]["value"] is None
    assert unsure["profile"]["trust"]["verdict"] == "doubtful"
    assert other["verdict"] == "incomparable"
    assert hostile["name"] == HOSTILE
    assert broken["error"] == {"message": "no phone is there", "hint": "plug it in", "exit_code": 3}
    assert broken["profile"] is None


def test_junit_has_failures_errors_and_skipped() -> None:
    found = suites(MIXED)
    assert len(found) == len(MIXED.cases)
    tags = {
        name: [child.tag for test in suite.findall("testcase") for child in test if child.tag != "system-out"]
        for name, suite in found.items()
    }
    assert tags["good"] == []
    assert tags["bad"] == ["failure", "failure"]
    assert tags["unsure"] == ["skipped"]
    assert tags["other"] == ["error"]
    assert tags["phone"] == ["error"]
    failure = found["bad"].find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "total: it is so"


@pytest.mark.parametrize(("inconclusive_as", "tag"), [("fail", "failure"), ("pass", None)])
def test_junit_takes_inconclusive_as_asked(inconclusive_as: str, tag: str | None) -> None:
    result = GateResult((case("unsure", "inconclusive", UNSURE),), inconclusive_as)
    test = suites(result)["unsure"].find("testcase")
    assert test is not None
    assert [child.tag for child in test] == [tag or "system-out"]


def test_junit_of_an_update_has_one_test() -> None:
    suite = suites(GateResult((case("updated", "pass", notes=("the baseline b is new",)),)))["updated"]
    assert suite.get("tests") == "1"
    assert suite.findtext("system-out") == "the baseline b is new"


@given(st.text())
def test_junit_holds_any_name(name: str) -> None:
    result = GateResult(
        (case(f"x{name}", "fail", replace(FAILED, subject=name, reason=name), notes=(name,)),)
    )
    suites(result)


def test_markdown_has_tables_and_names_do_nothing() -> None:
    text = gate_markdown(MIXED)
    assert text.startswith("## ❌ Latency gate failed: ")
    assert "| ❌ fail | `total` | 31.0 ms | 30.5 ms … 31.5 ms | 30.0 ms | 29.0 ms | `total=+3%` |" in text
    assert "- layer:\\*=5ms: 4 layers pass" in text
    assert "**error:** no phone is there → plug it in" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    # A bar in a name would end its cell: what is not escaped are the borders.
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
    outside_code = re.sub(r"(`+).*?\1", "", text)
    assert "<script>" not in outside_code
    assert "@team" not in outside_code
    assert "\x1b" not in text


def test_annotations_are_one_line_each_with_everything_escaped() -> None:
    lines = gate_annotations(MIXED)
    assert "::error title=bad::fail: total: it is so (budget total=+3%25)" in lines
    assert "::warning title=unsure::inconclusive: total: it is so (budget total=+3%25)" in lines
    assert "::warning title=unsure::the profile is doubtful: busy" in lines
    assert any(line.startswith("::warning title=other::incomparable") for line in lines)
    assert "::error title=phone::no phone is there" in lines
    assert lines[-1].startswith("::notice title=tflprof gate::failed: 1 pass")
    for line in lines:
        assert not re.search(r"[\r\n\x1b]", line)
        head = re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", line)
        assert head
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", head[2] + head[3])


def test_annotations_of_many_failures_are_counted() -> None:
    lines = gate_annotations(GateResult((case("bad", "fail", *[FAILED] * 30),)))
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == MOST
    assert errors[-1] == "::error title=tflprof gate::21 more: see the table"


def test_an_inconclusive_verdict_taken_as_failure_is_an_error() -> None:
    unsure = case("unsure", "inconclusive", UNSURE)
    assert gate_annotations(GateResult((unsure,), "fail"))[0].startswith("::error")
    assert gate_annotations(GateResult((unsure,), "pass"))[0].startswith("::warning")
    assert len(gate_annotations(GateResult((case("good", "pass", PASSED),)))) == 1


@pytest.mark.parametrize(
    "one", [PASSED, FAILED, UNSURE, REFUSED, HOSTILE_BUDGET, budget("fail", lo=31e6, hi=31e6)]
)
def test_every_form_shows_every_kind_of_result(one: object) -> None:
    result = GateResult((case("c", one.verdict, one),))
    assert one.verdict in printed(result, 80)
    assert one.verdict in gate_markdown(result)
    assert len(suites(result)["c"].findall("testcase")) == 1


def test_what_failed_is_told_before_what_is_inconclusive_and_the_worst_layer_first() -> None:
    layers = [
        replace(EVERY[0], verdict="fail", subject=f"layer 0/{i}", lo=6e6 + i, limit=5e6) for i in range(20)
    ]
    result = GateResult((case("bad", "fail", *[UNSURE] * 20, *layers, FAILED),))
    reasons = [line for line in printed(result).splitlines() if line.startswith("  ") and "it is so" in line]
    assert [line.split(":")[1].strip() for line in reasons[:3]] == ["total", "layer 0/19", "layer 0/18"]
    assert gate_annotations(result)[1].startswith("::error title=bad::fail: layer 0/19")


def test_on_a_narrow_terminal_layers_can_still_be_told_apart() -> None:
    subjects = [f"layer 0/{i} net/conv_{i}_depthwise_of_some_length (DEPTHWISE_CONV_2D)" for i in range(9)]
    text = printed(
        GateResult((case("bad", "fail", *[replace(FAILED, subject=one) for one in subjects]),)), 80
    )
    assert max(map(len, text.splitlines()[:13])) <= 80
    assert all(f"fail     layer 0/{i} " in text for i in range(9))


def test_what_to_do_is_in_every_form() -> None:
    failed = case("bad", "fail", FAILED, hint="accept it")
    result = GateResult((failed, BROKEN))
    assert "  → accept it" in printed(result)
    assert "- → accept it" in gate_markdown(result)
    assert suites(result)["bad"].findtext("system-out") == "accept it"
    assert [one["hint"] for one in gate_document(result)["cases"]] == ["accept it", None]
    assert gate_markdown(result).count("plug it in") == 1


def test_junit_has_intervals_with_their_units() -> None:
    failure = suites(GateResult((case("bad", "fail", FAILED),)))["bad"].findtext("testcase/failure")
    assert failure == "value 31.0 ms (interval 30.5 ms … 31.5 ms), limit 30.0 ms, baseline 29.0 ms"


def test_ctrl_c_goes_before_a_failure() -> None:
    stopped = case("cut", "inconclusive", error="it was interrupted", error_code=130)
    assert GateResult((case("bad", "fail", FAILED), stopped)).exit_code == 130

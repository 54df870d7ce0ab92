"""A gate's result as JUnit XML, as Jenkins, GitLab and GitHub's reporters read it.

A case is a test suite and a budget a test: ``fail`` is a failure, ``incomparable`` and what could not be measured an
error, ``inconclusive`` is skipped unless it is taken as something else.
"""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from tflprof.analysis.gate import amount_text
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult
from tflprof.report.gate_table import interval_text
from tflprof.report.gate_words import measured_words
from tflprof.report.text import plain

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def gate_junit(result: GateResult) -> str:
    """The document as text."""
    root = Tree.Element("testsuites", name="tflprof gate")
    for case in result.cases:
        root.append(_suite(result, case))
    for key in ("tests", *_COUNTED.values()):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _suite(result: GateResult, case: GateCase) -> Tree.Element:
    suite = Tree.Element("testsuite", name=_text(case.name))
    if case.meta is not None:
        suite.set("timestamp", case.meta.created.partition("+")[0])
        properties = Tree.SubElement(suite, "properties")
        for name, value in (
            ("model", case.model),
            ("target", case.target),
            ("measured", measured_words(case)),
        ):
            Tree.SubElement(properties, "property", name=name, value=_text(value or ""))
    tests = [_test(result, case, one) for one in case.results]
    if case.error is not None or not tests:
        tests.append(_measuring(case))
    suite.extend(tests)
    suite.set("tests", str(len(tests)))
    for tag, key in _COUNTED.items():
        suite.set(key, str(sum(test.find(tag) is not None for test in tests)))
    said = [case.hint, *case.notes] if case.hint and case.error is None else case.notes
    if said:
        Tree.SubElement(suite, "system-out").text = "\n".join(map(_text, said))
    return suite


def _test(result: GateResult, case: GateCase, one: BudgetResult) -> Tree.Element:
    name = f"{one.subject} [{one.limit_text}]"
    test = Tree.Element("testcase", classname=_text(case.name), name=_text(name))
    message = f"{one.subject}: {one.reason}"
    tag = _tag(result, case, one)
    if tag is not None:
        found = Tree.SubElement(test, tag, message=_text(message))
        if tag != "skipped":
            found.set("type", one.verdict)
        found.text = _text(_details(one))
    else:
        Tree.SubElement(test, "system-out").text = _text(f"{one.verdict}: {message}")
    return test


def _tag(result: GateResult, case: GateCase, one: BudgetResult) -> str | None:
    if one.verdict == "inconclusive" and case.error is None and result.inconclusive_as is not None:
        return "failure" if result.inconclusive_as == "fail" else None
    return {"fail": "failure", "incomparable": "error", "inconclusive": "skipped"}.get(one.verdict)


def _measuring(case: GateCase) -> Tree.Element:
    test = Tree.Element("testcase", classname=_text(case.name), name="measurement")
    if case.error is not None:
        error = Tree.SubElement(test, "error", message=_text(case.error), type="error")
        error.text = _text(case.hint or "")
    return test


def _details(one: BudgetResult) -> str:
    return (
        f"value {amount_text(one.value, one.unit)} (interval {interval_text(one)}), "
        f"limit {amount_text(one.limit, one.unit)}, baseline {amount_text(one.baseline, one.unit)}"
    )


def _text(value: str) -> str:
    """Text that XML 1.0 can hold: what it cannot is shown as an escape."""
    return "".join(char if _in_xml(ord(char)) else f"\\u{ord(char):04x}" for char in plain(value))


def _in_xml(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000

"""A gate's result as Markdown, for the summary of a CI job or a comment."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.analysis.gate import amount_text
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult
from tflprof.report.gate_table import interval_text
from tflprof.report.gate_words import explained, measured_words, result_words, shown_results, verdict_words
from tflprof.report.markdown import code, escaped, table

_MARK = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "incomparable": "❔", "error": "⚠️"}
_HEAD = ("verdict", "subject", "value", "interval", "limit", "baseline", "budget")
_RIGHT = (False, False, True, True, True, True, False)


def gate_markdown(result: GateResult) -> str:
    """The document as text, with names as data: nothing in them is rendered."""
    lines = [f"## {_MARK[result.verdict]} Latency gate {escaped(result_words(result))}", ""]
    for case in result.cases:
        lines.extend(_case(case))
    return "\n".join(lines)


def _case(case: GateCase) -> Iterator[str]:
    words = verdict_words(case)
    yield f"### {_MARK[words]} {escaped(case.name)}: {words}"
    yield ""
    if said := measured_words(case):
        yield escaped(said)
        yield ""
    if case.error is not None:
        yield f"**error:** {escaped(case.error)}" + (f" → {escaped(case.hint)}" if case.hint else "")
        yield ""
    shown, passed = shown_results(case.results)
    if shown:
        yield from table(_HEAD, _RIGHT, [_cells(one) for one in shown])
        yield ""
    told, more = explained(shown)
    for one in told:
        yield f"- **{one.verdict}** {code(one.subject)}: {escaped(one.reason)}"
    if more:
        yield f"- … and {more} more that did not pass"
    if case.hint and case.error is None:
        yield f"- → {escaped(case.hint)}"
    for line in (*passed, *case.notes):
        yield f"- {escaped(line)}"
    yield ""


def _cells(one: BudgetResult) -> list[str]:
    return [
        f"{_MARK[one.verdict]} {one.verdict}",
        code(one.subject),
        amount_text(one.value, one.unit),
        interval_text(one),
        amount_text(one.limit, one.unit),
        amount_text(one.baseline, one.unit),
        code(one.limit_text),
    ]

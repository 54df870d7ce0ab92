"""A gate's result as annotations of GitHub Actions: workflow commands, one a line."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult
from tflprof.report.gate_words import by_weight, result_words
from tflprof.report.text import plain

MOST = 10
"""GitHub shows so many annotations of a kind and step, and drops the rest."""


def gate_annotations(result: GateResult) -> list[str]:
    """``::error``, ``::warning`` and ``::notice`` lines; what is beyond the tenth of a kind is counted."""
    lines = [*_lines(result)]
    found: list[str] = []
    for kind in ("error", "warning"):
        own = [(title, message) for of, title, message in lines if of == kind]
        if len(own) > MOST:
            own = [*own[: MOST - 1], ("tflprof gate", f"{len(own) - MOST + 1} more: see the table")]
        found.extend(_command(kind, title, message) for title, message in own)
    return [*found, _command("notice", "tflprof gate", result_words(result))]


def _lines(result: GateResult) -> Iterator[tuple[str, str, str]]:
    for case in result.cases:
        if case.error is not None:
            yield "error", case.name, case.error
        yield from _doubts(case)
        for one in by_weight(case.results):
            kind = _kind(result, case, one)
            if kind is not None:
                yield kind, case.name, f"{one.verdict}: {one.subject}: {one.reason} (budget {one.limit_text})"


def _doubts(case: GateCase) -> Iterator[tuple[str, str, str]]:
    before = case.comparison.a if case.comparison is not None else None
    for name, meta in (("profile", case.meta), ("baseline", before)):
        if meta is not None and meta.verdict != "ok":
            found = "; ".join(one.message for one in meta.findings if one.severity != "note")
            yield "warning", case.name, f"the {name} is {meta.verdict}: {found}"


def _kind(result: GateResult, case: GateCase, one: BudgetResult) -> str | None:
    if one.verdict == "pass":
        return None
    taken_as_fail = one.verdict == "inconclusive" and result.inconclusive_as == "fail"
    return "error" if one.verdict == "fail" or (taken_as_fail and case.error is None) else "warning"


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner unescapes it; other control characters are shown."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""The result of a gate in the terminal: the verdict first, then every case with its budgets."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tflprof.analysis.gate import amount_text
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult, Verdict
from tflprof.report.columns import Column, Grid
from tflprof.report.gate_words import explained, measured_words, result_words, shown_results, verdict_words
from tflprof.report.text import plain

_STYLE: dict[Verdict, str] = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "incomparable": "yellow",
}


def print_gate(result: GateResult, console: Console) -> None:
    """Print a gate's result: of ``layer:*`` only what did not pass, and how many passed."""
    console.print(Text.assemble("Gate  ", (result_words(result), _STYLE[result.verdict])))
    for case in result.cases:
        console.print()
        _print_case(case, console)


def _print_case(case: GateCase, console: Console) -> None:
    style = "red" if case.error is not None else _STYLE[case.verdict]
    # No line begins with a name: logs of CI services have commands there.
    console.print(
        Text.assemble((verdict_words(case), style), "  ", (plain(case.name), "bold")), soft_wrap=True
    )
    if words := measured_words(case):
        _say(console, plain(words), "dim")
    if case.error is not None:
        _say(console, f"error: {plain(case.error)}", "red")
        _say_hint(case, console)
    shown, passed = shown_results(case.results)
    if shown:
        Grid(_columns(shown)).print(console)
    told, more = explained(shown)
    for one in told:
        _say(console, plain(f"{one.verdict}: {one.subject}: {one.reason}"), _STYLE[one.verdict])
    if more:
        _say(console, f"… and {more} more that did not pass")
    if case.error is None:
        _say_hint(case, console)
    for line in passed:
        _say(console, plain(line), "dim")
    for note in case.notes:
        _say(console, plain(note))


def _say_hint(case: GateCase, console: Console) -> None:
    if case.hint:
        _say(console, f"  → {plain(case.hint)}")


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(f"  {line}", style), soft_wrap=True)


def _columns(results: Sequence[BudgetResult]) -> list[Column]:
    return [
        Column("verdict", [Text(one.verdict, style=_STYLE[one.verdict]) for one in results], 100, False),
        Column("subject", [plain(one.subject) for one in results], 95, False, 16, middle=True),
        Column("value", [_short(one.value, one.unit) for one in results], 90),
        Column("interval", [interval_text(one) for one in results], 40),
        Column("limit", [_short(one.limit, one.unit) for one in results], 80),
        Column("baseline", [_short(one.baseline, one.unit) for one in results], 60),
        Column("budget", [plain(one.limit_text) for one in results], 50, False, 12),
    ]


def _short(value: float | None, unit: str) -> str:
    return amount_text(value, unit).replace("instructions", "instr.")


def interval_text(result: BudgetResult) -> str:
    """``exact``, the two ends with their units, or an en dash."""
    if result.lo is None or result.hi is None:
        return "–"
    if result.lo == result.hi:
        return "exact"
    return f"{amount_text(result.lo, result.unit)} … {amount_text(result.hi, result.unit)}"

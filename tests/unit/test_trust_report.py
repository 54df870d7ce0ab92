"""The benchmark of trust: its order of runs and its table, from rows."""

from __future__ import annotations

from typing import Any

from benchmarks.trust import QUIET, order, others, rates
from benchmarks.trust_scenarios import SCENARIOS
from tflprof.rules import REGISTRY


def row(name: str, *codes: str, quiet: bool = True, says: str = "") -> dict[str, Any]:
    findings = dict.fromkeys(codes, "doubt")
    return {
        "name": name,
        "findings": findings,
        "messages": [says],
        "verdict": "doubtful" if codes else "ok",
        "steal": 0.0,
        "quiet": quiet,
    }


def test_quiet_runs_are_among_the_disturbed() -> None:
    names = order(20, 100)
    assert names.count(QUIET) == 100
    assert all(names.count(scenario.name) == 20 for scenario in SCENARIOS)
    thirds = [names[: len(names) // 3].count(QUIET), names[-(len(names) // 3) :].count(QUIET)]
    assert min(thirds) > 25


def test_only_known_findings_are_provoked() -> None:
    assert {code for scenario in SCENARIOS for code in scenario.codes} <= REGISTRY.keys()


def test_rates() -> None:
    rows = [
        row("drift", "drift"),
        row("drift"),
        row(QUIET, "drift"),
        row(QUIET),
        row(QUIET, "drift", quiet=False),
        row("sanitizer", "runtime-debug", says="it is built with a sanitizer of x"),
        row("sanitizer", "runtime-debug", says="it checks assertions"),
    ]
    found = {(line[0], line[1]): line[2:] for line in rates(rows)}
    words = {scenario.name: scenario.words for scenario in SCENARIOS}
    assert found["`drift`", words["drift"]] == ("1/2", "1/2", "doubt", "ok 1, doubtful 1")
    assert found["`runtime-debug`", words["sanitizer"]][:2] == ("1/2", "0/2")
    text = others(rows)
    assert "2 quiet runs: 1 without any finding" in text
    assert "1 runs that were to be quiet were not" in text

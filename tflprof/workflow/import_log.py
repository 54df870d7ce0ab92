"""Importing logs of the official tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.facts import DeviceFacts
from tflprof.logs.detect import read_bytes, read_log
from tflprof.logs.join import join_reports
from tflprof.logs.report import LogReport, LogRun
from tflprof.measure.aggregate import Origin, assemble_log
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile

STDIN = "-"
UNKNOWN = "unknown"


def import_log(
    logs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | None = None,
    device: str | None = None,
    run: int | None = None,
) -> Profile:
    """A profile of averages from what ``benchmark_model`` or ``benchmark_litert_model`` printed.

    Args:
        logs: files of one run in any of the tools' formats; ``-`` is standard input.
        model: the .tflite file that ran; without it the log's own rows stand for layers.
        device: what to call the device it ran on.
        run: which run of a log that has several, from 1.

    Raises:
        UsageError: a file is no log of the tools, or it has several runs and none is chosen.
        ModelError: the model cannot be read.
    """
    paths = [logs] if isinstance(logs, str | os.PathLike) else list(logs)
    if not paths:
        raise UsageError(
            "no log is given", "name the file that has what the tool printed, or - for standard input"
        )
    graph = read_model(model) if model is not None else None
    reports = [_read(path) for path in paths]
    names = ", ".join("standard input" if str(path) == STDIN else Path(path).name for path in paths)
    facts = DeviceFacts(name=device or "unknown device", kind="log", os=UNKNOWN, abi=UNKNOWN)
    timed = [report for report in reports if report.runs]
    if not timed:
        raise UsageError(
            f"{names} has no times, only which nodes went to delegates", "name the log of the run too"
        )
    runs = [choose_run(report, run if len(report.runs) > 1 else None, names) for report in timed]
    whole = join_reports([*timed, *(report for report in reports if not report.runs)], runs)
    return assemble_log(whole, whole.runs[0], graph, Origin("import", facts, names))


def _read(path: str | os.PathLike[str]) -> LogReport:
    if str(path) == STDIN:
        return read_log(sys.stdin.buffer.read(), "standard input")
    return read_log(read_bytes(Path(path)), str(path))


def choose_run(report: LogReport, number: int | None, name: str) -> LogRun:
    """The run that is meant: the only one, the only one with a table of operators, or the chosen one."""
    if number is not None:
        if not 1 <= number <= len(report.runs):
            raise UsageError(
                f"{name} has {len(report.runs)} runs, there is no run {number}", _listing(report)
            )
        return report.runs[number - 1]
    candidates = [run for run in report.runs if run.profiled()] or [
        run for run in report.runs if run.steady is not None
    ]
    if len(candidates) > 1:
        raise UsageError(f"{name} has {len(candidates)} runs", f"choose one with --run N: {_listing(report)}")
    return candidates[0]


def _listing(report: LogReport) -> str:
    return "; ".join(
        f"{number}: line {run.line}, {run.parameters.get('Graph', 'model unknown')}, "
        f"{sum(len(table.rows) for table in run.profiled())} rows"
        for number, run in enumerate(report.runs, 1)
    )

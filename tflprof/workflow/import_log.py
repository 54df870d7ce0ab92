"""Importing logs of the official tools, and profiles that were exported as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.facts import DeviceFacts
from tflprof.logs.detect import read_bytes, read_log
from tflprof.logs.join import join_reports
from tflprof.logs.report import LogReport, LogRun
from tflprof.measure.aggregate import Origin, assemble_log
from tflprof.model.read import read_model
from tflprof.profile.json_file import is_json_profile, profile_from_json
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

    A file that ``tflprof export --format json --samples`` wrote gives the profile that was exported.

    Args:
        logs: files of one run in any of the tools' formats; ``-`` is standard input.
        model: the .tflite file that ran; without it the log's own rows stand for layers.
        device: what to call the device it ran on.
        run: which run of a log that has several, from 1.

    Raises:
        UsageError: a file is no log of the tools, or it has several runs and none is chosen.
        ProfileError: an exported profile is damaged, or of a newer version.
        ModelError: the model cannot be read.
    """
    paths = [logs] if isinstance(logs, str | os.PathLike) else list(logs)
    if not paths:
        raise UsageError(
            "no log is given", "name the file that has what the tool printed, or - for standard input"
        )
    contents = [_content(path) for path in paths]
    exported = _exported(paths, contents, {"--model": model, "--device": device, "--run": run})
    if exported is not None:
        return exported
    graph = read_model(model) if model is not None else None
    reports = [read_log(data, _name(path)) for path, data in zip(paths, contents, strict=True)]
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


def _content(path: str | os.PathLike[str]) -> bytes:
    return sys.stdin.buffer.read() if str(path) == STDIN else read_bytes(Path(path))


def _name(path: str | os.PathLike[str]) -> str:
    return "standard input" if str(path) == STDIN else str(path)


def _exported(
    paths: Sequence[str | os.PathLike[str]], contents: Sequence[bytes], options: Mapping[str, object]
) -> Profile | None:
    """The profile of an exported file, None if these are logs."""
    ours = [i for i, data in enumerate(contents) if is_json_profile(data)]
    if not ours:
        return None
    name = _name(paths[ours[0]])
    given = [option for option, value in options.items() if value is not None]
    if len(paths) > 1:
        raise UsageError(f"{name} is JSON, and there are other files beside it", "import it on its own")
    profile = profile_from_json(contents[0], name)
    if given:
        raise UsageError(f"{' and '.join(given)}: for logs only, {name} is a whole profile", "leave it out")
    return profile


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

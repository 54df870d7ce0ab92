"""Several files of one run as one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tflprof.errors import UsageError
from tflprof.logs.report import CSV, LITERT, PROTO, RUN, TEXT, LogReport, LogRun, LogTable, RuntimeInfo

_PRECISE = {PROTO: 0, CSV: 1, TEXT: 2, LITERT: 2}


def join_runs(runs: Sequence[LogRun]) -> LogRun:
    """One run from its parts: of the tables the most precise, of the rest whatever is known.

    Raises:
        UsageError: there are more than one of the same kind, so that they cannot be of one run.
    """
    whole = runs[0]
    for part in runs[1:]:
        for name in ("init", "first", "warmup", "steady"):
            one, other = getattr(whole, name), getattr(part, name)
            if one is not None and other is not None and one != other:
                raise UsageError(
                    f"the logs are of different runs: {name} is {one} in one and {other} in another",
                    "import each on its own",
                )
        whole = replace(
            whole,
            tables=_better(whole.tables, part.tables),
            init=_first(whole.init, part.init),
            first=_first(whole.first, part.first),
            warmup=whole.warmup or part.warmup,
            steady=whole.steady or part.steady,
            memory={**part.memory, **whole.memory},
            parameters={**part.parameters, **whole.parameters},
            delegated=whole.delegated or part.delegated,
            tool=min(whole.tool, part.tool),
        )
    return whole


def join_reports(reports: Sequence[LogReport], runs: Sequence[LogRun]) -> LogReport:
    """What is common to the files of one run; ``runs`` are the ones meant of the first reports, which have some.

    What was not understood of a table does not count where a more precise one took its place.
    """
    whole = join_runs(runs)
    kept = [
        report
        for report, run in zip(reports, runs, strict=False)
        if not run.profiled() or any(table in whole.tables for table in run.profiled())
    ]
    runtimes = [report.runtime for report in reports if report.runtime is not None]
    return LogReport(
        runs=(whole,),
        unread=tuple(line for report in kept for line in report.unread),
        problems=tuple(problem for report in kept for problem in report.problems),
        runtime=_only(runtimes),
    )


def _only(runtimes: Sequence[RuntimeInfo]) -> RuntimeInfo | None:
    if any(one != runtimes[0] for one in runtimes):
        raise UsageError("there are several files of runtime information", "name the one of this run")
    return runtimes[0] if runtimes else None


def _first(one: float | None, other: float | None) -> float | None:
    return other if one is None else one


def _better(one: tuple[LogTable, ...], other: tuple[LogTable, ...]) -> tuple[LogTable, ...]:
    def rank(tables: tuple[LogTable, ...]) -> int:
        return min(
            (_PRECISE[table.layout] for table in tables if table.section == RUN), default=len(_PRECISE)
        )

    return other if rank(other) < rank(one) else one

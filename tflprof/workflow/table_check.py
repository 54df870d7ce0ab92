"""Whether a latency table holds here: on this device, with this runtime and these costs. And tables put together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tflprof.errors import Untrusted, UsageError
from tflprof.files import check_writable
from tflprof.measure.assemble import options_of
from tflprof.measure.predict import TIME, is_predicted, predictor_of
from tflprof.measure.table_reference import in_clock
from tflprof.profile.latency_merge import merged_rows
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import (
    LatencyRow,
    StoredTable,
    TableMeta,
    read_table,
    table_mismatches,
    write_table,
)
from tflprof.profile.mismatch import Mismatch
from tflprof.runner.interface import Runner
from tflprof.runner.open import open_runner
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.profile import DEFAULT_ANCHORS, DEFAULT_COST, check_cost, check_setup, check_values
from tflprof.workflow.run_options import RunOptions
from tflprof.workflow.table_journal import refused

PathLike = str | os.PathLike[str]


def expected_meta(target: str, **options: Any) -> TableMeta:
    """The metadata that rows measured now would have; nothing is run for it.

    Args:
        target: where they would be measured.
        options: other arguments of :func:`tflprof.profile_model`.

    Raises:
        TflprofError: there is no such target or option, or it cannot be used now.
    """
    known = {name: value for name, value in options.items() if name in RunOptions.__dataclass_fields__}
    wanted = RunOptions(target, **known)
    check_setup(target, wanted.setup)
    check_cost(target, wanted.cost, wanted.anchors)
    request = wanted.request()
    check_values(request)
    library = None if wanted.runtime is None else Path(wanted.runtime)
    setup = replace(wanted.setup or PhoneSetup(), core=request.core, threads=request.threads)
    runner = open_runner(target, library, setup, None, wanted.cost or DEFAULT_COST)
    try:
        anchors = wanted.anchors or DEFAULT_ANCHORS
        predictor = predictor_of(runner, request, anchors) if is_predicted(runner) else None
        chosen = replace(options_of(runner, request), seed=0)
        return TableMeta(
            tool_version=version("tflprof"),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            unit=runner.counters[0] if predictor is None else TIME,
            provenance=runner.provenance if predictor is None else "predicted",
            source=runner.source,
            target=runner.facts,
            runtime=dict(runner.runtime),
            runner_build=runner.build,
            options=chosen,
            deterministic=runner.deterministic,
            conditions=_conditions(runner),
            prediction=None if predictor is None else predictor.prediction,
        )
    finally:
        runner.close()


def _conditions(runner: Runner) -> dict[str, Any]:
    start = runner.conditions()
    kept = {name: start[name] for name in ("unit", "quiet") if name in start}
    return {"device": {"start": kept}} if kept else {}


def check_table(path: PathLike, target: str, **options: Any) -> tuple[StoredTable, tuple[Mismatch, ...]]:
    """A table, and every condition in which it differs from what would be measured now.

    Raises:
        ProfileError: it cannot be read.
        TflprofError: there is no such target or option.
    """
    table = read_table(path)
    return table, table_mismatches(table.meta, expected_meta(target, **options))


def merge_tables(paths: Sequence[PathLike], output: PathLike, *, force: bool = False) -> StoredTable:
    """One table with the rows of all; of a row that several have, the last one's counts (networks' are averaged).

    Raises:
        ProfileError: one of them cannot be read.
        Untrusted: they are of different devices, runtimes, costs or clocks, each condition named.
        UsageError: the output exists.
    """
    if len(paths) < 2:
        raise UsageError("one table alone is merged with nothing", "give two or more tables")
    check_writable(Path(output), overwrite=force)
    tables = [read_table(path) for path in paths]
    first = tables[0]
    for path, table in zip(paths[1:], tables[1:], strict=True):
        if different := table_mismatches(first.meta, table.meta):
            raise refused(f"{os.fspath(paths[0])} and {os.fspath(path)}", different)
        if _beside(first) != _beside(table):
            raise Untrusted(
                f"the times of {os.fspath(paths[0])} and {os.fspath(path)} are of different clocks, and no reference "
                "measured beside both tells the ratio",
                "build the one without, or with an older reference, anew",
            )
    clocked = [in_clock(table, first.meta.reference) for table in tables]
    best = max(clocked, key=lambda table: table.meta.overheads.models)
    rows: tuple[LatencyRow, ...] = merged_rows(*(table.rows for table in clocked))
    # Where one does not tell, that its rows have nothing of it in them is not known either.
    refetch = None if any(table.meta.refetch is None for table in clocked) else clocked[0].meta.refetch
    meta = replace(first.meta, overheads=best.meta.overheads, reference=_all_seen(clocked), refetch=refetch)
    merged = StoredTable(meta, rows)
    write_table(output, merged, overwrite=force)
    return merged


def _beside(table: StoredTable) -> str | None:
    """Which reference its rows were measured beside."""
    return None if table.meta.reference is None else table.meta.reference.sha256


def _all_seen(tables: Sequence[StoredTable]) -> Reference | None:
    found = [table.meta.reference for table in tables if table.meta.reference is not None]
    return replace(found[0], seen=tuple(time for one in found for time in one.seen)) if found else None

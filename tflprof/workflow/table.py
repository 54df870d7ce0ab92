"""Build latency tables: rows of networks from their profiles, rows of anything else from chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflprof.errors import UsageError
from tflprof.files import check_writable
from tflprof.measure.table_reference import in_clock
from tflprof.op_config import OpConfig
from tflprof.op_memory import network_bytes
from tflprof.profile.latency_rows import TableMeta
from tflprof.targets.spec import DEFAULT_TARGET
from tflprof.workflow.progress import OnProgress, Progress
from tflprof.workflow.table_builder import Builder, BuiltTable, Network, PathLike
from tflprof.workflow.table_check import expected_meta
from tflprof.workflow.table_journal import Journal


def build_table(
    target: str = DEFAULT_TARGET,
    *,
    models: Sequence[PathLike] = (),
    configs: Sequence[OpConfig] = (),
    beside: Sequence[OpConfig] = (),
    path: PathLike | None = None,
    chains: bool = False,
    force: bool = False,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> BuiltTable:
    """Measure a latency table.

    Where times are measured, a new table begins with what fetching weights again costs (``meta.refetch``). What is
    measured is kept beside ``path`` after every model and chain; a second call measures what is missing, and extends
    a table that is there.

    Args:
        target: where to measure, as for :func:`tflprof.profile_model`.
        models: networks whose layers are measured in their own context.
        configs: other configurations, measured in chains.
        beside: layers of the network that ``configs`` are for; none: those of the largest of ``models``.
        path: of the table; None keeps it in memory.
        chains: measure the networks' layers in chains, too.
        force: begin afresh, whatever is at ``path``; what was so begun and not ended is gone on with.
        on_progress: called now and then.
        options: other arguments of :func:`tflprof.profile_model` (core, threads, kernels, max_seconds, cost …).

    Raises:
        UsageError: nothing to measure, or a model of several subgraphs.
        Untrusted: the rows at ``path`` are of another device, runtime or costs.
        TflprofError: what profiling raises.
    """
    place = None if path is None else Path(path)
    if place is not None:
        check_writable(place, overwrite=True)
    read = [Network.of(model, str(options.get("kernels", "xnnpack"))) for model in models]
    if not configs and not read:
        raise UsageError("there is nothing to measure", "give --from MODEL or --space FILE")
    journal = Journal(place, force=force)
    if journal.meta is not None:
        journal.check(expected_meta(target, **options))
    builder = Builder(target, options, journal, on_progress or _ignore)
    largest = max((network.costed for network in read), key=network_bytes, default=[])
    wanted = [*configs, *(config for network in read for config in network.costed if chains)]
    builder.total = len(wanted) + len(read)
    builder.begin()
    for network in read:
        builder.network(network)
    builder.chains(wanted, beside or largest)
    return builder.finish(place)


def measure_rows(
    target: str,
    configs: Sequence[OpConfig],
    *,
    beside: Sequence[OpConfig] = (),
    like: TableMeta | None = None,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> BuiltTable:
    """Measure rows in chains, without a file: for who needs a few more than a table has.

    Args:
        target: where to measure.
        configs: of the rows.
        beside: layers of the model that they are for.
        like: of the table that has the others: measured times are in its clock then. None: in that of now.
        on_progress: called now and then.
        options: other arguments of :func:`tflprof.profile_model`.
    """
    builder = Builder(target, options, Journal(None), on_progress or _ignore, like)
    builder.total = len(configs)
    builder.begin()
    builder.chains(configs, beside)
    built = builder.finish(None)
    return built if like is None else replace(built, table=in_clock(built.table, like.reference))


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""

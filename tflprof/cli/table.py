"""``tflprof table``: build latency tables, show them, put them together, ask whether they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.measure_options import (
    Anchors,
    Cost,
    KernelsChoice,
    MaxSeconds,
    Precision,
    RuntimePath,
    Target,
    Threads,
    WeightCache,
    XnnpackFlags,
    prediction,
)
from tflprof.cli.options import Force, Json, Kernels, Top, Verbose
from tflprof.cli.outputs import check_outputs
from tflprof.cli.phone_options import (
    CoolTo,
    Core,
    Cores,
    Frequency,
    Governor,
    Quiet,
    chosen_core,
    phone_setup,
)
from tflprof.cli.progress import progress_display
from tflprof.cli.table_predict import predict
from tflprof.errors import Untrusted, UsageError

if TYPE_CHECKING:
    from tflprof.op_config import OpConfig
    from tflprof.workflow.table_builder import BuiltTable

table = typer.Typer(
    name="table",
    help="Latency tables: what layers cost on one device, measured once, for predicting many models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
table.command("predict")(predict)

TablePath = Annotated[
    Path, typer.Argument(readable=False, metavar="TABLE", help="A latency table, from table build -o.")
]


@table.command("build")
@guarded
def build(
    context: typer.Context,
    models: Annotated[
        list[Path] | None,
        typer.Option("--from", readable=False, metavar="MODEL", help="Rows of a model's layers; repeatable."),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(metavar="METHODS", help="Also what these would make of the layers: low_rank,prune,…"),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(readable=False, metavar="FILE", help="Rows of a search space (docs/tables.md)."),
    ] = None,
    chains: Annotated[
        bool, typer.Option("--chains", help="Measure the models' layers in chains, too, not in place alone.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The table; one that is there is extended."),
    ] = None,
    target: Target = "emulated:pixel2",
    core: Core = None,
    cores: Cores = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    runtime: RuntimePath = None,
    max_seconds: MaxSeconds = 60.0,
    precision: Precision = 0.01,
    xnnpack_flags: XnnpackFlags = None,
    weight_cache: WeightCache = False,
    quiet: Quiet = False,
    governor: Governor = None,
    frequency: Frequency = None,
    cool_to: CoolTo = None,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Measure a latency table: layers of models in place, candidates and search spaces in chains.

    What is measured is kept beside FILE after every model and chain; called again, it goes on where it was.
    """
    from tflprof.workflow.table import build_table

    setup = phone_setup(context, target, quiet=quiet, governor=governor, frequency=frequency, cool_to=cool_to)
    place = output or Path("table.parquet")
    for source in (*(models or ()), *filter(None, (space,))):
        check_outputs(source, [place], force=True)
    configs = _configs(models or [], candidates, space, kernels.value)
    how: dict[str, Any] = prediction(context, target, cost, anchors)
    with _kept(place, force=force), progress_display() as report:
        built = build_table(
            target,
            models=models or [],
            configs=configs,
            path=place,
            chains=chains,
            force=force,
            on_progress=report,
            core=chosen_core(context, core, cores),
            threads=threads,
            kernels=kernels.value,
            runtime=runtime,
            max_seconds=max_seconds,
            precision=precision,
            xnnpack_flags=xnnpack_flags,
            weight_cache=weight_cache,
            setup=setup,
            **how,
        )
    _tell(built, json=json)


@contextmanager
def _kept(place: Path, *, force: bool) -> Iterator[None]:
    """Say where the rows are if building ends before its end."""
    try:
        yield
    except BaseException:
        from tflprof.workflow.table_journal import goes_on_from

        kept = goes_on_from(place, force=force)
        if kept is not None:
            say(f"rows measured so far are kept in {kept}: the same command goes on from there")
        raise


def _configs(models: list[Path], candidates: str | None, space: Path | None, kernels: str) -> list[OpConfig]:
    """Configurations beside those of the models."""
    found: list[OpConfig] = []
    if candidates is not None:
        if not models:
            raise UsageError("--candidates needs models whose layers they change", "give --from MODEL")
        from tflprof.workflow.table_candidates import candidate_configs

        names = [name.strip() for name in candidates.split(",") if name.strip()]
        for model in models:
            found += candidate_configs(model, names, kernels)
    if space is not None:
        from tflprof.workflow.space import read_space

        found += read_space(space)
    return found


def _tell(built: BuiltTable, *, json: bool) -> None:
    if json:
        from tflprof.report.latency_table_document import built_document

        print_document(built_document(built.table, str(built.path), built.measured, built.missing))
    else:
        from tflprof.report.text import plain

        print(f"{plain(str(built.path))}: {len(built.table.rows)} rows, {built.measured} of them new")
    for reason in dict.fromkeys(built.missing.values()):
        count = sum(other == reason for other in built.missing.values())
        say(f"{count} configuration{'s have' if count > 1 else ' has'} no row: {reason}")


@table.command("show")
@guarded
def show(path: TablePath, top: Top = None, json: Json = False, _verbose: Verbose = False) -> None:
    """Show a latency table: where it holds, what it covers, its rows by cost."""
    from tflprof.profile.latency_rows import read_table

    found = read_table(path)
    if json:
        from tflprof.report.latency_table_document import table_document

        print_document(table_document(found))
        return
    from tflprof.report.latency_table import print_table

    print_table(found, path.name, result_console(), top)


@table.command("merge")
@guarded
def merge(
    tables: Annotated[list[Path], typer.Argument(readable=False, metavar="TABLE...", help="Two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The table of all rows.")],
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Put tables of one device, runtime and cost model together; others are refused, with what differs."""
    from tflprof.report.text import plain
    from tflprof.workflow.table_check import merge_tables

    merged = merge_tables(tables, output, force=force)
    print(f"{plain(str(output))}: {len(merged.rows)} rows of {len(tables)} tables")


@table.command("check")
@guarded
def check(
    context: typer.Context,
    path: TablePath,
    target: Target = "emulated:pixel2",
    core: Core = None,
    cores: Cores = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    runtime: RuntimePath = None,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Whether a table holds for a device, runtime and costs as they are now; ends with 4 if not, naming the keys."""
    from tflprof.profile.mismatch import shown_value
    from tflprof.workflow.table_check import check_table

    options: dict[str, Any] = {
        "core": chosen_core(context, core, cores),
        "threads": threads,
        "kernels": kernels.value,
        "runtime": runtime,
        **prediction(context, target, cost, anchors),
    }
    found, differences = check_table(path, target, **options)
    if json:
        from tflprof.report.latency_table_document import check_document

        print_document(check_document(found, differences))
    if differences:
        told = "; ".join(
            f"{one.key}: {shown_value(one.a)} in the table, {shown_value(one.b)} now" for one in differences
        )
        raise Untrusted(
            f"{path} does not hold for {target}: {told}",
            f"build one that does: tflprof table build --target {target} -o FILE",
        )
    if not json:
        from tflprof.report.text import plain

        print(f"{plain(str(path))} holds for {target}: {len(found.rows)} rows")

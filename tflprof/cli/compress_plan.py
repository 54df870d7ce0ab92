"""``tflprof compress plan``: the changes that meet a budget at the least loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.compress_options import (
    CalibrationData,
    Evaluate,
    MaxSeconds,
    Methods,
    Samples,
    Table,
    check_files,
    compression_options,
    how_measured,
)
from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded, report_error
from tflprof.cli.measure_options import Anchors, Cost, KernelsChoice, RuntimePath, Target, Threads
from tflprof.cli.options import Force, Json, Kernels, ModelPath, Verbose
from tflprof.cli.phone_options import Core
from tflprof.cli.progress import progress_display
from tflprof.errors import EXIT_FAILED, UsageError

if TYPE_CHECKING:
    from tflprof.workflow.compress import Planned

Budget = Annotated[
    str, typer.Option(metavar="BUDGET", help="Most an inference may take: 30ms, 800us, 20Minst.")
]
RandomCalibration = Annotated[
    bool, typer.Option("--random-calibration", help="Plan without samples: losses then mean nothing.")
]
Rounds = Annotated[
    int,
    typer.Option(
        min=0, max=5, metavar="N", help="Most rounds of measuring and planning; 0: the table is believed."
    ),
]
Trials = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Combinations that are run per round to see what they lose."),
]
Solver = Annotated[
    str,
    typer.Option(
        metavar="WAY", help="milp, or netadapt: the greedy way alone, which is what others are judged by."
    ),
]
NoMemory = Annotated[bool, typer.Option("--no-memory", help="Find all losses anew, and keep none.")]
UpdateTable = Annotated[
    bool,
    typer.Option("--update-table", help="Add the rows that are measured on the way to the table's file."),
]
PlanOutput = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Save the plan, for compress apply.")
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the Pareto front: .svg, .png or .pdf.")]


@guarded
def plan_command(
    context: typer.Context,
    model: ModelPath,
    budget: Budget,
    table: Table = None,
    target: Target = "emulated:pixel2",
    methods: Methods = None,
    calibration: CalibrationData = None,
    random_calibration: RandomCalibration = False,
    samples: Samples = 64,
    evaluate: Evaluate = None,
    rounds: Rounds = 5,
    trials: Trials = 8,
    solver: Solver = "milp",
    forget: NoMemory = False,
    core: Core = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    runtime: RuntimePath = None,
    max_seconds: MaxSeconds = 20.0,
    update_table: UpdateTable = False,
    output: PlanOutput = None,
    plot: Plot = None,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Choose the changes that meet a budget at the least loss; exit status 1 if the budget is out of reach."""
    from tflprof.workflow.compress import plan_compression

    check_files([model, table, calibration], [path for path in (output, plot) if path], force=force)
    _check_wishes(budget, table, plot, update_table=update_table)
    how = how_measured(context, target, core, threads, cost, anchors, kernels, runtime, max_seconds)
    options = compression_options(
        table,
        methods,
        calibration,
        samples,
        how,
        random=random_calibration,
        rounds=rounds,
        trials=trials,
        solver=solver,
        update=update_table,
        remember=not forget,
        evaluate=evaluate,
    )
    with progress_display() as report:
        planned = plan_compression(model, budget, options, on_progress=report)
    _save(planned, output, plot, force=force)
    if update_table:
        say(f"{len(planned.bench.stored.rows)} rows are in {table} now")
    _show(planned, json=json, saved=output is not None)
    if planned.stopped is not None:
        raise typer.Exit(report_error(planned.stopped))
    if not planned.plan.feasible:
        raise typer.Exit(EXIT_FAILED)


def _check_wishes(budget: str, table: Path | None, plot: Path | None, *, update_table: bool) -> None:
    """Raise before anything is done if a wish cannot be met."""
    from tflprof.workflow.compress import parse_budget

    parse_budget(budget)
    if update_table and table is None:
        raise UsageError(
            "--update-table has no table to add rows to", "give one with --table FILE, or leave it out"
        )
    if plot is not None:
        from tflprof.report.compress_front import check_front

        check_front(plot)


def _save(planned: Planned, output: Path | None, plot: Path | None, *, force: bool) -> None:
    if output is not None:
        from tflprof.compress.planning.plan import write_plan

        write_plan(planned.plan, output, overwrite=force)
        say(f"plan saved as {output}")
    if plot is not None and (planned.stopped is None or planned.plan.front):
        from tflprof.report.compress_front import write_front

        write_front(planned.plan.document(), plot)
        say(f"Pareto front drawn as {plot}")


def _show(planned: Planned, *, json: bool, saved: bool) -> None:
    if json:
        print_document(planned.plan.document() | {"obstacles": list(planned.obstacles)})
        return
    from tflprof.report.compress_plan import print_plan

    print_plan(planned.plan.document(), result_console(), planned.obstacles)
    if not saved and planned.plan.changes:
        say("the plan was not saved: -o FILE saves it, for tflprof compress apply")

"""``tflprof compress``: list, plan, apply and verify changes that make a model faster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.compress_options import (
    CalibrationData,
    Evaluate,
    MaxSeconds,
    Methods,
    Original,
    PlanPath,
    Samples,
    ShowAll,
    Table,
    check_files,
    compression_options,
    how_measured,
)
from tflprof.cli.compress_plan import plan_command
from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.measure_options import Anchors, Cost, KernelsChoice, RuntimePath, Target, Threads
from tflprof.cli.options import Force, Json, Kernels, ModelPath, Verbose
from tflprof.cli.phone_options import Core
from tflprof.cli.progress import progress_display
from tflprof.errors import EXIT_FAILED

if TYPE_CHECKING:
    from tflprof.compress.planning.plan import Plan

compress = typer.Typer(
    name="compress",
    help="Make a model meet a latency budget: what can be changed, a plan, the changes, and whether it held.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@compress.command("list")
@guarded
def list_command(
    context: typer.Context,
    model: ModelPath,
    table: Table = None,
    target: Target = "emulated:pixel2",
    methods: Methods = None,
    calibration: CalibrationData = None,
    samples: Samples = 64,
    core: Core = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    runtime: RuntimePath = None,
    max_seconds: MaxSeconds = 20.0,
    top: Annotated[int | None, typer.Option(min=1, metavar="N", help="Show N options only.")] = None,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """List what could be changed, option by option: what each saves and loses alone, or why nothing is offered."""
    from tflprof.workflow.compress_list import list_candidates

    how = how_measured(context, target, core, threads, cost, anchors, kernels, runtime, max_seconds)
    options = compression_options(table, methods, calibration, samples, how)
    with progress_display() as report:
        found = list_candidates(model, options, on_progress=report)
    if json:
        print_document(found.document())
        return
    from tflprof.report.compress_list import print_candidates

    print_candidates(found.document(), result_console(), top=top)


compress.command("plan")(plan_command)


@compress.command("apply")
@guarded
def apply_command(
    plan: PlanPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the new model.")
    ],
    model: Original = None,
    verify: Annotated[bool, typer.Option("--verify", help="Measure old and new model afterwards.")] = False,
    calibration: CalibrationData = None,
    evaluate: Evaluate = None,
    max_seconds: MaxSeconds = 120.0,
    show_all: ShowAll = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Make the changes of a plan in the .tflite file."""
    from tflprof.compress.planning.plan import read_plan
    from tflprof.workflow.compress import apply_plan

    found = read_plan(plan)
    old = model or Path(found.model_path)
    place = found.calibration.get("place")
    check_files([old, plan, calibration, Path(place) if place else None], [output], force=force)
    apply_plan(found, old, output, overwrite=force, calibration=calibration)
    say(f"{len(found.changes)} changes made; the new model is {output}")
    if verify:
        _verify(found, old, output, calibration, evaluate, max_seconds, show_all=show_all, json=json)


@compress.command("verify")
@guarded
def verify_command(
    plan: PlanPath,
    new: Annotated[
        Path, typer.Argument(readable=False, metavar="NEW", help="The model that compress apply made.")
    ],
    model: Original = None,
    calibration: CalibrationData = None,
    evaluate: Evaluate = None,
    max_seconds: MaxSeconds = 120.0,
    show_all: ShowAll = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Measure old and new model together and compare with the plan; exit status 1 if the budget is not met."""
    from tflprof.compress.planning.plan import read_plan

    found = read_plan(plan)
    old = model or Path(found.model_path)
    _verify(found, old, new, calibration, evaluate, max_seconds, show_all=show_all, json=json)


def _verify(
    plan: Plan,
    old: Path,
    new: Path,
    calibration: Path | None,
    evaluate: str | None,
    max_seconds: float,
    *,
    show_all: bool,
    json: bool,
) -> None:
    from tflprof.workflow.compress_verify import verify_plan

    with progress_display() as report:
        found = verify_plan(
            plan,
            old,
            new,
            calibration=calibration,
            command=evaluate,
            max_seconds=max_seconds,
            on_progress=report,
        )
    if json:
        print_document(found.document())
    else:
        from tflprof.report.compress_verify import print_verified

        print_verified(found.document(), result_console(), show_all=show_all)
    if not found.meets_budget:
        raise typer.Exit(EXIT_FAILED)

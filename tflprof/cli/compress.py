"""``tflprof compress``: list, plan, apply and verify changes that make a model faster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded, report_error
from tflprof.cli.measure_options import Anchors, Cost, KernelsChoice, RuntimePath, Target, Threads, prediction
from tflprof.cli.options import Force, Json, Kernels, ModelPath, Verbose
from tflprof.cli.phone_options import Core
from tflprof.cli.progress import progress_display
from tflprof.errors import EXIT_FAILED, UsageError

if TYPE_CHECKING:
    from tflprof.compress.planning.plan import Plan
    from tflprof.workflow.compress import Planned
    from tflprof.workflow.compress_subject import CompressionOptions

compress = typer.Typer(
    name="compress",
    help="Make a model meet a latency budget: what can be changed, a plan, the changes, and whether it held.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Table = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        metavar="FILE",
        help="A latency table, from tflprof table build; default: measured on the way.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        metavar="M,M…",
        help="Of clean_up, resolution, prune, low_rank, quantise, nms; repeatable. prune=magnitude, "
        "prune=coarse, low_rank=plain and quantise=full are other ways. Default: clean_up,prune,low_rank.",
    ),
]
CalibrationData = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        metavar="DIR|NPZ",
        help="Samples of the model's inputs: .npy or .npz files, or one .npz.",
    ),
]
Samples = Annotated[int, typer.Option(min=1, metavar="N", help="Samples on which losses are looked at.")]
Evaluate = Annotated[
    str | None,
    typer.Option(
        metavar="CMD",
        help="Run on a model's path (last, or in place of {model}), no shell; it prints the accuracy last.",
    ),
]
MaxSeconds = Annotated[
    float, typer.Option(min=0.1, metavar="S", help="Time budget of each measurement, where time is measured.")
]
PlanPath = Annotated[
    Path, typer.Argument(readable=False, metavar="PLAN", help="From tflprof compress plan -o.")
]
Original = Annotated[
    Path | None,
    typer.Option(
        "--model", readable=False, metavar="FILE", help="The model, if it is not where the plan says."
    ),
]
ShowAll = Annotated[bool, typer.Option("--all", help="Show layers that were not changed, too.")]


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

    how = _how(context, target, core, threads, cost, anchors, kernels, runtime, max_seconds)
    options = _options(table, methods, calibration, samples, how)
    with progress_display() as report:
        found = list_candidates(model, options, on_progress=report)
    if json:
        print_document(found.document())
        return
    from tflprof.report.compress_list import print_candidates

    print_candidates(found.document(), result_console(), top=top)


@compress.command("plan")
@guarded
def plan_command(
    context: typer.Context,
    model: ModelPath,
    budget: Annotated[
        str, typer.Option(metavar="BUDGET", help="Most an inference may take: 30ms, 800us, 20Minst.")
    ],
    table: Table = None,
    target: Target = "emulated:pixel2",
    methods: Methods = None,
    calibration: CalibrationData = None,
    random_calibration: Annotated[
        bool, typer.Option("--random-calibration", help="Plan without samples: losses then mean nothing.")
    ] = False,
    samples: Samples = 64,
    evaluate: Evaluate = None,
    rounds: Annotated[
        int,
        typer.Option(
            min=0, max=5, metavar="N", help="Most rounds of measuring and planning; 0: the table is believed."
        ),
    ] = 5,
    trials: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Combinations that are run per round to see what they lose."),
    ] = 8,
    solver: Annotated[
        str,
        typer.Option(
            metavar="WAY", help="milp, or netadapt: the greedy way alone, which is what others are judged by."
        ),
    ] = "milp",
    forget: Annotated[bool, typer.Option("--no-memory", help="Find all losses anew, and keep none.")] = False,
    core: Core = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    runtime: RuntimePath = None,
    max_seconds: MaxSeconds = 20.0,
    update_table: Annotated[
        bool,
        typer.Option("--update-table", help="Add the rows that are measured on the way to the table's file."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Save the plan, for compress apply.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the Pareto front: .svg, .png or .pdf.")
    ] = None,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Choose the changes that meet a budget at the least loss; exit status 1 if the budget is out of reach."""
    from tflprof.workflow.compress import parse_budget, plan_compression

    outputs = [path for path in (output, plot) if path]
    _check_outputs([model, table, calibration], outputs, force=force)
    parse_budget(budget)
    if update_table and table is None:
        raise UsageError(
            "--update-table has no table to add rows to", "give one with --table FILE, or leave it out"
        )
    if plot is not None:
        from tflprof.report.compress_front import check_front

        check_front(plot)
    how = _how(context, target, core, threads, cost, anchors, kernels, runtime, max_seconds)
    options = _options(
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
    if json:
        print_document(planned.plan.document() | {"obstacles": list(planned.obstacles)})
    else:
        from tflprof.report.compress_plan import print_plan

        print_plan(planned.plan.document(), result_console(), planned.obstacles)
        if output is None and planned.plan.changes:
            say("the plan was not saved: -o FILE saves it, for tflprof compress apply")
    if planned.stopped is not None:
        raise typer.Exit(report_error(planned.stopped))
    if not planned.plan.feasible:
        raise typer.Exit(EXIT_FAILED)


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
    _check_outputs([old, plan, calibration, Path(place) if place else None], [output], force=force)
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


def _check_outputs(read: list[Path | None], outputs: list[Path], *, force: bool) -> None:
    """Raise before anything is done if an output cannot be written, or would replace what is read, or be part of it."""
    from tflprof.cli.outputs import check_outputs

    for path in read:
        if path is None:
            continue
        check_outputs(path, outputs, force=force)
        inside = [output for output in outputs if path.is_dir() and output.parent.resolve() == path.resolve()]
        if inside:
            raise UsageError(
                f"the output {inside[0]} would lie among the calibration data in {path}",
                "choose another folder for the output",
            )


def _save(planned: Planned, output: Path | None, plot: Path | None, *, force: bool) -> None:
    if output is not None:
        from tflprof.compress.planning.plan import write_plan

        write_plan(planned.plan, output, overwrite=force)
        say(f"plan saved as {output}")
    if plot is not None and (planned.stopped is None or planned.plan.front):
        from tflprof.report.compress_front import write_front

        write_front(planned.plan.document(), plot)
        say(f"Pareto front drawn as {plot}")


def _how(
    context: typer.Context,
    target: str,
    core: str | None,
    threads: int,
    cost: str | None,
    anchors: str | None,
    kernels: Kernels,
    runtime: Path | None,
    max_seconds: float,
) -> dict[str, Any]:
    return {
        "target": target,
        "core": core,
        "threads": threads,
        **prediction(context, target, cost, anchors),
        "kernels": kernels.value,
        "runtime": runtime,
        "max_seconds": max_seconds,
    }


def _options(
    table: Path | None,
    methods: list[str] | None,
    calibration: Path | None,
    samples: int,
    how: dict[str, Any],
    **more: Any,
) -> CompressionOptions:
    from tflprof.workflow.compress_subject import DEFAULT_METHODS, CompressionOptions

    names = (
        DEFAULT_METHODS
        if methods is None
        else tuple(name.strip() for text in methods for name in text.split(","))
    )
    return CompressionOptions(
        table=table, methods=names, calibration=calibration, samples=samples, how=how, **more
    )

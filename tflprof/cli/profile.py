"""``tflprof profile``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.batch import run_batch, several_models
from tflprof.cli.console import say
from tflprof.cli.guard import guarded, report_error
from tflprof.cli.measure_options import (
    Anchors,
    Cost,
    Inputs,
    InputShapes,
    KernelsChoice,
    MaxSeconds,
    Pmu,
    Precision,
    Rate,
    RuntimePath,
    Seed,
    Signature,
    Sustain,
    Target,
    Threads,
    WeightCache,
    XnnpackFlags,
    prediction,
)
from tflprof.cli.options import (
    Force,
    InOrder,
    Json,
    Kernels,
    ModelsPath,
    Top,
    Verbose,
    parse_files,
    parse_shapes,
)
from tflprof.cli.outputs import check_outputs, save_page, save_profile
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
from tflprof.cli.show import present
from tflprof.cli.tool_runner import (
    BinaryPath,
    Runner,
    RunnerKind,
    ToolFlag,
    ToolFlags,
    check_runner,
    run_official_tool,
)

if TYPE_CHECKING:
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.profile.profile import Profile
    from tflprof.workflow.progress import Progress


@dataclass(frozen=True)
class _Files:
    """Where the profile and the page of one model go; None for those that are not wanted."""

    profile: Path | None
    page: Path | None
    force: bool

    def named(self) -> list[Path]:
        return [path for path in (self.profile, self.page) if path is not None]


@guarded
def profile(
    context: typer.Context,
    model: ModelsPath,
    tool_flags: ToolFlags = None,
    target: Target = "emulated:pixel2",
    core: Core = None,
    cores: Cores = None,
    threads: Threads = 1,
    cost: Cost = None,
    anchors: Anchors = None,
    kernels: KernelsChoice = Kernels.XNNPACK,
    signature: Signature = None,
    input: Inputs = None,  # noqa: A002 - the option is called so
    input_shape: InputShapes = None,
    runtime: RuntimePath = None,
    seed: Seed = 0,
    max_seconds: MaxSeconds = 60.0,
    precision: Precision = 0.01,
    xnnpack_flags: XnnpackFlags = None,
    weight_cache: WeightCache = False,
    rate: Rate = None,
    sustain: Sustain = None,
    pmu: Pmu = False,
    quiet: Quiet = False,
    governor: Governor = None,
    frequency: Frequency = None,
    cool_to: CoolTo = None,
    runner: Runner = RunnerKind.TFLPROF,
    binary: BinaryPath = None,
    tool_flag: ToolFlag = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR",
            help="Save the profile (.parquet); of several models: a folder.",
        ),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE|DIR", help="Save a report page; of several models: a folder of pages."),
    ] = None,
    top: Top = None,
    in_order: InOrder = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Profile a model, layer by layer; or several, one after the other (docs/batch.md)."""
    several = several_models(model, tool_flags or [], output, runner)
    flags = [*(tool_flag or []), *(flag for flag in tool_flags or [] if flag not in (several or ()))]
    check_runner(runner, binary, flags)
    files = _Files(_path(output), _path(html), force)
    if several is None:
        check_outputs(model, files.named(), force=force)
    options = {
        "target": target,
        "core": chosen_core(context, core, cores),
        "threads": threads,
        **prediction(context, target, cost, anchors),
        "kernels": kernels.value,
        "signature": signature,
        "inputs": parse_files(input or []),
        "input_shapes": parse_shapes(input_shape or []),
        "runtime": runtime,
        "seed": seed,
        "max_seconds": max_seconds,
        "precision": precision,
        "xnnpack_flags": xnnpack_flags,
        "weight_cache": weight_cache,
        "rate": rate,
        "sustain": sustain,
        "pmu": pmu,
        "setup": phone_setup(
            context, target, quiet=quiet, governor=governor, frequency=frequency, cool_to=cool_to
        ),
    }
    if several is not None:
        run_batch(context, several, options, output, html, force=force, json=json)
        return
    shown = {"top": top, "in_order": in_order, "json": json}
    from tflprof.measure.interrupt import HeldSignals

    with HeldSignals(holding=False) as signals:
        if binary is not None:
            collected, cause = run_official_tool(context, model, binary, flags, options), None
        else:
            collected, cause = _measure(model, options, signals)
        signals.holding = True
        _deliver(collected, files, show=shown)
    if cause is None and signals.received:
        cause = KeyboardInterrupt()
    if cause is not None:
        _end(cause, collected)
    if output is None and html is None and not json:
        say("nothing was saved: -o FILE saves the profile, --html FILE a report")


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _measure(
    model: Path, options: dict[str, Any], signals: HeldSignals
) -> tuple[Profile, BaseException | None]:
    from tflprof.workflow.profile import Interrupted, profile_model

    with progress_display() as report:

        def tell(progress: Progress) -> None:
            # Told last, before the workflow lets go of the signals, and not before it measured something.
            signals.holding |= progress.stage == "attributing"
            report(progress)

        try:
            return profile_model(model, **options, on_progress=tell), None
        except Interrupted as stop:
            return stop.profile, stop.cause


def _deliver(collected: Profile, files: _Files, *, show: dict[str, Any]) -> None:
    # Files first: a closed pipe or a fault in showing must not cost the samples.
    try:
        if files.profile is not None:
            save_profile(collected, files.profile, force=files.force)
        if files.page is not None:
            save_page(collected, files.page, force=files.force)
    finally:
        present(collected, **show)


def _end(cause: BaseException, collected: Profile) -> None:
    if not collected.meta.schedule.complete:
        say("the run was cut short: what had been collected is above, marked as partial")
    raise typer.Exit(report_error(cause))

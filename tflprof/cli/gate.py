"""``tflprof gate``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.console import say
from tflprof.cli.gate_config import case_specs
from tflprof.cli.gate_outputs import Outputs, ProfileKeeper
from tflprof.cli.guard import guarded
from tflprof.cli.measure_options import (
    Anchors,
    Cost,
    Inputs,
    InputShapes,
    KernelsChoice,
    PrecisionOrDefault,
    Rate,
    RuntimePath,
    Seed,
    Signature,
    Target,
    Threads,
    WeightCache,
    XnnpackFlags,
)
from tflprof.cli.options import Force, Json, Kernels, Verbose
from tflprof.cli.phone_options import CoolTo, Core, Cores, Frequency, Governor, Quiet
from tflprof.cli.progress import progress_display
from tflprof.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from tflprof.analysis.verdicts import GateResult
    from tflprof.workflow.gate_case import CaseSpec


class InconclusiveAs(StrEnum):
    """What an inconclusive verdict is taken as."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


def _use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of this verb from a file of its own. Eager: before the other options look for them."""
    if path is not None:
        from tflprof.cli.config import load_defaults

        guarded(lambda: context.__setattr__("default_map", load_defaults(path).get("gate", {})))()
    return path


@guarded
def gate(
    context: typer.Context,
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL|PROFILE",
            help="A .tflite file or a profile; default: all cases of the configuration.",
        ),
    ] = None,
    target: Target = "emulated:pixel2",
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="PROFILE|MODEL", help="What it was before; a model is measured together with MODEL."
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUDGET",
            help="[total|layer:ID|op:TYPE|init|first|memory|size=]30ms|+3%[,FLOOR]; repeatable. "
            "Default with a baseline: +3%.",
        ),
    ] = None,
    config: Annotated[  # noqa: ARG001 - its callback does the work
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=_use_config,
            is_eager=True,
            help="Cases and defaults; default: ./tflprof.toml.",
        ),
    ] = None,
    inconclusive_as: Annotated[
        InconclusiveAs | None,
        typer.Option(help="What an inconclusive verdict ends as; default: exit status 4."),
    ] = None,
    require_trust: Annotated[
        bool, typer.Option("--require-trust", help="Judge no profile that is doubtful or tainted.")
    ] = False,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Measure, and make the profile the baseline.")
    ] = False,
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
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="S", help="Time budget of a measurement; default: 60, of two models 120."
        ),
    ] = None,
    precision: PrecisionOrDefault = None,
    xnnpack_flags: XnnpackFlags = None,
    weight_cache: WeightCache = False,
    rate: Rate = None,
    quiet: Quiet = False,
    governor: Governor = None,
    frequency: Frequency = None,
    cool_to: CoolTo = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Save every measured profile here.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the result as JUnit XML.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE|-", help="Save the result as Markdown; -: print it.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Save a report page.")] = None,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Judge latency, memory and size against budgets and baselines; the exit status is the verdict."""
    options = {
        "target": target,
        "baseline": baseline,
        "budget": budget,
        "core": core,
        "cores": cores,
        "threads": threads,
        "cost": cost,
        "anchors": anchors,
        "kernels": kernels,
        "signature": signature,
        "input": input,
        "input_shape": input_shape,
        "runtime": runtime,
        "seed": seed,
        "max_seconds": max_seconds,
        "precision": precision,
        "xnnpack_flags": xnnpack_flags,
        "weight_cache": weight_cache,
        "rate": rate,
        "quiet": quiet,
        "governor": governor,
        "frequency": frequency,
        "cool_to": cool_to,
    }
    specs = case_specs(context, model, options, update=update_baseline)
    outputs = Outputs(json, junit, markdown, html, force)
    outputs.check([path for spec in specs for path in (spec.model, spec.baseline) if path])
    keeper = ProfileKeeper(output, force)
    keeper.check([spec.title for spec in specs])
    judging = {"require_trust": require_trust, "update_baselines": update_baseline}
    raise typer.Exit(_run(specs, outputs, keeper, inconclusive_as=inconclusive_as, **judging))


def _run(
    specs: list[CaseSpec],
    outputs: Outputs,
    keeper: ProfileKeeper,
    *,
    inconclusive_as: InconclusiveAs | None,
    **judging: bool,
) -> int:
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.workflow.gate import GateInterrupted, run_gate

    interrupted = False
    with HeldSignals(holding=False) as signals:
        with progress_display() as report:
            try:
                result = run_gate(
                    specs,
                    inconclusive_as=None if inconclusive_as is None else inconclusive_as.value,
                    on_progress=report,
                    on_profile=keeper.keep,
                    **judging,
                )
            except GateInterrupted as stop:
                result, interrupted = stop.result, True
        signals.holding = True
        outputs.deliver(result)
    _say_errors(result)
    if interrupted or signals.received:
        say("interrupted")
        return EXIT_INTERRUPTED
    return result.exit_code


def _say_errors(result: GateResult) -> None:
    from tflprof.cli.remedies import as_typed_here

    for case in result.cases:
        if case.error is not None and case.error_code != EXIT_INTERRUPTED:
            say(f"tflprof: error: {case.name}: {case.error}")
            if case.hint:
                say(f"  → {as_typed_here(case.hint)}")

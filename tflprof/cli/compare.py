"""``tflprof compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tflprof.cli.compare_run import check_files, no_empty_folder, run_comparison
from tflprof.cli.console import say
from tflprof.cli.guard import guarded
from tflprof.cli.measure_options import (
    Anchors,
    Cost,
    Inputs,
    InputShapes,
    KernelsChoice,
    MaxSeconds,
    RuntimePath,
    Seed,
    Signature,
    Target,
    Threads,
    WeightCache,
    XnnpackFlags,
    prediction,
)
from tflprof.cli.options import (
    Force,
    Json,
    Kernels,
    Verbose,
    is_typed,
    parse_files,
    parse_shapes,
    parse_share,
)
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

_PHONE = ("quiet", "governor", "frequency", "cool_to")
_SIDE = "A .tflite file or a profile"


@guarded
def compare(
    context: typer.Context,
    a: Annotated[Path, typer.Argument(metavar="A", help=f"{_SIDE}: what B is compared with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help=f"{_SIDE}.")],
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
    max_seconds: MaxSeconds = 120.0,
    xnnpack_flags: XnnpackFlags = None,
    weight_cache: WeightCache = False,
    quiet: Quiet = False,
    governor: Governor = None,
    frequency: Frequency = None,
    cool_to: CoolTo = None,
    threshold: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Difference of times that matters, such as 1% or 0.01; exact counts have their own.",
        ),
    ] = "1%",
    force_incomparable: Annotated[
        bool,
        typer.Option(
            "--force-incomparable", help="Show what may not be compared, marked, with no conclusion."
        ),
    ] = False,
    require_trust: Annotated[
        bool, typer.Option("--require-trust", help="Refuse profiles that are doubtful or tainted.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Save what is measured: A.parquet, B.parquet."),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Save a report page.")] = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Show N layers only: changed ones first, by how much they differ."
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every layer, also those that are the same.")
    ] = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Compare two models, two profiles, or a model with a profile, layer by layer.

    Two models are measured now, in the same processes where time is measured. A model is measured as the profile
    was that it is compared with.
    """
    options: dict[str, Any] = {
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
        "xnnpack_flags": xnnpack_flags,
        "weight_cache": weight_cache,
    }
    judging = {
        "max_seconds": max_seconds,
        "threshold": parse_share(threshold, "--threshold"),
        "force": force_incomparable,
        "require_trust": require_trust,
    }
    from tflprof.workflow.compare import is_profile

    stored = [is_profile(side) for side in (a, b)]
    measured, is_live = not all(stored), not any(stored)
    if not is_live:
        options = _typed(context, options)
    if not measured:
        _refuse_for_profiles(context)
    setup = phone_setup(
        context,
        # Whether a profile's own target is a phone is seen when it is opened.
        options.get("target", "adb"),
        quiet=quiet,
        governor=governor,
        frequency=frequency,
        cool_to=cool_to,
    )
    if setup is not None and (is_live or _wishes(context)):
        options["setup"] = setup
    shown = {"top": top, "show_all": show_all, "json": json}
    with no_empty_folder(output):
        check_files((a, b), output, html, measured=measured, force=force)
        run_comparison(a, b, options | judging, output, html, force=force, show=shown)
    if measured and output is None and not json:
        say("the profiles were not saved: -o DIR saves them")


def _typed(context: typer.Context, options: dict[str, Any]) -> dict[str, Any]:
    """What stands on the command line: for the rest a profile knows better than the defaults."""
    parameters = {"inputs": ("input",), "input_shapes": ("input_shape",), "core": ("core", "cores")}
    return {
        name: value
        for name, value in options.items()
        if any(is_typed(context, parameter) for parameter in parameters.get(name, (name,)))
    }


def _refuse_for_profiles(context: typer.Context) -> None:
    """Raise for what stands on the command line and says how to measure, where nothing is to be measured."""
    from tflprof.errors import UsageError

    typed = [name for name in ("max_seconds", *_PHONE) if is_typed(context, name)]
    if typed:
        options = ", ".join("--" + name.replace("_", "-") for name in typed)
        raise UsageError(
            f"{options}: given for two profiles, and nothing is to be measured",
            "leave it out, or give a model",
        )


def _wishes(context: typer.Context) -> bool:
    """Whether anything to be done to a phone stands on the command line."""
    return any(is_typed(context, name) for name in _PHONE)

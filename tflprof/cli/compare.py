"""``tflprof compare``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded, report_error
from tflprof.cli.measure_options import (
    Inputs,
    InputShapes,
    MaxSeconds,
    RuntimePath,
    Seed,
    Signature,
    Target,
    Threads,
    WeightCache,
    XnnpackFlags,
)
from tflprof.cli.options import (
    Force,
    Json,
    Kernels,
    Top,
    Verbose,
    is_typed,
    parse_files,
    parse_shapes,
    parse_share,
)
from tflprof.cli.outputs import check_outputs, save_profile
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

if TYPE_CHECKING:
    from tflprof.analysis.comparison import Comparison
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.profile.profile import Profile
    from tflprof.workflow.progress import Progress

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
    kernels: Annotated[Kernels, typer.Option(help="Kernels of the runtime.")] = Kernels.XNNPACK,
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
        str, typer.Option(metavar="SHARE", help="Difference that matters, such as 1% or 0.01.")
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
    top: Top = None,
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
    with _no_empty_folder(output):
        _check_files((a, b), output, html, measured=measured, force=force)
        _run(a, b, options | judging, output, html, force=force, show=shown)
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


def _wishes(context: typer.Context) -> bool:
    """Whether anything to be done to a phone stands on the command line."""
    return any(is_typed(context, name) for name in ("quiet", "governor", "frequency", "cool_to"))


@contextlib.contextmanager
def _no_empty_folder(folder: Path | None) -> Iterator[None]:
    """A folder that is made meanwhile goes again if nothing came to be in it."""
    new = folder is not None and not folder.exists()
    try:
        yield
    finally:
        if new and folder is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _check_files(
    sides: tuple[Path, Path], output: Path | None, html: Path | None, *, measured: bool, force: bool
) -> None:
    """Raise before anything is measured if an output cannot be written or would replace an input."""
    from tflprof.errors import EnvironmentFault, UsageError

    outputs = [html] if html else []
    if output is not None:
        if not measured:
            raise UsageError(
                f"-o {output}: two profiles are compared, and nothing is measured", "leave it out"
            )
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentFault(f"cannot make the folder {output}: {error.strerror}") from error
        outputs += _saved_as(output)
    for side in sides:
        check_outputs(side, outputs, force=force)


def _saved_as(folder: Path) -> list[Path]:
    return [folder / "A.parquet", folder / "B.parquet"]


def _run(
    a: Path,
    b: Path,
    options: dict[str, Any],
    output: Path | None,
    html: Path | None,
    *,
    force: bool,
    show: dict[str, Any],
) -> None:
    """Measure what is to be measured, compare, save and show."""
    from tflprof.measure.interrupt import HeldSignals

    with HeldSignals(holding=False) as signals:
        comparison, profiles, cause = _compare(a, b, options, signals)
        signals.holding = True
        try:
            # Files first: a closed pipe or a fault in showing must not cost the samples.
            if output is not None:
                for profile, path in zip(profiles, _saved_as(output), strict=True):
                    if profile is not None:
                        save_profile(profile, path, force=force)
            if html is not None and comparison is not None:
                _save_page(comparison, html, force=force)
        finally:
            if comparison is not None:
                _present(comparison, **show)
    if cause is None and signals.received:
        cause = KeyboardInterrupt()
    if cause is not None:
        _end(cause, comparison, profiles)


_Result = tuple["Comparison | None", tuple["Profile | None", "Profile | None"], BaseException | None]


def _compare(a: Path, b: Path, options: dict[str, Any], signals: HeldSignals) -> _Result:
    from tflprof.workflow.compare import ComparisonInterrupted, compare

    with progress_display() as report:

        def tell(progress: Progress) -> None:
            # Told last, before the workflow lets go of the signals, and not before it measured something.
            signals.holding |= progress.stage == "comparing"
            report(progress)

        try:
            found = compare(a, b, **options, on_progress=tell)
        except ComparisonInterrupted as stop:
            return stop.comparison, (stop.a, stop.b), stop.cause
        return found.comparison, (found.a, found.b), None


def _save_page(comparison: Comparison, path: Path, *, force: bool) -> None:
    from tflprof.report.compare_page import write_comparison_page

    write_comparison_page(comparison, path, overwrite=force)
    say(f"report saved as {path}")


def _present(comparison: Comparison, *, top: int | None, show_all: bool, json: bool) -> None:
    """Print a comparison on standard output, as a table or as JSON."""
    if json:
        from tflprof.report.compare_document import comparison_document

        print_document(comparison_document(comparison))
        return
    from tflprof.report.compare_table import print_comparison

    print_comparison(comparison, result_console(), top=top, show_all=show_all)


def _end(
    cause: BaseException, comparison: Comparison | None, profiles: tuple[Profile | None, Profile | None]
) -> None:
    if any(one is not None and not one.meta.schedule.complete for one in profiles):
        what = "what had been collected is above" if comparison is not None else "nothing can be compared"
        say(f"the comparison was cut short: {what}")
    raise typer.Exit(report_error(cause))

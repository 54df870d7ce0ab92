"""What ``tflprof compare`` does once its options are read: compare, save, show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import report_error
from tflprof.cli.outputs import check_outputs, save_profile
from tflprof.cli.progress import progress_display

if TYPE_CHECKING:
    from tflprof.analysis.comparison import Comparison
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.profile.profile import Profile
    from tflprof.workflow.progress import Progress


@contextlib.contextmanager
def no_empty_folder(folder: Path | None) -> Iterator[None]:
    """A folder that is made meanwhile goes again if nothing came to be in it."""
    new = folder is not None and not folder.exists()
    try:
        yield
    finally:
        if new and folder is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()


def check_files(
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
            raise EnvironmentFault(
                f"cannot make the folder {output}: {error.strerror}", "choose another with -o DIR"
            ) from error
        outputs += _saved_as(output)
    for side in sides:
        check_outputs(side, outputs, force=force)


def _saved_as(folder: Path) -> list[Path]:
    return [folder / "A.parquet", folder / "B.parquet"]


def run_comparison(
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
    partial = any(one is not None and not one.meta.schedule.complete for one in profiles)
    if partial or (isinstance(cause, KeyboardInterrupt) and any(profiles)):
        what = "what had been collected is above" if comparison is not None else "nothing can be compared"
        say(f"the comparison was cut short: {what}")
    raise typer.Exit(report_error(cause))

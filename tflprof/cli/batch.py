"""``tflprof profile`` for several models (docs/batch.md)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.options import is_typed
from tflprof.cli.progress import progress_display
from tflprof.cli.remedies import as_typed_here
from tflprof.cli.tool_runner import RunnerKind
from tflprof.errors import EXIT_INTERRUPTED, UsageError

if TYPE_CHECKING:
    from tflprof.analysis.batch import BatchEntry, BatchResult

_OF_ONE_MODEL = ("top", "in_order")


def several_models(
    model: Path, more: Sequence[str], output: str | None, runner: RunnerKind
) -> list[str] | None:
    """The models, folders and patterns of a batch; None for one model.

    Args:
        model: the first argument.
        more: further arguments, the flags of a tool among them.
        output: what ``-o`` says: a folder makes a batch of one file, too.
        runner: what measures.

    Raises:
        UsageError: the runner takes one model at a time.
    """
    from tflprof.workflow.batch_files import is_pattern

    further = [text for text in more if not text.startswith("-")]
    # Path.is_dir raises for a name that is too long.
    folder = output is not None and (os.path.isdir(output) or output.endswith("/"))  # noqa: PTH112
    given = [str(model), *further]
    many = model.is_dir() or is_pattern(str(model)) or bool(further) or (folder and model.exists())
    if not many:
        return None
    if runner is not RunnerKind.TFLPROF:
        if model.is_dir() or is_pattern(str(model)):
            raise UsageError(
                f"--runner {runner.value} takes one model at a time, not {model}", "name one .tflite file"
            )
        return None
    return given


def run_batch(
    context: typer.Context,
    models: Sequence[str],
    options: dict[str, Any],
    output: str | None,
    html: str | None,
    *,
    force: bool,
    json: bool,
) -> None:
    """Profile them all, print what became of each, and end with the exit status of the worst."""
    from tflprof.workflow.batch import BatchInterrupted, profile_models

    if output is None:
        named = " ".join(models[:3]) + (" …" if len(models) > 3 else "")
        raise UsageError(f"{named}: several models need a folder for their profiles", "name it with -o DIR")
    typed = next((name for name in _OF_ONE_MODEL if is_typed(context, name)), None)
    if typed is not None:
        option = typed.replace("_", "-")
        raise UsageError(f"--{option} is for one model", "see each profile with tflprof show")
    interrupted = False
    with progress_display() as report:
        try:
            result = profile_models(
                models, output, pages=html, force=force, on_progress=report, on_entry=_tell, **options
            )
        except BatchInterrupted as stop:
            result, interrupted = stop.result, True
    _show(_typed_here(result), json=json)
    if interrupted:
        say("interrupted: the same command goes on with what is missing")
        raise typer.Exit(EXIT_INTERRUPTED)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _tell(entry: BatchEntry, number: int, of: int) -> None:
    from tflprof.report.batch_table import entry_words

    say(f"{number}/{of} {entry_words(entry)}")


def _typed_here(result: BatchResult) -> BatchResult:
    """The result with remedies as they work on this machine."""
    entries = tuple(replace(entry, hint=entry.hint and as_typed_here(entry.hint)) for entry in result.entries)
    return replace(result, entries=entries, hint=result.hint and as_typed_here(result.hint))


def _show(result: BatchResult, *, json: bool) -> None:
    if json:
        from tflprof.report.batch_document import batch_document

        print_document(batch_document(result))
        return
    from tflprof.report.batch_table import print_batch

    print_batch(result, result_console())

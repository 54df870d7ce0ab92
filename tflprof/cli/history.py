"""``tflprof history``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, Json, Verbose

if TYPE_CHECKING:
    from tflprof.analysis.history.history import History
    from tflprof.analysis.history.selection import Selection

_MOST_NAMED = 5


@guarded
def history(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with profiles, at any depth.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME|SHA256", help="Only this model; the hash may be shortened.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="TARGET", help="Only this target: host, emulated:pixel2, adb, …")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(metavar="ID|NAME", help="A layer in place of the total.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE|AGO", help="Only from then on: 2026-11-01, 30d, 12h, 8w.")
    ] = None,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last N profiles of each series.")
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="PERCENT", help="Least change of measured costs that counts as a step.")
    ] = "1%",
    sql: Annotated[
        str | None, typer.Option(metavar="SELECT", help="Ask the tables yourself (docs/history.md).")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the series as .png, .svg or .pdf, too.")
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Show all profiles, not the last 20.")] = False,
    no_index: Annotated[bool, typer.Option("--no-index", help="Read all files; keep nothing.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew.")] = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Show how profiles of a folder changed over time, and since which profile."""
    # Its matrices are small: threads of the linear algebra would cost more than they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tflprof.analysis.history.history import open_history
    from tflprof.analysis.history.selection import Selection

    least = _percent(step)
    if sql is not None:
        chosen = {
            "model": model,
            "target": target,
            "layer": layer,
            "since": since,
            "last": last,
            "plot": plot,
        }
        _refuse_beside_sql([f"--{name}" for name, value in chosen.items() if value is not None])
    if plot is not None:
        from tflprof.files import check_writable
        from tflprof.report.history_plot import check_plot

        check_plot(0, plot)
        check_writable(plot, overwrite=force)
    with open_history(directory, index=not no_index, rebuild=rebuild, on_progress=_progress) as opened:
        _say_what_is_off(opened)
        if sql is not None:
            _answer(opened, sql, json)
            return
        selection = Selection(model, target, layer, since, last)
        _present(opened, selection, least, plot, json=json, show_all=show_all)


def _refuse_beside_sql(options: list[str]) -> None:
    from tflprof.errors import UsageError

    if options:
        raise UsageError(
            f"--sql and {options[0]} exclude each other",
            "choose with WHERE, or draw with --plot without --sql",
        )


def _present(
    opened: History, selection: Selection, least: float, plot: Path | None, *, json: bool, show_all: bool
) -> None:
    series = opened.series(selection, least=least)
    if plot is not None:
        from tflprof.report.history_plot import write_plot

        write_plot(series, plot)
        say(f"plot saved as {plot}")
    if json:
        from tflprof.report.history_document import Found, history_document

        found = Found(str(opened.root), len(opened), opened.skipped, opened.notes)
        print_document(history_document(series, found))
        return
    from tflprof.report.history_table import print_history

    print_history(series, result_console(), show_all=show_all)


def _answer(opened: History, sql: str, json: bool) -> None:
    answer = opened.query_rows(sql)
    if json:
        from tflprof.report.history_document import rows_document

        print_document(rows_document(answer.columns, answer.rows))
        return
    from tflprof.report.query_table import print_rows

    print_rows(answer.columns, answer.rows, result_console())


def _say_what_is_off(opened: History) -> None:
    for note in opened.notes:
        say(f"note: {note}")
    for path, reason in opened.skipped[:_MOST_NAMED]:
        say(f"skipped {path}: {reason}")
    if len(opened.skipped) > _MOST_NAMED:
        rest = len(opened.skipped) - _MOST_NAMED
        say(f"skipped {rest} more; --json, or --sql 'from skipped', has them all")


def _progress(done: int, of: int) -> None:
    """A line on a terminal that counts what is read."""
    if sys.stderr.isatty() and (done == of or done % 20 == 0):
        print(
            f"\rreading profiles: {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True
        )


def _percent(text: str) -> float:
    from tflprof.errors import UsageError

    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise UsageError(f"--step {text}: not a share from 0 to 100 %", "such as --step 2% or --step 0.02")
    return value

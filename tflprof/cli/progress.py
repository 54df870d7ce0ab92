"""Progress of a measurement: a bar on a terminal, occasional lines with ``-v``, else only that it is stopping."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tflprof.cli.console import detail, say, settings

if TYPE_CHECKING:
    from tflprof.workflow.progress import Progress

    Report = Callable[[Progress], None]

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress_display() -> Iterator[Report]:
    """A function to report progress to, for as long as the context lasts."""
    if sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def looking_display() -> Iterator[Callable[[str], None]]:
    """A function to say what is looked at: on a terminal until it is over, else with ``-v`` only."""
    if not sys.stderr.isatty() or settings.verbose:
        yield lambda name: detail(f"looking at {name}")
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("looking") as status:
        yield lambda name: status.update(f"looking at {escape(name)}")


@contextmanager
def _bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    from tflprof.report.text import plain

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24, complete_style="cyan", pulse_style="cyan"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False, style="dim"),
    )
    with Display(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("starting", total=None, detail="")

        def report(progress: Progress) -> None:
            total = None if progress.fraction is None else 1.0
            display.update(
                task,
                description=plain(progress.stage),
                total=total,
                completed=progress.fraction or 0.0,
                detail=plain(progress.detail),
            )

        yield report


def _lines() -> Report:
    last: tuple[str, float] = ("", 0.0)

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if not settings.verbose and progress.stage != "stopping":
            return
        if progress.stage != last[0] or now - last[1] >= _SECONDS_BETWEEN_LINES:
            last = (progress.stage, now)
            share = "" if progress.fraction is None else f" {progress.fraction:.0%}"
            # The Ctrl-C that ends us ends also the reader of a pipe: no reason to lose what was measured.
            with contextlib.suppress(BrokenPipeError):
                say(f"{progress.stage}{share}: {progress.detail}")

    return report

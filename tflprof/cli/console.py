"""Standard output for results, standard error for everything else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 120


@dataclass
class Settings:
    """What the options before the verb chose."""

    verbose: bool = False


settings = Settings()


def result_console() -> Console:
    """A console on standard output; into a pipe or file it is 120 columns wide unless COLUMNS says otherwise."""
    from rich.console import Console

    class ResultConsole(Console):
        def on_broken_pipe(self) -> NoReturn:
            # rich would exit with 1, which means that a gate failed.
            raise BrokenPipeError

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return ResultConsole(highlight=False, markup=False, emoji=False, width=width)


def print_document(document: Any) -> None:
    """Print JSON on standard output."""
    from tflprof.report.document import to_text

    print(to_text(document))


def say(message: str) -> None:
    """One line on standard error."""
    from tflprof.report.text import plain

    print(plain(message), file=sys.stderr, flush=True)


def detail(message: str) -> None:
    """One line on standard error if ``-v`` was given."""
    if settings.verbose:
        say(message)


def show_log() -> None:
    """Let what is logged appear on standard error: warnings always, the rest if ``-v`` was given."""
    import logging

    class ToStandardError(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            (say if record.levelno >= logging.WARNING else detail)(self.format(record))

    log = logging.getLogger("tflprof")
    if not log.handlers:
        log.addHandler(ToStandardError())
        log.setLevel(logging.INFO)

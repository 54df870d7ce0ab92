"""From exceptions to one clear message and the exit status of :mod:`tflprof.errors`."""

from __future__ import annotations

import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec

import typer

from tflprof.cli.console import say, settings
from tflprof.cli.remedies import as_typed_here
from tflprof.errors import (
    EXIT_ENVIRONMENT,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PIPE,
    TflprofError,
)

P = ParamSpec("P")

_LACKING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS}


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command end with the exit status of what it raises, after one message on standard error."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every failure has its exit status
            raise typer.Exit(report_error(error)) from None

    return wrapper


def report_error(error: BaseException) -> int:
    """Say what went wrong on standard error; the exit status it means."""
    if isinstance(error, BrokenPipeError):
        silence_stdout()
        return EXIT_PIPE
    if isinstance(error, KeyboardInterrupt):
        say("interrupted")
        return EXIT_INTERRUPTED
    if settings.verbose:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, TflprofError):
        say(f"tflprof: error: {error.what}")
        if error.hint:
            say(f"  → {as_typed_here(error.hint)}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _LACKING:
        silence_stdout()
        say(f"tflprof: error: {error}")
        return EXIT_ENVIRONMENT
    kind = type(error).__name__
    say(
        f"tflprof: internal error: {kind}: {error}"
        + ("" if settings.verbose else " (tflprof -v … shows the traceback)")
    )
    return EXIT_INTERNAL


def silence_stdout() -> None:
    """Let the interpreter's last flush of a closed pipe or a full disk go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        # A replaced stdout (as in tests) has no descriptor, and nothing to silence.
        return

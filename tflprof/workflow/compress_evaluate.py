"""The user's own judgement of a model: a command that prints its accuracy."""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import signal
import subprocess
from pathlib import Path

from tflprof.errors import RunnerError, UsageError

PLACE = "{model}"
SECONDS = 3600.0
_TOLD = 400


def evaluate(command: str, model: Path, *, seconds: float = SECONDS) -> float:
    """Run a command on a model; the last line that it prints is the accuracy, higher is better.

    Args:
        command: split as a shell would, and run without one; ``{model}`` stands for the model's path, which
            otherwise comes last.
        model: the model's path.
        seconds: the longest it may take.

    Raises:
        UsageError: the command is empty, cannot be started, or its last line is no number.
        RunnerError: it failed or took too long.
    """
    words = _words(command)
    filled = [word.replace(PLACE, str(model)) for word in words]
    arguments = filled if filled != words else [*words, str(model)]
    try:
        done = _run(arguments, seconds)
    except subprocess.TimeoutExpired as error:
        raise RunnerError(
            f"--evaluate {words[0]} took longer than {seconds:g} s", "evaluate on less"
        ) from error
    except OSError as error:
        raise UsageError(
            f"--evaluate {command!r} cannot be started: {error.strerror or error}",
            "give a program that is on the path, or its full path",
        ) from error
    if done.returncode != 0:
        last = done.stderr.strip()[-_TOLD:] or "it said nothing on standard error"
        raise RunnerError(
            f"--evaluate {words[0]} failed with exit status {done.returncode} on {model}: {last}",
            "run it by hand with the path of the model",
        )
    return _number(done.stdout, words[0])


def _run(arguments: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run it as a group of its own, so that whatever ends this ends what it started, too."""
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--evaluate {command!r}: {error}", "check its quotes") from error
    if not words:
        raise UsageError(
            "--evaluate is empty", "give a command that prints the accuracy of the model it is given"
        )
    return words


def _number(printed: str, name: str) -> float:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    try:
        value = float(lines[-1])
    except (IndexError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        last = repr(lines[-1][-80:]) if lines else "nothing"
        raise UsageError(
            f"--evaluate {name}: the last line that it prints is to be a number, and it is {last}",
            "let it print the accuracy last, such as 0.913",
        )
    return value

"""``tflprof export``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, ProfilePath, Verbose
from tflprof.cli.outputs import check_outputs
from tflprof.errors import UsageError

_STDOUT = Path("-")


class Format(StrEnum):
    """What a profile can be exported to."""

    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    CHROME_TRACE = "chrome-trace"
    MODEL_EXPLORER = "model-explorer"
    BENCHMARK_PROTO = "benchmark-proto"


@guarded
def export(
    profile: ProfilePath,
    to: Annotated[Format, typer.Option("--format", help="What to write (docs/export.md).")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The file; - is standard output.")
    ] = _STDOUT,
    samples: Annotated[
        bool, typer.Option("--samples", help="csv, json: all raw samples, too; import reads the JSON back.")
    ] = False,
    inferences: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="chrome-trace: the first N inferences; default: 1000."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="markdown: the N most expensive layers; default: 15."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="model-explorer: the profiled model, if the profile asks for it."),
    ] = None,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Write a profile in the format of another program."""
    if output != _STDOUT:
        for path in [profile] + ([model] if model is not None else []):
            check_outputs(path, [output], force=force)
    from tflprof.profile.store import read_profile
    from tflprof.report.export.formats import BINARY, export_profile

    if output == _STDOUT and to.value in BINARY and _is_terminal():
        raise UsageError(f"{to.value} is no text for a terminal", "name a file with -o FILE, or use a pipe")
    data = export_profile(
        read_profile(profile), to.value, samples=samples, inferences=inferences, top=top, model=model
    )
    if output == _STDOUT:
        _print(data)
        return
    from tflprof.files import write_atomically

    write_atomically(output, lambda part: part.write_bytes(data))
    say(f"{to.value} saved as {output}")


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _print(data: bytes) -> None:
    """On a terminal names are shown as in tables, since there they could act."""
    if _is_terminal():
        from tflprof.report.text import plain

        print("\n".join(map(plain, data.decode("utf-8").splitlines())))
        return
    sys.stdout.flush()
    rest = memoryview(data)
    while rest:
        # Without a buffer (PYTHONUNBUFFERED) only a part may be taken, and what is wrong is told the next time.
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()

"""``tflprof clean``."""

from __future__ import annotations

from typing import Annotated

import typer

from tflprof.cli.console import result_console
from tflprof.cli.guard import guarded, report_error
from tflprof.cli.options import Verbose
from tflprof.errors import EXIT_OK


@guarded
def clean(
    target: Annotated[
        str, typer.Option(metavar="T", help="The phone: adb for the only one, or adb:SERIAL.")
    ] = "adb",
    every: Annotated[bool, typer.Option("--all", help="Every connected phone.")] = False,
    _verbose: Verbose = False,
) -> None:
    """Remove what profiling pushed to a phone, and what broken runs left on it."""
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.units import format_bytes
    from tflprof.workflow.clean import clean as remove

    status = EXIT_OK
    with HeldSignals(holding=False):
        for done in remove(target, every=every):
            if done.error is not None:
                result_console().print(f"{done.name} ({done.serial}): not cleaned")
                status = max(status, report_error(done.error))
                continue
            freed = "an unknown amount" if done.freed_bytes is None else format_bytes(done.freed_bytes)
            result_console().print(f"{done.name} ({done.serial}): freed {freed}")
    raise typer.Exit(status)

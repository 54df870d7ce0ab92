"""``tflprof import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, InOrder, Json, Top, Verbose
from tflprof.cli.outputs import check_outputs, save_page, save_profile
from tflprof.cli.show import present


@guarded
def import_command(
    logs: Annotated[
        list[str],
        typer.Argument(
            metavar="LOG...", help="What the tool printed or wrote, or exported JSON; - is standard input."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .tflite file that ran: rows become its layers."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Save the profile (.parquet).")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Save a report page.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call the device it ran on.")
    ] = None,
    run: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which run, if the log has several.")
    ] = None,
    top: Top = None,
    in_order: InOrder = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Make a profile of a log of benchmark_model or benchmark_litert_model, or of exported JSON (docs/import.md)."""
    inputs = [Path(log) for log in logs if log != "-"] + ([model] if model is not None else [])
    for path in inputs or [Path("-")]:
        check_outputs(path, [place for place in (output, html) if place is not None], force=force)
    from tflprof.workflow.import_log import import_log

    profile = import_log(logs, model=model, device=device, run=run)
    for number, text in profile.meta.conditions.get("unread_lines", ()):
        say(f"line {number} was not understood: {text.strip()}")
    if output is not None:
        save_profile(profile, output, force=force)
    if html is not None:
        save_page(profile, html, force=force)
    present(profile, top=top, in_order=in_order, json=json)

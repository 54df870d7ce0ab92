"""``tflprof targets``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, Json, Verbose
from tflprof.cli.remedies import as_typed_here
from tflprof.errors import UsageError


@guarded
def targets(
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save what a phone tells of itself, for a bug report; serial numbers and accounts are left out.",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="T", help="The phone to record: adb or adb:SERIAL.")
    ] = None,
    describe: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Everything known of one target or emulated phone: cores, caches, features, sources.",
        ),
    ] = None,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """List where models can run, and what is missing."""
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.report.target_table import print_targets, targets_document
    from tflprof.workflow.targets import list_targets, record_phone

    if describe is not None:
        if record is not None or target is not None:
            raise UsageError("--describe goes with neither --record nor --target", "leave the others out")
        _describe(describe, as_json=json)
        return
    if record is not None:
        with HeldSignals(holding=False):
            name = record_phone(record, target or "adb", overwrite=force)
        say(f"what {name} tells of itself saved as {record}; look through it before you give it away")
        return
    if target is not None:
        raise UsageError("--target says which phone to --record", "add --record FILE, or leave it out")
    with HeldSignals(holding=False):
        found = [replace(info, remedy=info.remedy and as_typed_here(info.remedy)) for info in list_targets()]
    if json:
        print_document(targets_document(found))
    else:
        print_targets(found, result_console())


def _describe(text: str, *, as_json: bool) -> None:
    from tflprof.measure.interrupt import HeldSignals
    from tflprof.report.target_description import description_document, print_description
    from tflprof.workflow.targets import describe_target

    with HeldSignals(holding=False):
        found = describe_target(text)
    found = replace(found, remedy=found.remedy and as_typed_here(found.remedy))
    document = description_document(found.to_json())
    if as_json:
        print_document(document)
    else:
        print_description(document["target"], result_console())

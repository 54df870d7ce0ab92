"""``tflprof doctor``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.console import result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, Verbose
from tflprof.cli.progress import looking_display, progress_display
from tflprof.cli.remedies import as_typed_here
from tflprof.errors import EXIT_ENVIRONMENT, TargetError

if TYPE_CHECKING:
    from tflprof.workflow.doctor import Check


@guarded
def doctor(
    build_emulator: Annotated[
        bool,
        typer.Option(
            "--build-emulator",
            help="First build an emulator that loads plugins, from Debian's source package, for your cache.",
        ),
    ] = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Tell what works on this machine, what is missing, and the command that mends it.

    Nothing is changed or installed unless --build-emulator asks for it. Exit status 3: no target works.
    """
    from tflprof.measure.interrupt import HeldSignals

    with HeldSignals(holding=False):
        if build_emulator:
            _build()
        from tflprof.workflow.doctor import examine, working_targets

        with looking_display() as tell:
            found = examine(tell)
        checks = [replace(check, remedy=check.remedy and as_typed_here(check.remedy)) for check in found]
        working = working_targets(checks)
        _show(checks, working, json=json)
    if not working:
        raise typer.Exit(EXIT_ENVIRONMENT)


def _build() -> None:
    from tflprof.measure.pipeline import Progress
    from tflprof.targets.build_log import CommandFailed
    from tflprof.targets.emulator import CHOICE, find_emulator
    from tflprof.targets.emulator_build import SPACE_BYTES, build_emulator
    from tflprof.targets.emulator_cache import emulator_directory
    from tflprof.units import format_bytes

    say(
        "building qemu-aarch64 with plugins: some 50 MB are fetched from Debian (its source package, through apt, "
        f"which checks its signature) and PyPI; it takes minutes, and {format_bytes(SPACE_BYTES)} while it lasts"
    )
    say(f"  it is kept in {emulator_directory()}; nothing is installed, and nothing of the system is changed")
    try:
        with progress_display() as report:
            path = build_emulator(lambda stage, share, what: report(Progress(stage, share, what)))
    except CommandFailed as error:
        for line in error.tail:
            say(f"  {line}")
        raise
    say(f"the emulator is {path}")
    with suppress(TargetError):  # what is wrong with the one that was chosen is among the checks
        used = find_emulator().path
        if used != path:
            say(
                f"  {used} fits, too, and is used before it; to use this one: "
                f"export {CHOICE}={shlex.quote(str(path))}"
            )


def _show(checks: Sequence[Check], working: Sequence[str], *, json: bool) -> None:
    from tflprof.report.doctor_table import doctor_document, print_doctor

    if json:
        # Not through what prints other documents: it needs packages that may be what is missing.
        from json import dumps

        print(dumps(doctor_document(checks, working), indent=2))
    else:
        print_doctor(checks, working, result_console())

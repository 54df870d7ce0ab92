"""Options of ``tflprof profile`` for phones: which cores, and what is done to the phone before it measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.options import is_typed
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.targets.adb.setup import PhoneSetup

_COOLEST, _WARMEST = 1.0, 100.0

Core = Annotated[
    str | None,
    typer.Option(
        metavar="C", help="Core: big, little, mid, prime or a CPU number; default: the target's choice."
    ),
]
Cores = Annotated[
    str | None,
    typer.Option(
        metavar="MASK", help="Cores for several threads: a mask such as 0xf0 or a list such as 4-7."
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Keep the phone awake and background work away, and restore it afterwards."),
]
Governor = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Frequency governor of the measured cores; needs a rooted phone."),
]
Frequency = Annotated[
    int | None,
    typer.Option(min=1, metavar="KHZ", help="Fixed frequency of the measured cores; needs a rooted phone."),
]
CoolTo = Annotated[
    float | None,
    typer.Option(
        min=_COOLEST,
        max=_WARMEST,
        metavar="C",
        help="Wait until battery and cores are at most so warm (°C), five minutes at most.",
    ),
]


def chosen_core(context: typer.Context, core: str | None, cores: str | None) -> str | None:
    """The choice that --core or --cores makes; what the command line says goes before the configuration.

    Raises UsageError for both, and for what is no mask and no list.
    """
    from tflprof.targets.cores import parse_cores

    if cores is None:
        return core
    if core is not None and is_typed(context, "core"):
        raise UsageError("--core and --cores exclude each other", "give one of them")
    if parse_cores(cores) is None:
        raise UsageError(
            f"--cores {cores}: expected a hexadecimal mask or a list of CPUs", "such as --cores 0xf0 or 4-7,0"
        )
    return cores


def phone_setup(
    context: typer.Context,
    target: str,
    *,
    quiet: bool,
    governor: str | None,
    frequency: int | None,
    cool_to: float | None,
) -> PhoneSetup | None:
    """What is to be done to the phone, None if nothing.

    On another target the configuration's wishes are left out; those of the command line raise UsageError.
    """
    wishes = {"quiet": quiet, "governor": governor, "frequency": frequency, "cool_to": cool_to}
    given = [name for name, value in wishes.items() if value]
    if target.partition(":")[0] != "adb":
        typed = [name for name in given if is_typed(context, name)]
        if typed:
            option = "--" + typed[0].replace("_", "-")
            raise UsageError(f"{option} is for phones, and {target} is none", "use it with --target adb")
        return None
    if not given:
        return None
    _check_ranges(frequency, cool_to)
    from tflprof.targets.adb.setup import PhoneSetup

    return PhoneSetup(quiet=quiet, governor=governor, frequency_khz=frequency, cool_to=cool_to)


def _check_ranges(frequency: int | None, cool_to: float | None) -> None:
    """Of values that a [[gate.case]] gives: those of options are checked where they are read."""
    if frequency is not None and frequency < 1:
        raise UsageError(f"--frequency must be at least 1 kHz, not {frequency}")
    if cool_to is not None and not _COOLEST <= cool_to <= _WARMEST:
        raise UsageError(f"--cool-to must be from {_COOLEST:g} to {_WARMEST:g} °C, not {cool_to:g}")

"""``tflprof calibrate``."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, Verbose
from tflprof.cli.phone_options import Core
from tflprof.cli.progress import progress_display
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.workflow.calibrate import Calibration, Measured

_UNITS = {"us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_FORM = "MODEL=TIME with a unit, such as model.tflite=86ms"


@guarded
def calibrate(
    phone: Annotated[
        str | None, typer.Argument(metavar="PHONE", help="The phone, as in emulated:PHONE.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Argument(readable=False, metavar="MODEL", help="With --profile: the .tflite file that ran."),
    ] = None,
    measured: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=TIME", help="A total measured on the phone (us, ms, s); repeatable."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A profile measured on the phone (--target adb).")
    ] = None,
    core: Core = None,
    source: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Where the measured times are from.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A file of anchors, for --anchors FILE."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what is kept, of PHONE or of all.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget the anchors of PHONE, or that of MODEL.")
    ] = False,
    json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="Keep times that are far from predicted.")] = False,
    _verbose: Verbose = False,
) -> None:
    """Scale the predictions of a phone to times that were measured on it (docs/calibrating.md)."""
    _check_choice(phone, measured, profile, show=show, forget=forget)
    if forget:
        _forget(str(phone), model, output, json=json)
        return
    from tflprof.workflow import calibrate as work

    if show:
        found = work.calibrations(phone, output)
    else:
        times, core = _times(str(phone), model, measured or [], profile, core, source)
        with progress_display() as report:
            found = [
                work.calibrate(str(phone), times, core=core, path=output, force=force, on_progress=report)
            ]
    if json:
        print_document({"schema_version": 1, "calibrations": [_document(one) for one in found]})
    else:
        _print(found, kept=show)
    for one in found:
        for doubt in one.doubts:
            say(f"doubt: {doubt}")


def _check_choice(
    phone: str | None, measured: list[str] | None, profile: Path | None, *, show: bool, forget: bool
) -> None:
    chosen = [
        name
        for name, given in (
            *(("--measured", measured), ("--profile", profile), ("--show", show), ("--forget", forget)),
        )
        if given
    ]
    if len(chosen) != 1:
        raise UsageError(
            f"{' and '.join(chosen)} do not go together" if chosen else "no measured time is given",
            "one of --measured MODEL=86ms, MODEL --profile FILE, --show and --forget",
        )
    if phone is None and not show:
        raise UsageError("no phone is given", "such as tflprof calibrate pixel2; see tflprof targets")


def _times(
    phone: str,
    model: Path | None,
    measured: list[str],
    profile: Path | None,
    core: str | None,
    source: str | None,
) -> tuple[list[Measured], str | None]:
    """The measured times, and the core they are of."""
    from dataclasses import replace

    from tflprof.workflow.calibrate import Measured

    if profile is not None:
        if model is None:
            raise UsageError(
                "--profile needs the model that ran", f"tflprof calibrate {phone} MODEL --profile …"
            )
        from tflprof.workflow.calibrate_profile import measured_by

        found, chosen = measured_by(profile, model, phone, core)
        return [replace(found, source=source or found.source)], chosen
    if model is not None:
        raise UsageError(f"{model} has no time", f"--measured {_FORM}")
    given = source or "given by hand"
    return [Measured(path, ns, given) for path, ns in map(parse_measured, measured)], core


def parse_measured(text: str) -> tuple[Path, float]:
    """``model.tflite=86ms`` as a path and nanoseconds. Raises UsageError for what is not of this form."""
    name, _, time = text.rpartition("=")
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?)\s*([a-zµμ]+)\s*", time)
    if not name or match is None or match[2] not in _UNITS:
        raise UsageError(f"--measured {text}: expected {_FORM}", "units are us, ms and s")
    ns = float(match[1]) * _UNITS[match[2]]
    if not ns > 0:
        raise UsageError(f"--measured {text}: a measured time must be above 0", f"expected {_FORM}")
    return Path(name), ns


def _forget(phone: str, model: Path | None, output: Path | None, *, json: bool) -> None:
    from tflprof.workflow.calibrate import forget, phone_of

    left = forget(phone, None if model is None else str(model), output)
    if json:
        print_document(
            {"schema_version": 1, "forgotten": left is not None, "left": [asdict(a) for a in left or ()]}
        )
    elif left is None:
        print(f"nothing was kept of {phone_of(phone).name}")
    else:
        print(f"forgotten: {'all anchors' if model is None else model.stem} of {phone_of(phone).name}")


def _document(one: Calibration) -> dict[str, Any]:
    return {
        "phone": one.phone,
        "core": one.basis.core,
        "hertz": one.basis.hertz,
        "cost": one.basis.mode,
        "costs_sha256": one.basis.costs_sha256,
        "current": one.current,
        "file": str(one.path),
        "scale": one.scale,
        "error": one.after.total,
        "layer_error": one.after.layer,
        "error_unanchored": one.before.total,
        "anchors": [
            asdict(anchor) | {"off_by_others": off}
            for anchor, off in zip(one.anchors, one.others, strict=True)
        ],
        "doubts": list(one.doubts),
    }


def _print(found: list[Calibration], *, kept: bool) -> None:
    if not found:
        print("nothing is kept: predictions are unanchored")
    for one in found:
        _print_one(one)
        if not kept:
            print(f"kept in {one.path}")


def _print_one(one: Calibration) -> None:
    from rich.table import Table

    from tflprof import units
    from tflprof.report.text import plain

    console = result_console()
    stale = "" if one.current else "; not used, its costs are not those of today: calibrate again"
    console.print(
        f"{one.phone}, {one.basis.core} at {one.basis.hertz / 1e9:.2f} GHz: predictions × {one.scale:.3f}{stale}"
    )
    table = Table(box=None, pad_edge=False)
    for head in ("model", "measured", "predicted", "scaled", "by the others", "from", "date"):
        right = head in ("measured", "predicted", "scaled", "by the others")
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for anchor, off in zip(one.anchors, one.others, strict=True):
        times = (anchor.measured_ns, anchor.predicted_ns, anchor.predicted_ns * one.scale)
        table.add_row(
            plain(anchor.model),
            *(units.format_value(ns, "ns") for ns in times),
            units.UNKNOWN if off is None else units.format_change(math.exp(off)),
            plain(anchor.source),
            anchor.date,
        )
    console.print(table)
    before, after = (_around(error.total) for error in (one.before, one.after))
    console.print(f"95 % interval of a total: {after} with these anchors, {before} without")


def _around(error: float) -> str:
    """Half an interval of a ratio: ``−17 … +20 %``."""
    from tflprof import units

    return units.format_change_interval(math.exp(-error), math.exp(error))

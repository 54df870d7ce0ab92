"""Measured times of a phone that predictions are scaled to: one TOML file for each phone (docs/calibrating.md)."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tflprof import units
from tflprof.errors import EnvironmentFault, UsageError
from tflprof.files import write_atomically
from tflprof.locking import exclusive

AUTO, NONE = "auto", "none"
VERSION = 1
MOST_SCALE = 100.0
"""Farther from 1 no scale can be: it is of another unit."""


@dataclass(frozen=True)
class Basis:
    """What an anchor must have been predicted with to be used: a core at a clock, its costs, and the mode."""

    core: str
    hertz: int
    costs_sha256: str
    mode: str


@dataclass(frozen=True)
class Anchor:
    """A model whose time on a phone is known.

    Attributes:
        model: its file's name without ``.tflite``.
        sha256: of the file.
        core: the core's costs, such as ``cortex-a73``; hertz: its clock.
        threads: of the measurement.
        mode: of the prediction, ``caches`` or ``cycles``.
        measured_ns: total of an inference on the phone.
        predicted_ns: the same as predicted, without any scale.
        costs_sha256: of the costs it was predicted with.
        source: where the measured time is from.
        date: of the calibration, such as ``2026-11-21``.
        element_type: of the model (:func:`tflprof.model.element_type.element_type`); empty: not known.
    """

    model: str
    sha256: str
    core: str
    hertz: int
    threads: int
    mode: str
    measured_ns: int
    predicted_ns: int
    costs_sha256: str
    source: str
    date: str
    element_type: str = ""

    @property
    def basis(self) -> Basis:
        """What it was predicted with."""
        return Basis(self.core, self.hertz, self.costs_sha256, self.mode)

    @property
    def group(self) -> tuple[Basis, str]:
        """What anchors share that predictions use together."""
        return self.basis, self.element_type

    @property
    def place(self) -> tuple[str, str, int, str]:
        """What there is one anchor of: a model on a core in a mode."""
        return self.sha256, self.core, self.hertz, self.mode

    @property
    def ratio(self) -> float:
        """Measured over predicted time."""
        return self.measured_ns / self.predicted_ns

    def text(self) -> str:
        """For people: ``mobilenet_v1: 86 ms measured, 88.1 ms predicted (my phone, 2026-11-21)``."""
        measured, predicted = (units.format_value(ns, "ns") for ns in (self.measured_ns, self.predicted_ns))
        return f"{self.model}: {measured} measured, {predicted} predicted ({self.source}, {self.date})"


@dataclass(frozen=True)
class Anchored:
    """What anchors make of a prediction.

    Attributes:
        scale: what its times are multiplied by.
        anchors: those it comes from; none: 1.0.
        same_type: False if they are not known to be of the predicted model's element type.
        notes: anchors of the phone that are not used, and why, as sentences.
    """

    scale: float = 1.0
    anchors: tuple[Anchor, ...] = ()
    notes: tuple[str, ...] = ()
    same_type: bool = True


def anchor_file(phone: str) -> Path:
    """Where a phone's anchors are kept: below XDG_DATA_HOME, by default ~/.local/share."""
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    data = base if base.is_absolute() else Path.home() / ".local" / "share"
    return data / "tflprof" / "anchors" / f"{phone}.toml"


def scale_of(anchors: Sequence[Anchor]) -> float:
    """Geometric mean of measured over predicted times; 1.0 of none."""
    if not anchors:
        return 1.0
    mean = math.fsum(math.log(anchor.ratio) for anchor in anchors) / len(anchors)
    # Logarithms may differ in their last digit between machines, predictions must not.
    return round(math.exp(mean), 6)


def scale_for(
    phone: str, basis: Basis, choice: str = AUTO, element_type: Callable[[], str] = str
) -> Anchored:
    """The scale of a phone's predictions, by anchors of the model's element type if there are any, or else by all.

    Args:
        phone: its name.
        basis: what predicts.
        choice: ``auto``: the user's anchors of this phone, if there are any; ``none``; or a file of anchors.
        element_type: of the model that is predicted; called where it matters.

    Raises:
        UsageError: the file is broken, of another phone, or has no anchor that can be used.
    """
    if choice == NONE:
        return Anchored()
    path = anchor_file(phone) if choice == AUTO else Path(choice)
    if choice == AUTO and not path.exists():
        return Anchored()
    anchors = read_anchors(path, phone)
    used = tuple(anchor for anchor in anchors if anchor.basis == basis)
    notes = tuple(_notes(phone, anchors, basis))
    if choice != AUTO and not used:
        raise UsageError(
            f"{path} has no anchor that can be used: {notes[0] if notes else 'it is empty'}",
            "or predict without: --anchors none",
        )
    wanted = element_type() if used else ""
    alike = tuple(anchor for anchor in used if wanted and anchor.element_type == wanted)
    return Anchored(scale_of(alike or used), alike or used, notes, same_type=bool(alike or not used))


def _notes(phone: str, anchors: Sequence[Anchor], basis: Basis) -> Iterator[str]:
    """Why anchors of the same core are not used, or that there are none."""
    here = [anchor for anchor in anchors if (anchor.core, anchor.hertz) == (basis.core, basis.hertz)]
    for anchor in (one for one in here if one.basis != basis):
        if anchor.mode != basis.mode:
            why = f"was predicted with --cost {anchor.mode}"
        else:
            why = f"was predicted with other costs of this core: tflprof calibrate {phone} again"
        yield f"the anchor {anchor.model} of {anchor.date} is not used: it {why}"
    if anchors and not here:
        others = sorted({f"{one.core} at {one.hertz / 1e9:.2f} GHz" for one in anchors})
        yield f"no anchor is of {basis.core} at {basis.hertz / 1e9:.2f} GHz; there are some of {', '.join(others)}"


def read_anchors(path: Path, phone: str) -> tuple[Anchor, ...]:
    """The anchors of a file. Raises UsageError if it is missing, broken, newer or of another phone."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no file of anchors {path}", "tflprof calibrate -o FILE makes one"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(path, phone, getattr(error, "strerror", None) or error) from error
    version = data.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"the anchors {path} are of version {version}, this tflprof reads version {VERSION}",
            "use the tflprof that wrote them, or calibrate again",
        )
    if version != VERSION:
        raise _broken(path, phone, "it has no version")
    if data.get("phone") != phone:
        raise UsageError(
            f"the anchors {path} are of the phone {data.get('phone')!r}, not of {phone!r}",
            f"tflprof calibrate {phone} makes anchors of this one",
        )
    try:
        return tuple(_anchor(entry) for entry in data.get("anchor", []))
    except (ValueError, TypeError, AttributeError) as error:
        raise _broken(path, phone, error) from error


def _anchor(entry: dict[str, Any]) -> Anchor:
    names = {one.name: str(one.type) for one in fields(Anchor)}
    entry = {"element_type": "", **entry}
    if set(entry) != set(names):
        wrong = ", ".join(sorted(set(entry) ^ set(names)))
        raise ValueError(f"an anchor lacks, or has and should not have: {wrong}")
    for name, kind in names.items():
        if type(entry[name]).__name__ != kind:
            raise ValueError(f"{name} must be of type {kind}, not {entry[name]!r}")
    anchor = Anchor(**entry)
    if min(anchor.measured_ns, anchor.predicted_ns, anchor.hertz) <= 0:
        raise ValueError(f"{anchor.model}: times and clock must be above 0")
    if anchor.threads != 1:
        raise ValueError(f"{anchor.model}: anchors are times of one thread, not of {anchor.threads}")
    if not 1 / MOST_SCALE <= anchor.ratio <= MOST_SCALE:
        raise ValueError(f"{anchor.model}: measured and predicted time are {anchor.ratio:.3g} times apart")
    return anchor


def _broken(path: Path, phone: str, why: object) -> UsageError:
    return UsageError(
        f"the anchors {path} cannot be read: {why}",
        f"mend the file, remove it (tflprof calibrate {phone} --forget), or predict without (--anchors none)",
    )


def change_anchors(
    path: Path, phone: str, change: Callable[[tuple[Anchor, ...]], Sequence[Anchor]]
) -> tuple[Anchor, ...]:
    """Replace a file's anchors by what ``change`` makes of them, while no other process does; returns the new ones.

    Raises:
        UsageError: the file is broken.
        EnvironmentFault: it cannot be written.
    """
    with _alone(path, phone):
        anchors = tuple(change(read_anchors(path, phone) if path.exists() else ()))
        text = _document(phone, anchors)
        write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))
    return anchors


def remove_anchors(path: Path, phone: str) -> bool:
    """Remove a file of anchors, even a broken one; False if there was none. Raises EnvironmentFault."""
    if not path.exists():
        return False
    with _alone(path, phone):
        path.unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _alone(path: Path, phone: str) -> Iterator[None]:
    """While no other process changes the user's anchors; files elsewhere are not shared."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path.with_name(".lock")) if path == anchor_file(phone) else contextlib.nullcontext():
            yield
    except OSError as error:
        raise EnvironmentFault(
            f"the anchors {path} cannot be changed: {error.strerror or error}",
            "set XDG_DATA_HOME to a folder that can be written, or give a file with -o FILE",
        ) from error


def _document(phone: str, anchors: Sequence[Anchor]) -> str:
    lines = [
        "# Measured times of a phone that predictions are scaled to; tflprof calibrate writes this file.",
        f"version = {VERSION}",
        f"phone = {_toml(phone)}",
    ]
    for anchor in anchors:
        lines += ["", "[[anchor]]", *(f"{name} = {_toml(value)}" for name, value in asdict(anchor).items())]
    return "\n".join(lines) + "\n"


def _toml(value: str | int) -> str:
    """A value as TOML: its basic strings are those of JSON, but for two things."""
    if isinstance(value, int):
        return str(value)
    text = value.encode("utf-8", "replace").decode("utf-8")
    return re.sub("\x7f", r"\\u007f", json.dumps(text, ensure_ascii=False))

"""Scaling the predictions of a phone to times measured on it (docs/calibrating.md)."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tflprof import units
from tflprof.errors import TargetError, UsageError
from tflprof.measure.pipeline import OnProgress
from tflprof.model.element_type import element_type
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.targets.anchors import (
    Anchor,
    Basis,
    anchor_file,
    change_anchors,
    read_anchors,
    remove_anchors,
    scale_of,
)
from tflprof.targets.cores import choose_cpus
from tflprof.targets.cost_table import costs_of
from tflprof.targets.phone import Phone, load_phone, phone_names
from tflprof.targets.prediction_error import Errors, errors
from tflprof.workflow.profile import Interrupted, profile_model

MODE = "caches"
LEAST_NS, MOST_NS = 1e3, 3.6e12
"""A measured time is between a microsecond and an hour."""
MOST_FACTOR = 3.0
"""Farther apart measured and predicted time are not of the same thing."""


@dataclass(frozen=True)
class Measured:
    """A time that was measured on a phone.

    Attributes:
        model: the .tflite file.
        ns: total of an inference.
        source: where it is from.
        signature, shapes: of the run, as in :func:`tflprof.profile_model`.
        doubts: what speaks against it, as sentences.
    """

    model: Path
    ns: float
    source: str
    signature: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """The anchors of one core of a phone and element type, and what they make of its predictions.

    Attributes:
        phone: its name.
        basis: core, clock, costs and mode of the predictions.
        path: the file the anchors are in.
        anchors: those of the basis.
        scale: what predictions are multiplied by.
        before, after: errors of predictions without and with them.
        others: what each anchor's prediction would be off by if only the others were there, as a natural logarithm;
            None of a single one.
        doubts: what speaks against the measured times, as sentences.
        current: False if the anchors are of other costs than those of today, so that they are not used.
    """

    phone: str
    basis: Basis
    path: Path
    anchors: tuple[Anchor, ...]
    scale: float
    before: Errors
    after: Errors
    others: tuple[float | None, ...]
    doubts: tuple[str, ...] = ()
    current: bool = True


def phone_of(text: str) -> Phone:
    """The phone called ``pixel2`` or ``emulated:pixel2``. Raises TargetError if there is none."""
    return load_phone(text.removeprefix("emulated:"))


def calibrate(
    phone: str,
    measured: Sequence[Measured],
    *,
    core: str | None = None,
    path: str | os.PathLike[str] | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Calibration:
    """Predict models whose time on a phone is known, and keep measured and predicted times as its anchors.

    A model that was an anchor of the core before gets its new time. Nothing is written before all are predicted.

    Args:
        phone: its name, such as ``pixel2``.
        measured: times of one thread on that core, with XNNPACK's kernels.
        core: ``big``, ``little`` and so on; None for the big one.
        path: a file of anchors to write to, in place of the user's own of this phone.
        force: keep a measured time that is far from the predicted one.
        on_progress: called now and then.

    Raises:
        UsageError: a time cannot be, is given twice for a model, or is far from the predicted one.
        TargetError: there is no such phone, core or costs.
        ModelError: a model cannot be read.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    known, place = phone_of(phone), anchor_file(phone_of(phone).name) if path is None else Path(path)
    if not measured:
        raise UsageError("no measured time is given", "such as --measured model.tflite=86ms")
    _check(measured)
    if place.exists():
        read_anchors(place, known.name)  # a broken file is no reason to emulate for nothing
    basis = basis_of(known, core)
    fresh = [_anchor(_predicted(known, one, core, on_progress), one) for one in measured]
    doubts = [
        doubt for one, anchor in zip(measured, fresh, strict=True) for doubt in _doubts(one, anchor, force)
    ]
    replaced = {anchor.place for anchor in fresh}
    anchors = change_anchors(
        place, known.name, lambda kept: [*(one for one in kept if one.place not in replaced), *fresh]
    )
    groups = {one.group for one in fresh}
    found = _calibration(known.name, basis, place, [one for one in anchors if one.group in groups])
    return replace(found, doubts=(*doubts, *_disagreement(found)))


def basis_of(phone: Phone, core: str | None) -> Basis:
    """Core, clock and costs that a choice of cores stands for. Raises UsageError, TargetError."""
    cpus = choose_cpus(phone.cpus, range(len(phone.cpus)), "big" if core is None else core, 1)
    costs = costs_of(phone, cpus[-1], MODE)
    return Basis(costs.name, costs.hertz, costs.sha256, MODE)


def calibrations(phone: str | None = None, path: str | os.PathLike[str] | None = None) -> list[Calibration]:
    """What is kept of one phone, or of all, by core. Raises UsageError if a file is broken."""
    names = phone_names() if phone is None else [phone_of(phone).name]
    found = []
    for name in names:
        place = anchor_file(name) if path is None else Path(path)
        anchors = read_anchors(place, name) if path is not None or place.exists() else ()
        for group in dict.fromkeys(one.group for one in anchors):
            own = _calibration(name, group[0], place, [one for one in anchors if one.group == group])
            found.append(replace(own, current=own.basis in _bases(load_phone(name))))
    return found


def forget(
    phone: str, model: str | None = None, path: str | os.PathLike[str] | None = None
) -> tuple[Anchor, ...] | None:
    """Remove the anchors of a phone, or those of one model.

    Args:
        phone: its name.
        model: name of the model, or its file; None for all, even of a broken file.
        path: the file they are in, None for the user's own.

    Returns:
        The anchors that are left; None if there were none before.

    Raises:
        UsageError: there is no anchor of this model.
    """
    name = phone_of(phone).name
    place = anchor_file(name) if path is None else Path(path)
    if model is None:
        return () if remove_anchors(place, name) else None
    wanted = model.removesuffix(".tflite").rpartition("/")[2]

    def without(anchors: tuple[Anchor, ...]) -> list[Anchor]:
        if wanted not in [anchor.model for anchor in anchors]:
            known = ", ".join(sorted({anchor.model for anchor in anchors})) or "none"
            raise UsageError(f"{name} has no anchor {wanted!r}", f"it has {known}")
        return [anchor for anchor in anchors if anchor.model != wanted]

    return change_anchors(place, name, without)


def _check(measured: Sequence[Measured]) -> None:
    """Raise UsageError for times that cannot be, ModelError for models that cannot be read."""
    seen: dict[str, Path] = {}
    for one in measured:
        if not LEAST_NS <= one.ns <= MOST_NS:
            raise UsageError(
                f"{one.model}: a measured time of {one.ns / 1e6:g} ms cannot be",
                "between 1 µs and an hour, as MODEL=86ms",
            )
        sha256 = read_model(one.model).sha256
        if sha256 in seen:
            raise UsageError(
                f"{one.model} and {seen[sha256]} are the same model", "give each model's time once"
            )
        seen[sha256] = one.model


def _predicted(phone: Phone, one: Measured, core: str | None, on_progress: OnProgress | None) -> Profile:
    try:
        return profile_model(
            one.model,
            target=f"emulated:{phone.name}",
            core=core,
            signature=one.signature,
            input_shapes=one.shapes,
            cost=MODE,
            anchors="none",
            on_progress=on_progress,
        )
    except Interrupted as stop:
        raise stop.cause from stop


def _anchor(profile: Profile, one: Measured) -> Anchor:
    prediction, total = profile.meta.prediction, profile.summary.total.typical
    if prediction is None or not total or profile.meta.model.sha256 is None:
        raise TargetError(f"{one.model} could not be predicted", None)
    return Anchor(
        model=profile.meta.model.name,
        sha256=profile.meta.model.sha256,
        core=prediction.core,
        hertz=prediction.hertz,
        threads=1,
        mode=prediction.mode,
        measured_ns=round(one.ns),
        predicted_ns=round(total),
        costs_sha256=prediction.costs_sha256,
        source=one.source,
        date=datetime.now(UTC).date().isoformat(),
        element_type=element_type(read_model(one.model)),
    )


def _doubts(one: Measured, anchor: Anchor, force: bool) -> Iterator[str]:
    """What speaks against a measured time. Raises UsageError for what is far off, unless it is forced."""
    yield from (f"{anchor.model}: {doubt}" for doubt in one.doubts)
    factor = math.exp(abs(math.log(anchor.ratio)))
    usual = math.exp(errors(anchor.core, anchor.mode, 0, 1).total)
    if factor <= min(usual, MOST_FACTOR):
        return
    measured, predicted = (units.format_value(ns, "ns") for ns in (anchor.measured_ns, anchor.predicted_ns))
    what = f"{anchor.model}: the measured {measured} are {anchor.ratio:.3g} times the predicted {predicted}"
    if factor > MOST_FACTOR and not force:
        raise UsageError(
            f"{what}; nothing was kept",
            "check unit, model file, core and threads of the measurement; --force keeps it all the same",
        )
    yield f"{what}, farther off than predictions usually are: check model, core, threads and clock"


def _disagreement(found: Calibration) -> Iterator[str]:
    for anchor, off in zip(found.anchors, found.others, strict=True):
        if off is not None and abs(off) > found.before.ratio:
            ns = anchor.measured_ns
            times = [units.format_value(value, "ns") for value in (ns * math.exp(off), ns)]
            yield (
                f"{anchor.model}: by the other anchors it would take {times[0]}, not the measured {times[1]}: "
                "one of them may be of another core, clock or version"
            )


def _bases(phone: Phone) -> Iterator[Basis]:
    """What the cores of a phone are predicted with today, those that have costs."""
    for cluster in phone.clusters:
        with contextlib.suppress(TargetError):
            yield basis_of(phone, str(cluster.cpus[0]))


def _calibration(name: str, basis: Basis, place: Path, anchors: Sequence[Anchor]) -> Calibration:
    logs = [math.log(anchor.ratio) for anchor in anchors]
    alike = len({anchor.group for anchor in anchors}) == 1
    return Calibration(
        phone=name,
        basis=basis,
        path=place,
        anchors=tuple(anchors),
        scale=scale_of(anchors),
        before=errors(basis.core, basis.mode, 0, 1),
        after=errors(basis.core, basis.mode, len(anchors), 1, same_type=alike),
        others=tuple(
            (math.fsum(logs) - own) / (len(logs) - 1) - own if len(logs) > 1 else None for own in logs
        ),
    )

"""Measure models beside a reference, in the same processes and block by block in turn: what drifts is in both."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tflprof.measure.interrupt import HeldSignals
from tflprof.measure.pairs import PairedMeasurement, PairPlan
from tflprof.measure.pipeline import OnProgress, Progress
from tflprof.measure.schedule import LOOKS
from tflprof.model.build import build_network
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences
from tflprof.targets.spec import parse_target
from tflprof.workflow.pairs import heed, open_pairs
from tflprof.workflow.run_options import RunOptions

MAX_SECONDS = 60.0
"""For a model and the reference together."""

_ALONE = ("rate", "sustain", "pmu")
"""Options of profiles that are not made beside another model."""


_UNDISTURBED = 0.05
"""Share of the inferences, the fastest ones, that are taken for those that nothing disturbed."""


@dataclass(frozen=True)
class Beside:
    """A model measured beside the reference.

    Attributes:
        profile: of the model.
        reference: typical time of the reference in the same processes, in the profile's unit, had it been disturbed
            as the model was.
    """

    profile: Profile
    reference: float


@functools.cache
def reference_model() -> bytes:
    """The reference's file: products of matrices, depthwise convolutions, 5 MB of weights; half a millisecond long."""
    return build_network("mobilenet_v1", size=128, width=0.5)


@functools.cache
def reference_sha256() -> str:
    """Which reference this is."""
    return hashlib.sha256(reference_model()).hexdigest()


def has_reference(target: str, **options: Any) -> bool:
    """Whether times measured there drift, and can be measured beside the reference."""
    return parse_target(target).kind != "emulated" and not any(options.get(name) for name in _ALONE)


def profile_beside(
    model: str | os.PathLike[str],
    target: str,
    *,
    max_seconds: float = MAX_SECONDS,
    precision: float = 0.01,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Beside:
    """Profile a model beside the reference.

    Args:
        model: path of a .tflite file.
        target: one that measures time.
        max_seconds: time budget for both together, looked at between processes.
        precision: wanted relative half-width of the model's total's 95 % interval.
        on_progress: called now and then.
        options: other arguments of :func:`tflprof.profile_model`, as far as a comparison takes them.

    Raises:
        TflprofError, KeyboardInterrupt: what cut it short; nothing is kept then.
    """
    known = {one.name for one in fields(RunOptions)}
    how = RunOptions(target, **{name: value for name, value in options.items() if name in known})
    plan = PairPlan(max_seconds, most=LOOKS[0])
    with (
        _reference_file() as reference,
        HeldSignals(holding=False) as held,
        open_pairs(model, reference, how, plan, on_progress or _ignore) as measurement,
    ):
        held.holding = True
        own, other = _measured(measurement, held, precision)
    typical = own.summary.total.typical
    assert typical is not None
    return Beside(own, typical * _undisturbed(other) / _undisturbed(own))


def _undisturbed(profile: Profile) -> float:
    """Time of the inferences that nothing disturbed: what comes in bursts hits two models in turn unequally."""
    found = select_inferences(profile.table, "plain", profile.meta.unit)
    return float(np.quantile(found.values, _UNDISTURBED))


def _measured(measurement: PairedMeasurement, held: HeldSignals, precision: float) -> tuple[Profile, Profile]:
    """Pairs until the model's total is known as precisely as wanted, or the time is over."""
    for number, look in enumerate(LOOKS, 1):
        whole = measurement.extend(look)
        heed(held, measurement)
        if measurement.cause is not None:
            raise measurement.cause
        made = measurement.profiles(LOOKS[:number])
        if not whole or _is_known(made[0], precision):
            break
    return made


def _is_known(profile: Profile, precision: float) -> bool:
    total = profile.summary.total
    if total.typical is None or total.lo is None or total.hi is None:
        return False
    return (total.hi - total.lo) / 2 <= precision * total.typical


@contextmanager
def _reference_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        path = Path(folder) / "reference.tflite"
        path.write_bytes(reference_model())
        yield path


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""

"""An endurance run over time: latency, frequency and heat by block, and the point where it slowed down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tflprof.levels import MIN_POINTS, first_slowdown
from tflprof.profile.meta import ProfileMeta

FloatArray = npt.NDArray[np.float64]

_NS = 1e9


@dataclass(frozen=True)
class Course:
    """Steady blocks without profiling in time order; all arrays are [blocks], unknown is NaN.

    Attributes:
        seconds: start of each block since the start of the first.
        latency: median of the block's inferences, ns.
        khz: frequency of the core after it, measured with a chain of additions where it was.
        celsius: temperature of the hottest zone after it.
    """

    seconds: FloatArray
    latency: FloatArray
    khz: FloatArray
    celsius: FloatArray


@dataclass(frozen=True)
class Throttling:
    """The first lasting slowdown.

    Attributes:
        seconds: since the start of the first block.
        before: median latency of the level before, ns; ``after``: of all that follows.
        khz_before: median frequency before and ``khz_after`` after that time, None if unknown.
        celsius: temperature then, None if unknown.
    """

    seconds: float
    before: float
    after: float
    khz_before: float | None
    khz_after: float | None
    celsius: float | None

    @property
    def slowdown(self) -> float:
        """How much longer an inference takes, relative."""
        return self.after / self.before - 1


@dataclass(frozen=True)
class Sustained:
    """What an endurance run showed.

    Attributes:
        course: latency, frequency and heat over time.
        throttling: the first lasting slowdown, None if there is none.
        conclusive: False if there were too few blocks to tell.
    """

    course: Course
    throttling: Throttling | None
    conclusive: bool


def sustained(meta: ProfileMeta, table: pa.Table) -> Sustained | None:
    """The course of an endurance run and its throttling point; None for other measurements."""
    if meta.schedule.sustain_seconds is None:
        return None
    course = _course(meta, table)
    shift = first_slowdown(course.latency)
    found = None
    if shift is not None:
        at = shift.index
        near = slice(max(0, at - 3), at + 3)
        found = Throttling(
            seconds=float(course.seconds[at]),
            before=shift.before,
            after=shift.after,
            khz_before=_median(course.khz[:at]),
            khz_after=_median(course.khz[at:]),
            celsius=_median(course.celsius[near]),
        )
    return Sustained(course, found, len(course.latency) >= MIN_POINTS)


def _course(meta: ProfileMeta, table: pa.Table) -> Course:
    mask = pc.invert(table["tainted"])
    wanted = (("kind", "inference"), ("variant", "plain"), ("phase", "steady"), ("counter", meta.unit))
    for name, value in wanted:
        mask = pc.and_(mask, pc.equal(table[name], value))
    frame = table.filter(mask)
    process, block = (_floats(frame, name).astype(np.int64) for name in ("process", "block"))
    values = _floats(frame, "value")
    # Rows of a block are neighbours, in order of arrival.
    firsts = np.flatnonzero(np.diff(process, prepend=-1) | np.diff(block, prepend=-1))
    told, measured = (_floats(frame, name)[firsts] for name in ("khz", "chain_khz"))
    return Course(
        seconds=seconds_since_first(_floats(frame, "t")[firsts], process[firsts]),
        latency=np.array([np.median(part) for part in np.split(values, firsts[1:])] if len(firsts) else []),
        khz=np.where(np.isnan(measured), told, measured),
        celsius=_floats(frame, "millicelsius")[firsts] / 1000,
    )


def seconds_since_first(starts: FloatArray, process: npt.NDArray[np.int64]) -> FloatArray:
    """Seconds since the first start, [n], of starts in ns in the order of their processes, [n].

    A device that was restarted counts anew: its clock is set on behind the last.
    """
    if not len(starts):
        return starts
    steps = np.diff(starts, prepend=starts[0])
    steps[(steps < 0) & (np.diff(process, prepend=process[0]) != 0)] = 0.0
    return np.cumsum(steps) / _NS


def _median(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _floats(frame: pa.Table, name: str) -> FloatArray:
    return np.asarray(frame[name].cast(pa.float64()).fill_null(float("nan")), dtype=np.float64)

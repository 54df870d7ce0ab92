"""What several threads make of one: the constants of the model (``tflprof/measure/parallel.py``) from published times.

XNNPACK's README has times of one and of several threads of the same networks on three phones. The time of one thread
is taken as published; its parts (work, waiting for memory, kernels) are those of the emulated core. Efficiency and
the time of synchronising are then what fits the times of several threads best, in relative terms.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from benchmarks import common
from benchmarks.prediction_runs import Cache, Emulated
from benchmarks.published_times import Point, read_points
from tflprof.measure.parallel import SharedWork, shared_work
from tflprof.profile.blocks import read_blocks
from tflprof.profile.profile import Profile

FloatArray = npt.NDArray[np.float64]

SOURCE = "xnnpack_readme"


@dataclass(frozen=True)
class Shared:
    """A published time of several threads, and the emulation of the same network.

    Attributes:
        alone, point: published times of one and of several threads.
        profile: of one thread, emulated.
        work: how threads share it, without what is fitted.
        hertz: the core's clock.
    """

    alone: Point
    point: Point
    profile: Profile
    work: SharedWork
    hertz: int

    def ms(self, efficiency: float, sync_ns: float) -> float:
        """The time of several threads with these constants, if one takes as long as published."""
        work = replace(self.work, efficiency=efficiency, sync_cycles=sync_ns * self.hertz / 1e9)
        return self.alone.ms * _cycles(self.profile, work) / _cycles(self.profile, None)


def shared(alone: Point, point: Point, emulated: Emulated) -> Shared:
    """A published time of several threads beside that of one, and its emulation."""
    work = shared_work(emulated.costs, point.threads)
    assert work is not None
    return Shared(alone, point, emulated.profile, work, emulated.costs.hertz)


def fit(rows: Sequence[Shared]) -> tuple[float, float]:
    """Efficiency (at most 1) and ns of a sync (at least 0) with the least squares of relative errors."""

    def errors(constants: FloatArray) -> FloatArray:
        return np.array([row.ms(constants[0], 1e3 * constants[1]) / row.point.ms - 1 for row in rows])

    best = least_squares(errors, [0.9, 10.0], bounds=([0.1, 0.0], [1.0, 1000.0]))
    return float(best.x[0]), 1e3 * float(best.x[1])


def _cycles(profile: Profile, work: SharedWork | None) -> float:
    """Cycles of the last profiled inference, as several threads share it."""
    cycles, lines = (_last(profile, counter) for counter in ("cycles", "dram_lines"))
    structure = profile.meta.alignment.structures[cycles[1]]
    own, moved = (_exclusive(np.array(one[2], dtype=float), structure.parent) for one in (cycles, lines))
    rest = float(cycles[0] - own.sum())
    return rest + float((own if work is None else work.shared(structure, own, moved, rest)).sum())


def _last(profile: Profile, counter: str) -> tuple[int, int, list[int]]:
    block = [one for one in read_blocks(profile.table, counter) if one.phase == "steady" and one.events][-1]
    return block.values[-1], block.structures[-1], list(block.events[-1])


def _exclusive(events: FloatArray, parent: tuple[int, ...]) -> FloatArray:
    own, parents = events.copy(), np.asarray(parent)
    np.subtract.at(own, parents[parents >= 0], events[parents >= 0])
    return own


def main() -> None:
    """Fit and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    out = parser.parse_args().out
    points = [point for point in read_points() if point.source.name == SOURCE]
    single = {(point.device, point.network): point for point in points if point.threads == 1}
    cache, found = Cache(), []
    for point in (point for point in points if point.threads > 1):
        alone = single[point.device, point.network]
        found.append(shared(alone, point, cache.emulated(alone)))
    lines, constants = [], {}
    for threads in sorted({one.point.threads for one in found}):
        rows = [one for one in found if one.point.threads == threads]
        efficiency, sync = fit(rows)
        constants[str(threads)] = {"efficiency": round(efficiency, 3), "sync_ns": round(sync)}
        lines += [_line(one, one.ms(efficiency, sync)) for one in rows]
    told = (
        f"{threads} threads: efficiency {one['efficiency']:.3f}, {one['sync_ns'] / 1e3:.1f} µs for each kernel"
        for threads, one in constants.items()
    )
    head = ("phone", "network", "threads", "1 thread, ms", "published, ms", "fitted, ms", "off by")
    text = "\n\n".join([*told, common.table(head, lines)])
    common.publish(
        "prediction_threads", "Several threads: what was fitted", text, {"constants": constants}, out
    )


def _line(one: Shared, ms: float) -> tuple[str, ...]:
    point = one.point
    return (
        *(point.device, point.network, str(point.threads), f"{one.alone.ms:g}"),
        *(f"{point.ms:g}", f"{ms:.1f}", f"{ms / point.ms - 1:+.1%}"),
    )


if __name__ == "__main__":
    main()

"""What several threads make of one: the constants of the model (``tflprof/measure/parallel.py``) from published times.

XNNPACK's README has times of one and of several threads of the same networks on three phones. The time of one thread
is taken as published; its parts (work, waiting for memory, kernels) are those of the emulated core. Efficiency and
the time of synchronising are then what fits the times of several threads best, in relative terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import lsq_linear

from benchmarks.prediction_runs import Cache, Emulated
from benchmarks.published_times import Point, read_points
from tflprof.measure.parallel import SharedWork, shared_work
from tflprof.profile.blocks import read_blocks
from tflprof.profile.profile import Profile

SOURCE = "xnnpack_readme"


@dataclass(frozen=True)
class Parts:
    """An inference on several threads, ms: what cannot be changed, what efficiency divides, what each sync costs."""

    point: Point
    fixed: float
    work: float
    kernels: float

    def ms(self, efficiency: float, sync_ns: float) -> float:
        """Its time with these constants."""
        return self.fixed + self.work / efficiency + self.kernels * sync_ns / 1e6


def parts(single: Point, several: Point, emulated: Emulated) -> Parts:
    """The parts of a time of several threads, scaled so that one thread takes as long as published."""
    profile, work = emulated.profile, shared_work(emulated.costs, several.threads)
    assert work is not None
    bare = replace(work, sync_cycles=0.0, efficiency=1.0)
    whole = _cycles(profile, None)
    scale = single.ms / whole
    divided = (_cycles(profile, replace(bare, efficiency=0.5)) - _cycles(profile, bare)) * scale
    kernels = _cycles(profile, replace(bare, sync_cycles=1.0)) - _cycles(profile, bare)
    return Parts(several, _cycles(profile, bare) * scale - divided, divided, kernels)


def fit(found: Iterable[Parts]) -> tuple[float, float]:
    """Efficiency (at most 1) and ns of a sync (at least 0) with the least squares of relative errors."""
    rows = list(found)
    left = np.array([[one.work, one.kernels] for one in rows])
    right = np.array([one.point.ms - one.fixed for one in rows])
    weight = np.array([1 / one.point.ms for one in rows])
    best = lsq_linear(left * weight[:, np.newaxis], right * weight, ([1.0, 0.0], [np.inf, np.inf]))
    return 1 / float(best.x[0]), float(best.x[1]) * 1e6


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


def _exclusive(events: np.ndarray, parent: tuple[int, ...]) -> np.ndarray:
    own, parents = events.copy(), np.asarray(parent)
    np.subtract.at(own, parents[parents >= 0], events[parents >= 0])
    return own


def main() -> None:
    """Fit and print."""
    points = [point for point in read_points() if point.source.name == SOURCE]
    single = {(point.device, point.network): point for point in points if point.threads == 1}
    several = [point for point in points if point.threads > 1]
    cache = Cache()
    found = []
    for point in several:
        alone = single[point.device, point.network]
        found.append(parts(alone, point, cache.emulated(alone)))
    for threads in sorted({one.point.threads for one in found}):
        rows = [one for one in found if one.point.threads == threads]
        efficiency, sync = fit(rows)
        print(f"{threads} threads: efficiency {efficiency:.3f}, sync {sync / 1e3:.1f} µs")
        for one in rows:
            before, ms = single[one.point.device, one.point.network].ms, one.ms(efficiency, sync)
            print(
                f"  {one.point.device}: {one.point.network}: 1 thread {before:g}, published {one.point.ms:g}, "
                f"fitted {ms:.1f} ms ({ms / one.point.ms - 1:+.1%}); {one.kernels:.0f} kernels"
            )


if __name__ == "__main__":
    main()

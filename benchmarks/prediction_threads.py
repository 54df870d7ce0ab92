"""What several threads make of one: the constants of the model (``tflprof/measure/parallel.py``) from published times.

XNNPACK's README has times of one and of several threads of the same networks on three phones. The time of one thread
is taken as published; its parts (work, waiting for memory, kernels) are those of the emulated core. Efficiency and
the time of synchronising are then what fits the times of several threads best, in relative terms.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from benchmarks import common
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
    """Fit and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    out = parser.parse_args().out
    points = [point for point in read_points() if point.source.name == SOURCE]
    single = {(point.device, point.network): point for point in points if point.threads == 1}
    cache = Cache()
    found = []
    for point in (point for point in points if point.threads > 1):
        alone = single[point.device, point.network]
        found.append((alone, parts(alone, point, cache.emulated(alone))))
    lines, constants = [], {}
    for threads in sorted({one.point.threads for _, one in found}):
        rows = [(alone, one) for alone, one in found if one.point.threads == threads]
        efficiency, sync = fit([one for _, one in rows])
        constants[str(threads)] = {"efficiency": round(efficiency, 3), "sync_ns": round(sync)}
        lines += [_line(alone, one, one.ms(efficiency, sync)) for alone, one in rows]
    told = (
        f"{threads} threads: efficiency {one['efficiency']:.3f}, {one['sync_ns'] / 1e3:.1f} µs for each kernel"
        for threads, one in constants.items()
    )
    head = ("phone", "network", "threads", "kernels", "1 thread, ms", "published, ms", "fitted, ms", "off by")
    text = "\n\n".join([*told, common.table(head, lines)])
    common.publish(
        "prediction_threads", "Several threads: what was fitted", text, {"constants": constants}, out
    )


def _line(alone: Point, one: Parts, ms: float) -> tuple[str, ...]:
    point = one.point
    return (
        *(point.device, point.network, str(point.threads), f"{one.kernels:.0f}"),
        *(f"{alone.ms:g}", f"{point.ms:g}", f"{ms:.1f}", f"{ms / point.ms - 1:+.1%}"),
    )


if __name__ == "__main__":
    main()

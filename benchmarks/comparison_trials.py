"""Comparisons replayed from pools of process pairs, through the code that judges live ones, and the rules of others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tflprof.analysis.compared import Compared, compared_rows, compared_total
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.analysis.match import match_rows
from tflprof.analysis.paired import LOOKS, SPENT, judged, pair_matrix, undecided
from tflprof.analysis.together import paired_differences
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences
from tflprof.profile.store import read_profile

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

POOLS = Path(__file__).resolve().parent.parent / "build" / "comparison_pools"
LATER = POOLS.parent / "comparison_pools_later"
"""Pools that were measured when the method was settled."""
THRESHOLD = 0.01
RUNS = 50
PERCENT_RULES = (0.01, 0.02, 0.03, 0.05, 0.10)
PERCENTILE_RULE = "median of B above the 90th percentile of A"
CHANGED = ("faster", "slower")


@dataclass(frozen=True)
class Trial:
    """One comparison: its last look.

    Attributes:
        rejected: if anything was, whatever its size, at the last look.
        rejected_ever: or at any look before.
    """

    pairs: int
    total: Difference
    layers: tuple[Difference, ...]
    rejected: bool
    rejected_ever: bool

    @property
    def alarm(self) -> bool:
        """True if anything is called changed."""
        return any(row.status in CHANGED for row in (self.total, *self.layers))

    def layer(self, name: str) -> Difference:
        """The row of a layer of A."""
        return next(row for row in self.layers if row.a is not None and row.a.name == name)


@dataclass(frozen=True)
class Pool:
    """Process pairs of two models, in time order.

    Attributes:
        values: log(B / A), [pairs, 1 + rows].
        runs: the first 50 steady inferences of each process, ns, [pairs, side, runs].
        seconds: time it took to measure them.
    """

    name: str
    values: FloatArray
    resolution: FloatArray
    total: Compared
    rows: tuple[Compared, ...]
    runs: FloatArray
    seconds: float

    def trial(self, chosen: IntArray) -> Trial:
        """Compare by the pairs [40] at these positions, with as many looks as it takes."""
        return trial(self.values[chosen], self.resolution, self.total, self.rows)


def trial(values: FloatArray, resolution: FloatArray, total: Compared, rows: tuple[Compared, ...]) -> Trial:
    """A comparison by the first 10, 20 or 40 of the pairs [40, 1 + rows], as a live one would look at them."""
    ever = False
    for look, pairs in enumerate(LOOKS, 1):
        result = judged(values[:pairs], resolution, look)
        whole, layers = paired_differences(result, total, rows, THRESHOLD, "ns")
        rejected = any(row.rejected for row in (result.total, *result.rows))
        ever |= rejected
        if not undecided(whole, layers):
            break
    return Trial(pairs, whole, layers, rejected, ever)


def live_trial(comparison: Comparison) -> Trial:
    """The same of a live comparison; what it rejected before its last look is not known."""
    assert comparison.pairs is not None
    assert comparison.looks is not None
    level = SPENT[comparison.looks - 1]
    ps = [row.p for row in (comparison.total, *comparison.layers) if row.p is not None]
    rejected = bool(ps) and min(ps) <= level
    return Trial(comparison.pairs, comparison.total, comparison.layers, rejected, rejected)


def window(rng: np.random.Generator, pairs: int, stretch: int = LOOKS[-1]) -> IntArray:
    """Positions [40] of stretches of consecutive pairs, drawn at random and apart; each begins a balanced two."""
    count = LOOKS[-1] // stretch
    gaps = np.sort(rng.integers(0, (pairs - LOOKS[-1]) // 2 + 1, count))
    starts = 2 * gaps + stretch * np.arange(count)
    return np.asarray((rng.permutation(starts)[:, np.newaxis] + np.arange(stretch)).ravel(), dtype=np.int64)


def read_pool(name: str, folder: Path = POOLS) -> Pool:
    """A pool from its files. Raises FileNotFoundError if it was not collected."""
    parts = [
        (read_profile(path), read_profile(path.with_name(path.name.replace("_a.", "_b."))))
        for path in sorted((folder / name).glob("*_a.parquet"))
    ]
    if not parts:
        raise FileNotFoundError(f"there is no pool {name}: python -m benchmarks.comparison_pools")
    matches = match_rows(parts[0][0].meta, parts[0][1].meta)
    matrices = [pair_matrix(a, b, match_rows(a.meta, b.meta)) for a, b in parts]
    return Pool(
        name,
        np.vstack([matrix.values for matrix in matrices]),
        np.median([matrix.resolution for matrix in matrices], axis=0),
        compared_total(*parts[0]),
        compared_rows(*parts[0], matches),
        np.concatenate([_runs(a, b) for a, b in parts]),
        sum(json.loads(path.read_text())["seconds"] for path in (folder / name).glob("*.json")),
    )


def other_rules(runs_a: FloatArray, runs_b: FloatArray) -> dict[str, bool]:
    """What the rules of others call changed, of 50 runs of A in one process and 50 of B in another."""
    change = runs_b.mean() / runs_a.mean() - 1
    alarms = {f"mean of {RUNS} runs, {level:.0%}": bool(change > level) for level in PERCENT_RULES}
    return alarms | {PERCENTILE_RULE: bool(np.median(runs_b) > np.quantile(runs_a, 0.9))}


def of_others(rng: np.random.Generator, runs: FloatArray) -> dict[str, bool]:
    """The rules of others on 50 runs of A in one process of a pool [pairs, side, runs] and 50 of B in the next."""
    at = int(rng.integers(0, len(runs) - 1))
    return other_rules(runs[at, 0], runs[at + 1, 1])


def first_runs(profile: Profile) -> dict[int, FloatArray]:
    """The first 50 steady unprofiled inferences of each process that has so many, ns."""
    plain = select_inferences(profile.table, "plain", profile.meta.unit)
    runs = {
        int(one): plain.values[plain.process == one].astype(np.float64) for one in np.unique(plain.process)
    }
    return {process: values[:RUNS] for process, values in runs.items() if len(values) >= RUNS}


def _runs(a: Profile, b: Profile) -> FloatArray:
    of_a, of_b = first_runs(a), first_runs(b)
    both = [[of_a[process], of_b[process]] for process in of_a if process in of_b]
    return np.array(both).reshape(-1, 2, RUNS)


def rates(found: list[dict[str, bool]]) -> dict[str, float]:
    """Share of trials in which each rule speaks."""
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def share(count: int, of: int) -> str:
    """A count with the exact 95 % interval of its rate."""
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(0.95, "exact")
    return f"{count} of {of} ({count / of:.1%}) [{low:.1%}, {high:.1%}]"


def autocorrelation(values: FloatArray) -> float:
    """Lag-1 autocorrelation."""
    centred = values - values.mean()
    return float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())


def interval(values: FloatArray) -> tuple[float, float, float]:
    """Mean and its 95 % interval, of independent values."""
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5
    mean = float(values.mean())
    return mean, mean - half, mean + half


def position(pool: Pool, name: str) -> int:
    """Which row is a layer of A."""
    return next(
        at for at, row in enumerate(pool.rows) if row.blank.a is not None and row.blank.a.name == name
    )

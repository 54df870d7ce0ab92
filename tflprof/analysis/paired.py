"""Two profiles that were measured in the same processes, block by block in turn: what differs (docs/comparing.md).

The unit of repetition is the process pair. In each round of a process both models run one block right after the
other, so that drift of the machine cancels: a pair's estimate is the median over its rounds of
log(median of B's block / median of A's block). A pair matrix has the total in its first column and every matched row
after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tflprof.analysis.comparison import Comparison, Difference
from tflprof.analysis.signflip import sign_flip
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences, select_rounds
from tflprof.profile.summary import row_samples

if TYPE_CHECKING:
    from tflprof.analysis.match import RowMatch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LOOKS = (10, 20, 40)
"""Numbers of pairs after which the result is looked at."""
SPENT = (0.002, 0.003, 0.005)
"""Error that each look may make; a look before its time (the time ran out) is the one it was on the way to."""
ALPHA = sum(SPENT)
"""Family-wise error of all looks together."""

_USABLE = 0.95
"""Share of a pair's rounds in which a row must have taken time on both sides."""


@dataclass(frozen=True)
class PairedRow:
    """The total or a row: logarithm of B over A.

    Attributes:
        estimate: mean over the pairs; None if there is no pair.
        lo: lower end of the interval; None, as are ``hi`` and ``p``, if it cannot be told.
        p: adjusted p-value of *no difference*.
        rejected: there is a difference; the interval excludes 0 if so and only then.
    """

    estimate: float | None
    lo: float | None
    hi: float | None
    p: float | None
    rejected: bool


@dataclass(frozen=True)
class PairedResult:
    """Everything, tested together.

    Attributes:
        pairs: process pairs it rests on.
        looks: times they were looked at, this time included.
        alpha: what this look may err; :data:`ALPHA` is what all of them may.
        rows: in the order of the matches.
    """

    pairs: int
    looks: int
    alpha: float
    total: PairedRow
    rows: tuple[PairedRow, ...]


@dataclass(frozen=True)
class PairMatrix:
    """What the test needs.

    Attributes:
        values: log(B / A), NaN where it cannot be told, [pairs, 1 + rows].
        resolution: step of the clock against the smaller side, [1 + rows].
    """

    values: FloatArray
    resolution: FloatArray


def paired_result(a: Profile, b: Profile, matches: Sequence[RowMatch]) -> PairedResult:
    """What differs, at the looks that the profiles name; the same whenever it is asked.

    Raises:
        ValueError: the profiles do not say that they were measured together.
    """
    if a.meta.pairing is None or b.meta.pairing is None or a.meta.pairing.id != b.meta.pairing.id:
        raise ValueError("the profiles were not measured together")
    looks = a.meta.pairing.looks
    matrix = pair_matrix(a, b, matches, looks[-1] if looks else None)
    return judged(matrix.values, matrix.resolution, len(looks))


def judged(values: FloatArray, resolution: FloatArray, looks: int) -> PairedResult:
    """The result of a pair matrix [pairs, 1 + rows] that is looked at for the so manieth time."""
    # All error is spent after the last look: who looks more often learns nothing more.
    alpha = SPENT[looks - 1] if 1 <= looks <= len(SPENT) else 0.0
    found = sign_flip(values, alpha, resolution)
    columns = zip(found.estimate, found.lo, found.hi, found.p, found.rejected, strict=True)
    total, *rows = (
        PairedRow(_known(estimate), _known(lo), _known(hi), _known(p), bool(rejected))
        for estimate, lo, hi, p, rejected in columns
    )
    return PairedResult(len(values), looks, alpha, total, tuple(rows))


def more_needed(comparison: Comparison) -> bool:
    """True if more pairs could tell what this look could not, see :func:`undecided`."""
    return undecided(comparison.total, comparison.layers)


def undecided(total: Difference, layers: Iterable[Difference]) -> bool:
    """True if the total is inconclusive, or a row is a suspect: its difference would matter, were it not chance."""
    return total.status == "inconclusive" or any(map(_is_suspect, layers))


def _is_suspect(row: Difference) -> bool:
    if row.difference is None or row.threshold is None:
        return False
    return row.status == "inconclusive" and abs(row.difference) > row.threshold


def pair_matrix(a: Profile, b: Profile, matches: Sequence[RowMatch], most: int | None = None) -> PairMatrix:
    """Estimates of the processes that both profiles have undisturbed rounds of, in time order.

    No more than the first ``most`` of them. A row without a side has NaN only, and so has a pair in which a row took no
    time in more than a few rounds.
    """
    variant = "plain" if all(len(_totals(profile, "plain")) for profile in (a, b)) else "profiled"
    total = _PairedBlocks(_totals(a, variant), _places(a, variant), _totals(b, variant), _places(b, variant))
    rows = _PairedBlocks(
        _matched_rows(a, [match.a_rows for match in matches]),
        _places(a, "profiled"),
        _matched_rows(b, [match.b_rows for match in matches]),
        _places(b, "profiled"),
    )
    # A process that broke before its first round of the one kind would take the place of a whole one.
    whole = np.intersect1d(total.process, rows.process if matches else total.process)
    processes = (whole if len(whole) else np.union1d(total.process, rows.process))[:most]
    values = np.hstack([total.estimates(processes), rows.estimates(processes)])
    smaller = np.concatenate([total.smaller(processes), rows.smaller(processes)])
    tick = float(max(a.meta.clock.tick or 0, b.meta.clock.tick or 0))
    resolution = np.divide(tick, smaller, out=np.zeros(len(smaller)), where=smaller > 0)
    return PairMatrix(values, resolution)


class _PairedBlocks:
    """Blocks of both sides that ran in the same round, by the medians of their inferences.

    Args:
        a: cost of each inference, NaN if there is no such row, [inferences, columns].
        a_places: process and round of each, [inferences] each.
        b: the same of the other side.
    """

    def __init__(
        self,
        a: FloatArray,
        a_places: tuple[IntArray, IntArray],
        b: FloatArray,
        b_places: tuple[IntArray, IntArray],
    ) -> None:
        a_keys, a_medians = _block_medians(a, *a_places)
        b_keys, b_medians = _block_medians(b, *b_places)
        keys, in_a, in_b = np.intersect1d(a_keys, b_keys, assume_unique=True, return_indices=True)
        self.process = keys >> _SHIFT
        self.a, self.b = a_medians[in_a], b_medians[in_b]

    def estimates(self, processes: IntArray) -> FloatArray:
        """Median over the rounds of log(B / A) of each process, [processes, columns]."""
        both = (self.a > 0) & (self.b > 0)
        ratio = np.divide(self.b, self.a, out=np.full(self.a.shape, np.nan), where=both)
        logs = np.log(ratio)
        found = np.full((len(processes), logs.shape[1]), np.nan)
        for at, process in enumerate(processes):
            own = logs[self.process == process]
            known = np.isfinite(own).mean(axis=0) >= _USABLE if len(own) else np.zeros(own.shape[1], np.bool_)
            found[at, known] = np.nanmedian(own[:, known], axis=0)
        return found

    def smaller(self, processes: IntArray) -> FloatArray:
        """Typical cost of the cheaper side in these processes, NaN if unknown, [columns]."""
        own = np.isin(self.process, processes)
        if not own.any():
            return np.full(self.a.shape[1], np.nan)
        return np.minimum(np.median(self.a[own], axis=0), np.median(self.b[own], axis=0))


_SHIFT = 32
"""Process and round as one number."""


def _block_medians(values: FloatArray, process: IntArray, turn: IntArray) -> tuple[IntArray, FloatArray]:
    """Keys of the rounds, ascending, and the medians over the inferences of each, [rounds, columns]."""
    keys, where, counts = np.unique((process << _SHIFT) + turn, return_inverse=True, return_counts=True)
    order = np.argsort(where, kind="stable")
    first = np.cumsum(counts) - counts
    medians = np.empty((len(keys), values.shape[1]))
    for count in np.unique(counts):
        blocks = np.flatnonzero(counts == count)
        members = order[first[blocks][:, np.newaxis] + np.arange(count)]
        medians[blocks] = np.median(values[members], axis=1)
    return keys, medians


def _totals(profile: Profile, variant: str) -> FloatArray:
    """Duration of each steady inference, [inferences, 1]."""
    values = select_inferences(profile.table, variant, profile.meta.unit).values
    return values[:, np.newaxis].astype(np.float64)


def _places(profile: Profile, variant: str) -> tuple[IntArray, IntArray]:
    return select_rounds(profile.table, variant, profile.meta.unit)


def _matched_rows(profile: Profile, wanted: Sequence[tuple[int, ...]]) -> FloatArray:
    """Cost of the rows of each match together, NaN where there are none, [inferences, matches]."""
    rows = row_samples(profile.meta, profile.table)
    coefficients = np.zeros((rows.shape[1], len(wanted)))
    for column, members in enumerate(wanted):
        coefficients[list(members), column] = 1.0
    costs: FloatArray = rows @ coefficients
    costs[:, [not members for members in wanted]] = np.nan
    return costs


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Sums over many candidate models at once: 10^5 a second, so that a search may ask about all of its candidates.

Errors of layers of one family are taken to be correlated by one half, since they come from one fit and one session.
Those of different families are taken to be independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflprof.analysis.table_lookup import Estimate
from tflprof.op_config import OpConfig
from tflprof.op_memory import activation_bytes
from tflprof.profile.latency_refetch import Refetch, fetched_bytes
from tflprof.profile.latency_rows import Overheads, TableMeta

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KINDS = ("exact", "interpolated", "extrapolated", "missing")
"""Kinds of estimates, in the order of the counts of :class:`Predictions`."""
EXACT = 0
SHARED = 0.5
"""Correlation of the errors of layers of one family."""
_BITS = 15
"""Of the number of layers of one kind in a candidate."""
_CHUNK = 4096
"""Candidates that are summed at once: what is needed meanwhile stays in a cache."""


@dataclass(frozen=True)
class Predictions:
    """Totals of candidate models, [candidates] each, in the table's unit.

    Attributes:
        total: cost of one inference; NaN where a layer is missing from the table.
        lo, hi: 95 % interval, of the table's own errors.
        instructions: likewise, NaN where one is unknown.
        kinds: layers by :data:`KINDS`, [candidates, 4].
    """

    total: FloatArray
    lo: FloatArray
    hi: FloatArray
    instructions: FloatArray
    kinds: IntArray

    def __len__(self) -> int:
        return len(self.total)

    @property
    def missing(self) -> IntArray:
        """Layers per candidate of which the table knows nothing."""
        return self.kinds[:, KINDS.index("missing")]


class Memory(NamedTuple):
    """Bytes that a layer touches: of weights for one vector, of other weights, of the model's input, of all data."""

    vector: float
    matrix: float
    image: float
    activations: float

    @classmethod
    def of(cls, config: OpConfig) -> Memory:
        """Of a configuration."""
        return cls(*fetched_bytes(config), activation_bytes(config))


class Codes:
    """Costs behind numbers, as arrays; number 0 is no layer and costs nothing."""

    def __init__(self) -> None:
        self._costs = np.zeros((1, 3))
        self._memory = np.zeros((1, 4))
        self._kinds = np.full(1, -1, dtype=np.int64)
        self._groups = np.zeros(1, dtype=np.int64)
        self._names: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def extend(self, estimates: Sequence[Estimate], groups: Sequence[str], memory: Sequence[Memory]) -> None:
        """Give further numbers to estimates, whose errors go together within a group."""
        costs = [(one.value, _half(one), _count(one)) for one in estimates]
        numbers = [self._names.setdefault(group, len(self._names)) for group in groups]
        self._costs = np.vstack([self._costs, np.array(costs, dtype=float).reshape(-1, 3)])
        self._memory = np.vstack([self._memory, np.array(memory, dtype=float).reshape(-1, 4)])
        self._kinds = np.append(self._kinds, [KINDS.index(one.kind) for one in estimates])
        self._groups = np.append(self._groups, np.array(numbers, dtype=np.int64))

    def sums(self, batch: IntArray) -> tuple[FloatArray, FloatArray, FloatArray, IntArray, IntArray]:
        """Values, half-widths, instructions, kinds [n, 4] and layers of candidates [n, slots]."""
        values, halves, counts = self._costs.T
        seen = np.zeros(len(self), dtype=np.bool_)
        seen[batch] = True
        squares = (1 - SHARED) * _summed(halves**2, batch)
        for group in np.unique(self._groups[seen]):
            squares += SHARED * _summed(np.where(self._groups == group, halves, 0.0), batch) ** 2
        # Counts of all kinds in one number each: many times as fast as counting them apart.
        packed = _summed(np.where(self._kinds >= 0, 1 << (_BITS * np.maximum(self._kinds, 0)), 0), batch)
        kinds = packed[:, None] >> (_BITS * np.arange(len(KINDS))) & ((1 << _BITS) - 1)
        return _summed(values, batch), np.sqrt(squares), _summed(counts, batch), kinds, kinds.sum(axis=1)

    def refetched(self, batch: IntArray, refetch: Refetch) -> FloatArray:
        """What candidates [n, slots] cost for weights that are fetched again."""
        *kinds, activations = self._memory.T
        vector, matrix, image = (_summed(kind, batch) for kind in kinds)
        largest = np.ascontiguousarray(activations).take(batch).max(axis=1, initial=0.0)
        touched = vector + matrix + largest
        found: FloatArray = (
            vector * np.interp(touched, refetch.touched, refetch.vector)
            + matrix * np.interp(touched, refetch.touched, refetch.matrix)
            + image * np.interp(touched, refetch.touched, refetch.image)
        )
        return found


def _summed(costs: npt.NDArray[Any], batch: IntArray) -> npt.NDArray[Any]:
    """Sums over the layers of candidates."""
    sums: npt.NDArray[Any] = np.einsum("ij->i", np.ascontiguousarray(costs).take(batch))
    return sums


def sum_up(batch: npt.NDArray[Any], codes: Codes, meta: TableMeta, parts: int) -> Predictions:
    """Totals of candidates [candidates, slots], see :meth:`tflprof.LatencyTable.predict`."""
    if batch.ndim != 2 or not np.issubdtype(batch.dtype, np.integer):
        raise ValueError(f"expected whole numbers [candidates, slots], not {batch.dtype} {batch.shape}")
    if batch.shape[1] >= 1 << _BITS:
        raise ValueError(
            f"candidates have fewer than {1 << _BITS} slots, numbers of layers, not {batch.shape[1]}"
        )
    if batch.size and not (batch.min() >= 0 and batch.max() < len(codes)):
        raise ValueError(f"the numbers must be from encode(), 0 to {len(codes) - 1}")
    overheads = meta.overheads
    count = overheads.instructions or Overheads()
    chunks = [batch[at : at + _CHUNK] for at in range(0, max(len(batch), 1), _CHUNK)]
    sums = [codes.sums(chunk) for chunk in chunks]
    values, halves, instructions, kinds, layers = (
        np.concatenate(column) for column in zip(*sums, strict=True)
    )
    if meta.refetch is not None:
        values += np.concatenate([codes.refetched(chunk, meta.refetch) for chunk in chunks])
    total = values + overhead_of(overheads, parts, layers)
    half = np.hypot(np.hypot(halves, overheads.spread), overheads.share * total)
    return Predictions(
        total=total,
        lo=np.maximum(total - half, 0.0),
        hi=total + half,
        instructions=instructions + overhead_of(count, parts, layers),
        kinds=kinds,
    )


def overhead_of(overheads: Overheads, parts: int, layers: Any) -> Any:
    """What totals have beyond their rows."""
    return overheads.model + overheads.part * parts + overheads.layer * layers


def half_width(estimate: Estimate) -> float:
    """Half the width of an estimate's interval, NaN if it is missing."""
    return (estimate.hi - estimate.lo) / 2


def _half(estimate: Estimate) -> float:
    return half_width(estimate) if estimate.known else float("nan")


def _count(estimate: Estimate) -> float:
    return float("nan") if estimate.instructions is None else estimate.instructions

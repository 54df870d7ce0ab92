"""A whole model by a latency table: its layers' estimates, what comes on top, and an interval of the sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tflprof.analysis.table_batch import SHARED, half_width, overhead_of
from tflprof.analysis.table_lookup import Estimate
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import Overheads, TableMeta


class LayerLike(Protocol):
    """What is needed of a layer: :class:`tflprof.model.configs.LayerConfig` has it."""

    @property
    def id(self) -> str:
        """``subgraph/op``."""

    @property
    def name(self) -> str:
        """Name of its first output."""

    @property
    def config(self) -> OpConfig:
        """What it is."""

    @property
    def first(self) -> bool:
        """Whether it is the first kernel of the model or of a partition."""

    @property
    def uncosted(self) -> str | None:
        """Why it has no cost of its own, None if it has."""


def is_free(layer: LayerLike) -> bool:
    """Whether a layer costs nothing of its own: its work is done in another one, or when the model is loaded."""
    return layer.uncosted is not None and layer.uncosted.startswith("done ")


@dataclass(frozen=True)
class PredictedLayer:
    """One layer: ``estimate`` is None where it has no cost of its own, and ``uncosted`` says why."""

    id: str
    name: str
    config: OpConfig
    estimate: Estimate | None
    uncosted: str | None


@dataclass(frozen=True)
class TablePrediction:
    """A whole model.

    Attributes:
        layers: all of them in file order.
        total: one inference, in the table's unit; None if a layer is missing.
        lo, hi: 95 % interval of the total by the table's own errors; None without a total.
        model_error: half-width as a natural logarithm of a ratio by which predicted times may be off altogether, on a
            phone; 0 for measured ones and counts.
        instructions: of the total, where they are known.
        overhead: what of the total is no layer's, such as the runtime's own work.
        overhead_instructions: likewise; None if unknown.
        missing: layers of which the table knows nothing.
    """

    layers: tuple[PredictedLayer, ...]
    total: float | None
    lo: float | None
    hi: float | None
    model_error: float
    instructions: float | None
    overhead: float
    overhead_instructions: float | None
    missing: tuple[PredictedLayer, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """Layers with a cost of their own by kind of estimate."""
        found: dict[str, int] = {}
        for layer in self.layers:
            if layer.estimate is not None:
                found[layer.estimate.kind] = found.get(layer.estimate.kind, 0) + 1
        return found

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the total on the device: the table's errors and that of predicted times together."""
        if self.total is None or self.lo is None or self.hi is None:
            return None
        return widened(self.total, self.lo, self.hi, self.model_error)


def widened(value: float, lo: float, hi: float, error: float) -> tuple[float, float]:
    """An interval with a further, independent error, the half-width of a logarithm."""
    if value <= 0 or not error:
        return lo, hi
    below = math.hypot(math.log(value / max(lo, value * 1e-6)), error)
    above = math.hypot(math.log(max(hi, value) / value), error)
    return value * math.exp(-below), value * math.exp(above)


def predict_layers(
    layers: Sequence[LayerLike],
    found: Mapping[str, Estimate],
    groups: Mapping[str, str],
    meta: TableMeta,
) -> TablePrediction:
    """Put estimates of layers together.

    Args:
        layers: all layers of a model.
        found: estimates by id, of those that have a cost of their own.
        groups: whose errors go together, by id.
        meta: of the table.
    """
    predicted = tuple(
        PredictedLayer(layer.id, layer.name, layer.config, found.get(layer.id), layer.uncosted)
        for layer in layers
    )
    missing = tuple(layer for layer in predicted if layer.estimate is not None and not layer.estimate.known)
    parts = sum(layer.first for layer in layers)
    overhead = float(overhead_of(meta.overheads, parts, len(found)))
    counted = meta.overheads.instructions
    count = None if counted is None else float(overhead_of(counted, parts, len(found)))
    total = None if missing else sum(one.value for one in found.values()) + overhead
    half = math.hypot(_half(found, groups, meta.overheads), meta.overheads.share * (total or 0.0))
    return TablePrediction(
        layers=predicted,
        total=total,
        lo=None if total is None else max(total - half, 0.0),
        hi=None if total is None else total + half,
        model_error=0.0 if meta.prediction is None else meta.prediction.error,
        instructions=total if meta.unit == "instructions" else _counts(found, count, bool(missing)),
        overhead=overhead,
        overhead_instructions=overhead if meta.unit == "instructions" else count,
        missing=missing,
    )


def _half(found: Mapping[str, Estimate], groups: Mapping[str, str], overheads: Overheads) -> float:
    together: dict[str, float] = {}
    apart = 0.0
    for name, estimate in found.items():
        if estimate.known:
            half = half_width(estimate)
            together[groups[name]] = together.get(groups[name], 0.0) + half
            apart += half**2
    shared = sum(half**2 for half in together.values())
    return math.sqrt(SHARED * shared + (1 - SHARED) * apart + overheads.spread**2)


def _counts(found: Mapping[str, Estimate], overhead: float | None, missing: bool) -> float | None:
    counts = [one.instructions for one in found.values()]
    if missing or not counts or any(count is None for count in counts):
        return None
    return sum(count for count in counts if count is not None) + (overhead or 0.0)

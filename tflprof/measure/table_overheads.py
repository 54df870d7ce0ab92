"""What a model's total has beyond its rows: fitted to the models that were measured for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from tflprof.model.configs import LayerConfig
from tflprof.profile.latency_rows import Overheads
from tflprof.profile.profile import Profile

FloatArray = npt.NDArray[np.float64]

_TERMS = ((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0))
"""Which of model, part and layer may be told from models; the fewest first."""

_MANY = 40
"""Models whose errors tell where 95 % of them lie."""


@dataclass(frozen=True)
class Rest:
    """What one measured model had beyond its rows.

    Attributes:
        value: in the table's unit.
        instructions: the same in instructions; None where they were not counted beside.
        parts: of its graph that a delegate took, counted as predictions count them.
        layers: that ran.
        plain: True if its total is that of the unprofiled twin: others have the profiler's own cost in it.
        total: of an inference, in the table's unit.
        noisy: True if it was measured: then what it is off by grows with ``total``.
    """

    value: float
    instructions: float | None
    parts: int
    layers: int
    plain: bool
    total: float = 1.0
    noisy: bool = False


def rest_of(profile: Profile, layers: Sequence[LayerConfig]) -> Rest | None:
    """What a model's total has beyond its rows; None if its profile does not tell."""
    summary = profile.summary
    value = summary.unattributed.typical
    if value is None:
        return None
    counts = None if profile.counts is None else profile.counts.summary.unattributed.typical
    return Rest(
        value=value,
        instructions=counts,
        parts=sum(layer.first for layer in layers),
        layers=sum(layer.uncosted is None for layer in layers),
        plain=summary.overhead is not None,
        total=summary.total.typical or 1.0,
        noisy=not profile.meta.deterministic,
    )


def overheads(rests: Sequence[Rest]) -> Overheads:
    """The overheads that explain these best, of unprofiled totals where there are any. No measured one is negative."""
    chosen = [rest for rest in rests if rest.plain] or list(rests)
    if not chosen:
        return Overheads()
    found = _fitted(chosen, [rest.value for rest in chosen])
    counts = [rest.instructions for rest in chosen if rest.instructions is not None]
    if len(counts) != len(chosen):
        return found
    return replace(found, instructions=_fitted(chosen, counts))


def _fitted(rests: Sequence[Rest], values: Sequence[float]) -> Overheads:
    """By as many terms as foretell models that they were not fitted to best."""
    noisy = any(rest.noisy for rest in rests)
    scales = np.array([rest.total if noisy else 1.0 for rest in rests])
    wanted = np.asarray(values, dtype=np.float64) / scales
    counts = np.array([[1.0, rest.parts, rest.layers] for rest in rests]) / scales[:, None]
    mask = min(_TERMS, key=lambda terms: _foretold(counts * terms, wanted, noisy=noisy))
    terms = _solved(counts * mask, wanted, noisy=noisy)
    off = np.abs(wanted - counts @ terms)
    model, part, layer = (float(term) for term in terms)
    half = float(2 * off.max(initial=0.0))
    if noisy and len(off) >= _MANY:
        # Of many measured models some are always disturbed.
        half = float(np.quantile(off, 0.95))
    spread, share = (0.0, half) if noisy else (half, 0.0)
    return Overheads(model, part, layer, spread, len(rests), share)


def _solved(counts: FloatArray, wanted: FloatArray, *, noisy: bool) -> FloatArray:
    """Least squares; of measured times without negative terms, which only noise makes."""
    if not noisy:
        return np.asarray(np.linalg.lstsq(counts, wanted, rcond=None)[0], dtype=np.float64)
    # Terms may be millionths of each other, and so small that they would pass for nothing.
    sizes = np.linalg.norm(counts, axis=0)
    sizes[sizes == 0] = 1.0
    size = float(np.linalg.norm(wanted)) or 1.0
    return np.asarray(nnls(counts / sizes, wanted / size)[0] * size / sizes, dtype=np.float64)


def _foretold(counts: FloatArray, wanted: FloatArray, *, noisy: bool) -> float:
    """Mean square error of each model by the others; infinite if these do not tell the terms apart."""
    terms = int(np.count_nonzero(counts.any(axis=0)))
    if terms == 1 and len(wanted) == 1:
        return 0.0
    errors = []
    for left in range(len(wanted)):
        others = np.arange(len(wanted)) != left
        if np.linalg.matrix_rank(counts[others]) < terms:
            return float("inf")
        terms_of_others = _solved(counts[others], wanted[others], noisy=noisy)
        errors.append(float(wanted[left] - counts[left] @ terms_of_others))
    return float(np.mean(np.square(errors)))

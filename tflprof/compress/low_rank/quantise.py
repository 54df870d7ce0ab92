"""Integers for factorised layers: weights per channel, ranges of what lies between from what really comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank.factors import Factor, Floats
from tflprof.model.graph import Quantisation

_SHRINK = (1.1, 1.0, 0.9, 0.8, 0.7, 0.6)
"""Shares of the range seen that are tried: a little saturation may cost less than coarse steps."""

_LEAST_SCALE = 1e-4
"""Of the largest scale of a layer: what is smaller is rounded away by the result's own steps."""

_ENOUGH = 64
_MANY = 8192
_MARGIN = 0.5
_DEVIATIONS = 4.2
"""Where little was seen, ranges reach beyond it, by the margin over the root of the number of places and as far as
so many standard deviations of any channel: one value that saturates costs more than coarser steps. Where much was, they
are not cut nearer: other data has other extremes."""


@dataclass(frozen=True)
class Integers:
    """Constant integers, with the real numbers they stand for."""

    values: npt.NDArray[Any]
    quantisation: Quantisation
    real: Floats


@dataclass(frozen=True)
class QuantisedFactor:
    """One stage in integers; ``output`` is None for the last, whose result keeps the range it has."""

    weights: Integers
    bias: Integers
    output: Quantisation | None


def quantised_weights(weights: Floats, dtype: str, kind: str) -> Integers:
    """Weights (outputs, …) as int8 without zero-point, per channel or all alike, or as uint8 with one."""
    if dtype == "uint8":
        return _asymmetric(weights)
    axes = tuple(range(1 if kind == "channel" else 0, weights.ndim))
    largest = np.abs(weights).max(axis=axes, keepdims=True)
    largest = np.maximum(largest, max(float(largest.max()) * _LEAST_SCALE, 1e-9))
    scale = (largest / 127).astype(np.float32).astype(np.float64)
    values = np.rint(weights / scale).clip(-127, 127)
    flat = tuple(scale.reshape(-1).tolist())
    return Integers(
        values.astype(np.int8), Quantisation(kind, flat, (0,) * len(flat), 0), np.asarray(values * scale)
    )


def _asymmetric(weights: Floats) -> Integers:
    found = _range(weights, "uint8")
    scale, zero = found.scale[0], found.zero_point[0]
    values = np.clip(np.rint(weights / scale) + zero, 0, 255)
    return Integers(values.astype(np.uint8), found, (values - zero) * scale)


def quantised_bias(bias: Floats, input_scale: float, weights: Quantisation) -> Integers:
    """A bias as int32 in steps of the products."""
    scale = np.broadcast_to(np.asarray(weights.scale) * input_scale, bias.shape)
    values = np.rint(bias / scale).clip(-(1 << 31), (1 << 31) - 1)
    steps = tuple(float(value) for value in (scale if weights.kind == "channel" else scale[:1]))
    quantisation = Quantisation(weights.kind, steps, (0,) * len(steps), 0)
    return Integers(values.astype(np.int32), quantisation, values * scale)


def quantised_chain(
    factors: Sequence[Factor],
    wanted: Floats,
    windows: Floats,
    input_scale: float,
    dtype: str,
    kind: str,
    *,
    refit: bool,
    turn: bool = True,
) -> list[QuantisedFactor]:
    """All stages in integers, one after the other, each on what the ones before really give.

    Args:
        factors: the stages.
        wanted: what the layer makes of the windows: what is missing on average is added to the last bias.
        windows: what the layer's kernel sees, (places, rows, columns, inputs), real.
        input_scale: of the layer's input.
        dtype: ``int8`` or ``uint8``, of weights and activations.
        kind: ``channel`` or ``tensor``, of the weights.
        refit: whether the last stage makes up on what comes in for what the others lose.
        turn: whether channels between may be mixed, so that they are alike; they are scaled to one size at any rate.
    """
    return _chain(_alike(factors, windows, turn), wanted, windows, input_scale, dtype, kind, refit)


def kept_chain(
    factors: Sequence[Factor], between: Quantisation, input_scale: float, dtype: str, kind: str
) -> list[QuantisedFactor]:
    """Two stages of which one only passes on what the layer itself reads or makes.

    Args:
        factors: the stages.
        between: quantisation of what lies between, that of the layer's input or result: nothing is rounded twice.
        input_scale: of the layer's input.
        dtype: as of :func:`quantised_chain`.
        kind: likewise.
    """
    done = []
    for factor, scale, output in zip(factors, (input_scale, between.scale[0]), (between, None), strict=True):
        weights = quantised_weights(factor.weights, dtype, kind)
        done.append(
            QuantisedFactor(weights, quantised_bias(factor.bias, scale, weights.quantisation), output)
        )
    return done


def _alike(factors: Sequence[Factor], windows: Floats, turn: bool) -> list[Factor]:
    """Stages with the channels between them alike, which is free: turned, and scaled to one size.

    One step size has to do for all channels, and its rounding reaches the result by the energy of the next stage's
    weights. With scales S shared evenly (√S | √S), that is in proportion to max(S)·ΣS as it stands, to ΣS² with all
    channels scaled to one size, and to (ΣS)² over the rank turned, the least there is.
    """
    found, seen = list(factors), windows
    for place in range(len(factors) - 1):
        first, second = found[place], found[place + 1]
        if turn:
            mixing = _turn(len(first.bias))
            first = Factor(np.tensordot(mixing, first.weights, 1), mixing @ first.bias)
            second = Factor(second.weights @ mixing.T, second.bias)
        seen = convolved(seen, first)
        size = seen.reshape(-1, seen.shape[-1]).std(axis=0)
        by = np.maximum(size / max(float(size.max()), 1e-30), 1e-3)
        found[place] = Factor(first.weights / by[:, None, None, None], first.bias / by)
        found[place + 1] = Factor(second.weights * by, second.bias)
        seen = seen / by
    return found


def _turn(size: int) -> Floats:
    """A rotation in which every channel takes part alike in every other (Hartley's), of channels in no order."""
    angles = 2 * np.pi / size * np.outer(np.arange(size), np.arange(size))
    mixed = (np.cos(angles) + np.sin(angles)) / size**0.5
    return np.asarray(mixed[:, np.random.default_rng(0).permutation(size)])


def _chain(
    factors: Sequence[Factor],
    wanted: Floats,
    windows: Floats,
    input_scale: float,
    dtype: str,
    kind: str,
    refit: bool,
) -> list[QuantisedFactor]:
    """All stages in integers."""
    seen, scale = windows, input_scale
    done: list[QuantisedFactor] = []
    for factor in factors[:-1]:
        weights = quantised_weights(factor.weights, dtype, kind)
        bias = quantised_bias(factor.bias, scale, weights.quantisation)
        seen = convolved(seen, Factor(weights.real, bias.real))
        output = _range_between(seen, dtype)
        seen = _rounded(seen, output, dtype)
        done.append(QuantisedFactor(weights, bias, output))
        scale = output.scale[0]
    last = _refitted(factors[-1], seen, wanted) if refit else factors[-1]
    weights = quantised_weights(last.weights, dtype, kind)
    given = convolved(seen, Factor(weights.real, last.bias))
    bias = quantised_bias(last.bias + missing(wanted, given), scale, weights.quantisation)
    return [*done, QuantisedFactor(weights, bias, None)]


def _refitted(factor: Factor, seen: Floats, wanted: Floats) -> Factor:
    """The last stage made up for what the integers before it lost, as far as there are places enough to tell."""
    outputs, inputs = factor.weights.shape[0], int(np.prod(factor.weights.shape[1:]))
    if len(seen) < _ENOUGH:
        return factor
    rows = seen.reshape(len(seen), -1)
    lack = (wanted - convolved(seen, factor)).reshape(-1, outputs)
    centred = rows - rows.mean(axis=0)
    moments = centred.T @ centred / len(rows)
    held = inputs / len(rows) * float(np.trace(moments)) / inputs
    change = np.linalg.solve(moments + held * np.eye(inputs), centred.T @ lack / len(rows))
    return Factor(factor.weights + change.T.reshape(factor.weights.shape), factor.bias)


def missing(wanted: Floats, found: Floats) -> Floats:
    """What results (places, …, outputs) lack on average, per output; nothing if there are too few places to tell."""
    if len(wanted) < _ENOUGH:
        return np.zeros(wanted.shape[-1])
    return np.asarray((wanted - found).reshape(-1, wanted.shape[-1]).mean(axis=0))


def convolved(windows: Floats, factor: Factor) -> Floats:
    """A stage over windows: rows and columns that its kernel does not span stay, (places, rows, columns, outputs)."""
    places, rows, columns, inputs = windows.shape
    outputs, high, wide, _ = factor.weights.shape
    split = windows.reshape(places, rows // high, high, columns // wide, wide, inputs)
    flat = split.transpose(0, 1, 3, 2, 4, 5).reshape(-1, high * wide * inputs)
    result = flat @ factor.weights.reshape(outputs, -1).T + factor.bias
    return np.asarray(result.reshape(places, rows // high, columns // wide, outputs))


def _range_between(values: Floats, dtype: str) -> Quantisation:
    """The range of what lies between two stages, (places, …, channels)."""
    rows = values.reshape(-1, values.shape[-1])
    mean, reach = rows.mean(axis=0), _DEVIATIONS * rows.std(axis=0)
    usual = float((mean - reach).min()), float((mean + reach).max())
    if values.size >= _MANY:
        return _range(values, dtype, _SHRINK, usual)
    ends = np.concatenate([rows.min(axis=0), rows.max(axis=0)]) * (1 + _MARGIN / max(len(values), 1) ** 0.5)
    return _range(np.concatenate([ends, usual]), dtype)


def _range(
    values: Floats,
    dtype: str,
    shrink: Sequence[float] = (1.0,),
    usual: tuple[float, float] = (0.0, 0.0),
) -> Quantisation:
    """The range of least rounding and saturation error; zero is always one of its steps.

    Args:
        values: that are to be held.
        dtype: of the integers.
        shrink: shares of the whole range that are tried.
        usual: no end is cut nearer to zero than these.
    """
    low, high = min(float(values.min(initial=0.0)), 0.0), max(float(values.max(initial=0.0)), 0.0)
    least, most = max(low, min(usual[0], 0.0)), min(high, max(usual[1], 0.0))
    tried = [_steps(min(low * share, least), max(high * share, most), dtype) for share in shrink]
    few = values.reshape(-1)[: 1 << 18]
    return min(tried, key=lambda found: float(np.square(_rounded(few, found, dtype) - few).sum()))


def _steps(low: float, high: float, dtype: str) -> Quantisation:
    limits = np.iinfo(dtype)
    scale = float(np.float32(max(high - low, 1e-6) / 255))
    zero = int(np.clip(np.rint(limits.min - low / scale), limits.min, limits.max))
    return Quantisation("tensor", (scale,), (zero,))


def _rounded(values: Floats, steps: Quantisation, dtype: str) -> Floats:
    limits = np.iinfo(dtype)
    scale, zero = steps.scale[0], steps.zero_point[0]
    return np.asarray((np.clip(np.rint(values / scale) + zero, limits.min, limits.max) - zero) * scale)

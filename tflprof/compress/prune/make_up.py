"""Making up for removed channels in the weights and biases of the layers that took them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tflprof.compress.prune.moments import Moments
from tflprof.compress.prune.values import Real, real, requantised
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Op, Quantisation, Subgraph, Tensor

Mask = npt.NDArray[np.bool_]

_RIDGE = 1e-4
"""Of the mean variance, added to variances so that channels that never change divide nothing by zero."""

_MOST_BIAS = 2**31 - 1


@dataclass(frozen=True)
class _Layer:
    """A layer that mixes channels, with the constants behind its weights and bias."""

    op: Op
    data: Tensor
    weights: Tensor
    bias: Tensor | None


def make_up(editor: ModelEditor, graph: Subgraph, op: Op, removed: Mask, known: Moments) -> None:
    """Let a layer do without some of its inputs, which are still there.

    An input that goes is replaced by the best linear guess from those that stay, its mean at least: the guess
    goes into the weights of those that stay, the rest into the bias. Where weights are shared with another layer
    nothing is done; where their form does not allow other values only the bias is changed. ``graph`` is the
    model's, from before any layer was changed.
    """
    layer = _layer(graph, op)
    if layer is None or len(known.mean) != len(removed) or removed.all():
        return
    weights = real(editor.constant_values(layer.weights.index), layer.weights.quantisation)
    guess = _guess(known, removed)
    change = np.zeros_like(weights) if guess is None else _moved(weights, removed, guess)
    found = requantised(weights + change, layer.weights) if guess is not None else None
    stays = ~removed
    sums = weights.reshape(len(weights), -1, len(removed)).sum(axis=1)
    lost = known.mean[removed]
    if guess is not None and found is not None:
        lost = lost - guess @ known.mean[stays]
        new = found[1]
        editor.set_constant(layer.weights.index, found[0], new)
    else:
        new = layer.weights.quantisation
    _shift(editor, layer, sums[:, removed] @ lost, new)


def _layer(graph: Subgraph, op: Op) -> _Layer | None:
    """None if its constants are used elsewhere too."""
    weights = _stored(graph, op.inputs[1])
    index = op.inputs[2] if len(op.inputs) > 2 else -1
    bias = None if index < 0 else _stored(graph, index)
    if weights is None or (index >= 0 and bias is None):
        return None
    return _Layer(op, graph.tensors[op.inputs[0]], weights, bias)


def _stored(graph: Subgraph, tensor: int) -> Tensor | None:
    """The constant behind an input, if nothing else uses it."""
    if sum(op.inputs.count(tensor) for op in graph.ops) != 1:
        return None
    found = graph.tensors[tensor]
    if found.is_constant:
        return found
    maker = next((op for op in graph.ops if tensor in op.outputs), None)
    return _stored(graph, maker.inputs[0]) if maker is not None and maker.code == "DEQUANTIZE" else None


def _guess(known: Moments, removed: Mask) -> Real | None:
    """Coefficients of the inputs that stay, per input that goes; None if there is too little to tell them from."""
    inner = shrunk_covariance(known)
    if inner is None:
        return None
    stays = ~removed
    return np.asarray(np.linalg.solve(inner[np.ix_(stays, stays)], inner[np.ix_(stays, removed)]).T)


def shrunk_covariance(known: Moments) -> Real | None:
    """Covariance of a layer's inputs: few rows tell it badly, so what inputs have in common is shrunk then.

    None if there are too many inputs, or none that varies.
    """
    ridge = _RIDGE * float(known.variance.mean())
    share = known.rows / (known.rows + len(known.mean))
    if known.covariance is None or ridge == 0.0:
        return None
    found = share * known.covariance
    np.fill_diagonal(found, known.variance + ridge)
    return found


def _moved(weights: Real, removed: Mask, guess: Real) -> Real:
    """What is added to weights; nothing for inputs that go."""
    change = np.zeros_like(weights)
    change[..., ~removed] = weights[..., removed] @ guess
    return change


def _shift(editor: ModelEditor, layer: _Layer, shift: Real, weights: Quantisation | None) -> None:
    """Add to a bias; integers are stored anew, as their scales follow those of the weights (``weights``)."""
    kept = None if layer.bias is None else editor.constant_values(layer.bias.index)
    integers = layer.data.quantisation is not None
    if not integers:
        old = np.zeros(len(shift)) if kept is None else kept.astype(np.float64)
        dtype = np.dtype("float32") if kept is None else kept.dtype
        _store(editor, layer, (old + shift).astype(dtype), None)
        return
    before, after = _scales(layer, layer.weights.quantisation), _scales(layer, weights)
    old = np.zeros(len(shift)) if kept is None else kept * before
    values = np.clip(np.rint((old + shift) / after), -_MOST_BIAS, _MOST_BIAS)
    wide = kept is not None and kept.dtype == np.int64
    scales = np.broadcast_to(after, len(shift)) if after.size > 1 else after
    kind = "channel" if after.size > 1 else "tensor"
    quantisation = Quantisation(kind, tuple(map(float, scales)), (0,) * len(scales), 0)
    _store(editor, layer, values.astype(np.int64 if wide else np.int32), quantisation)


def _scales(layer: _Layer, weights: Quantisation | None) -> Real:
    """What a step of an integer bias is worth."""
    data = layer.data.quantisation
    assert data is not None
    scale = weights.scale if weights is not None else (1.0,)
    # As the runtime multiplies them: in double precision, stored in single.
    return (np.float64(data.scale[0]) * np.asarray(scale, np.float64)).astype(np.float32).astype(np.float64)


def _store(
    editor: ModelEditor, layer: _Layer, values: npt.NDArray[np.generic], quantisation: Quantisation | None
) -> None:
    if layer.bias is not None:
        editor.set_constant(layer.bias.index, values, quantisation)
        return
    index = editor.add_constant(f"{layer.op.id}/bias", values, quantisation)
    editor.set_inputs(layer.op.id, (*layer.op.inputs[:2], index))

"""Operators in plain numpy, loop by loop: what the runtime must compute, written another way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tflprof.model.graph import Model, Op, Tensor

Array: TypeAlias = Any
"""A numpy array; what numpy makes of an array of any type is not typed closer."""


def run(model: Model, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of the main subgraph for real-valued inputs; int8 models in real arithmetic too."""
    graph = model.subgraphs[0]
    values: dict[int, Array] = dict(zip(graph.inputs, inputs, strict=True))
    for tensor in graph.tensors:
        if tensor.is_constant:
            values[tensor.index] = _real(tensor, model.data(0, tensor.index))
    for op in graph.ops:
        results = KERNELS[op.code](op, [values[i] for i in op.inputs if i >= 0])
        outputs = results if isinstance(results, list) else [results]
        values |= {
            i: _representable(graph.tensors[i], out) for i, out in zip(op.outputs, outputs, strict=True)
        }
    return [values[i] for i in graph.outputs]


def quantise(tensor: Tensor, real: Array) -> Array:
    """Real values as the integers of a tensor; unchanged if it has none."""
    if tensor.dtype not in ("int8", "uint8") or tensor.quantisation is None:
        return real
    (scale,), (zero,) = tensor.quantisation.scale, tensor.quantisation.zero_point
    kind = np.iinfo(tensor.dtype)
    return np.clip(np.rint(real / scale) + zero, kind.min, kind.max).astype(kind.dtype)


def dequantise(tensor: Tensor, stored: Array) -> Array:
    """The inverse of :func:`quantise`."""
    if tensor.dtype not in ("int8", "uint8") or tensor.quantisation is None:
        return stored
    (scale,), (zero,) = tensor.quantisation.scale, tensor.quantisation.zero_point
    return scale * (stored.astype(np.float64) - zero)


def _representable(tensor: Tensor, real: Array) -> Array:
    """The value after a round trip through the tensor's type: rounding and saturation included."""
    return dequantise(tensor, quantise(tensor, real))


def _real(tensor: Tensor, stored: Array) -> Array:
    quantisation = tensor.quantisation
    if quantisation is None:
        return stored
    shape = [1] * stored.ndim
    if quantisation.kind == "channel":
        shape[quantisation.axis] = -1
    return stored * np.reshape(quantisation.scale, shape)


def _activate(op: Op, x: Array) -> Array:
    kind = op.options.get("fused_activation_function", "NONE")
    return {"NONE": x, "RELU": np.maximum(x, 0), "RELU6": np.clip(x, 0, 6)}[kind]


def _windows(op: Op, x: Array, size: tuple[int, int], fill: float) -> Array:
    """Patches ``[n, rows, columns, kernel_h, kernel_w, channels]`` of an NHWC image."""
    strides = (op.options["stride_h"], op.options["stride_w"])
    padding = [(0, 0)]
    for n, k, s in zip(x.shape[1:3], size, strides, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0) if op.options["padding"] == "SAME" else 0
        padding.append((total // 2, total - total // 2))
    x = np.pad(x, [*padding, (0, 0)], constant_values=fill)
    rows = range(0, x.shape[1] - size[0] + 1, strides[0])
    columns = range(0, x.shape[2] - size[1] + 1, strides[1])
    return np.stack([np.stack([x[:, r : r + size[0], c : c + size[1]] for c in columns], 1) for r in rows], 1)


def conv_2d(op: Op, inputs: list[Array]) -> Array:
    x, weights, bias = inputs
    patches = _windows(op, x, weights.shape[1:3], 0)
    return _activate(op, np.tensordot(patches, weights, ([3, 4, 5], [1, 2, 3])) + bias)


def depthwise_conv_2d(op: Op, inputs: list[Array]) -> Array:
    x, weights, bias = inputs
    patches = _windows(op, x, weights.shape[1:3], 0)
    return _activate(op, (patches * weights[0]).sum((3, 4)) + bias)


def transpose_conv(op: Op, inputs: list[Array]) -> Array:
    shape, weights, x, *bias = inputs
    out = np.zeros(shape.tolist()) + (bias[0] if bias else 0)
    _, height, width, _ = weights.shape
    for r, c in itertools.product(range(x.shape[1]), range(x.shape[2])):
        top, left = r * op.options["stride_h"], c * op.options["stride_w"]
        out[:, top : top + height, left : left + width] += np.einsum("nc,ohwc->nhwo", x[:, r, c], weights)
    return out


def fully_connected(op: Op, inputs: list[Array]) -> Array:
    x, weights, *bias = inputs
    return _activate(op, x @ weights.T + (bias[0] if bias else 0))


def batch_matmul(op: Op, inputs: list[Array]) -> Array:
    a, b = inputs
    return a @ (b.swapaxes(-1, -2) if op.options["adj_y"] else b)


def conv_3d(op: Op, inputs: list[Array]) -> Array:
    x, weights = inputs
    k = weights.shape[0]
    sides = itertools.product(range(x.shape[1] - k + 1), repeat=3)
    cells = [np.tensordot(x[:, a : a + k, b : b + k, c : c + k], weights, 4) for a, b, c in sides]
    side = x.shape[1] - k + 1
    return np.stack(cells, 1).reshape(x.shape[0], side, side, side, -1)


def average_pool_2d(op: Op, inputs: list[Array]) -> Array:
    """Padding is no part of the average."""
    size = (op.options["filter_height"], op.options["filter_width"])
    return np.nanmean(_windows(op, inputs[0].astype(np.float64), size, np.nan), (3, 4))


def max_pool_2d(op: Op, inputs: list[Array]) -> Array:
    size = (op.options["filter_height"], op.options["filter_width"])
    return _windows(op, inputs[0], size, -np.inf).max((3, 4))


def softmax(op: Op, inputs: list[Array]) -> Array:
    powers = np.exp(inputs[0] - inputs[0].max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def split(op: Op, inputs: list[Array]) -> list[Array]:
    return np.split(inputs[1], op.options["num_splits"], int(inputs[0]))


def resize_bilinear(op: Op, inputs: list[Array]) -> Array:
    """Corners aligned: the first and last pixels stay where they are."""
    x, size = inputs
    for axis, length in enumerate(size.tolist(), 1):
        places = np.linspace(0, x.shape[axis] - 1, length)
        low = np.minimum(places.astype(int), x.shape[axis] - 2)
        part = (places - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = np.take(x, low, axis) * (1 - part) + np.take(x, low + 1, axis) * part
    return x


def strided_slice(op: Op, inputs: list[Array]) -> Array:
    x, begin, end, strides = inputs
    out = x[tuple(map(slice, begin.tolist(), end.tolist(), strides.tolist()))]
    mask = op.options["shrink_axis_mask"]
    return out.squeeze(tuple(axis for axis in range(out.ndim) if mask >> axis & 1))


def _unary(function: Callable[[Array], Array]) -> Callable[[Op, list[Array]], Array]:
    return lambda op, inputs: _activate(op, function(inputs[0]))


def _binary(function: Callable[[Array, Array], Array]) -> Callable[[Op, list[Array]], Array]:
    return lambda op, inputs: _activate(op, function(inputs[0], inputs[1]))


KERNELS: dict[str, Callable[[Op, list[Array]], Array | list[Array]]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
    "FULLY_CONNECTED": fully_connected,
    "CONV_3D": conv_3d,
    "AVERAGE_POOL_2D": average_pool_2d,
    "MAX_POOL_2D": max_pool_2d,
    "SOFTMAX": softmax,
    "SPLIT": split,
    "RESIZE_BILINEAR": resize_bilinear,
    "STRIDED_SLICE": strided_slice,
    "GELU": _unary(lambda x: x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2),
    "BATCH_MATMUL": batch_matmul,
    "EMBEDDING_LOOKUP": _binary(lambda rows, table: table[rows]),
    "SQUARED_DIFFERENCE": _binary(lambda a, b: (a - b) ** 2),
    "RSQRT": _unary(lambda x: 1 / np.sqrt(x)),
    "ADD": _binary(np.add),
    "SUB": _binary(np.subtract),
    "MUL": _binary(np.multiply),
    "PRELU": _binary(lambda x, slope: np.where(x < 0, x * slope, x)),
    "GATHER": _binary(lambda x, rows: x[rows]),
    "MEAN": lambda op, i: i[0].mean(tuple(i[1].tolist()), keepdims=op.options["keep_dims"]),
    "CUMSUM": _binary(lambda x, axis: np.cumsum(x, int(axis))),
    "RESHAPE": _binary(lambda x, shape: x.reshape(shape.tolist())),
    "SQUEEZE": lambda op, i: i[0].squeeze(op.options["squeeze_dims"]),
    "TRANSPOSE": _binary(lambda x, order: x.transpose(order.tolist())),
    "PAD": _binary(lambda x, paddings: np.pad(x, paddings.tolist())),
    "CONCATENATION": lambda op, i: np.concatenate(i, op.options["axis"]),
    "LEAKY_RELU": lambda op, i: np.where(i[0] < 0, op.options["alpha"] * i[0], i[0]),
    "LOGISTIC": _unary(lambda x: 1 / (1 + np.exp(-x))),
    "HARD_SWISH": _unary(lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "ELU": _unary(lambda x: np.where(x < 0, np.exp(x) - 1, x)),
    "RELU": _unary(lambda x: np.maximum(x, 0)),
    "RELU6": _unary(lambda x: np.clip(x, 0, 6)),
    "QUANTIZE": _unary(lambda x: x),
    "DEQUANTIZE": _unary(lambda x: x),
    "ABS": _unary(np.abs),
    "CEIL": _unary(np.ceil),
    "COS": _unary(np.cos),
    "EXP": _unary(np.exp),
    "FLOOR": _unary(np.floor),
    "NEG": _unary(np.negative),
    "ROUND": _unary(np.rint),
    "SIN": _unary(np.sin),
    "SQUARE": _unary(np.square),
    "TANH": _unary(np.tanh),
}

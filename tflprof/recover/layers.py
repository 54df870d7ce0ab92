"""One operator of a .tflite graph as Keras layers with its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError
from tflprof.model.graph import Op

Array = npt.NDArray[Any]
Values = list[Any]
"""Inputs of an operator: Keras tensors, arrays of constants, None where an optional one is absent."""


def layer_name(op: Op, suffix: str = "") -> str:
    """Name of the Keras layer of an operator; slashes have a meaning of their own in Keras."""
    return f"op_{op.id.replace('/', '_')}{suffix}"


def activated(keras: Any, features: Any, op: Op) -> Any:
    """The fused activation of an operator applied. Raises ModelError for one that Keras lacks."""
    name = str(op.options.get("fused_activation_function", "none")).lower()
    if name == "none":
        return features
    made = _ACTIVATIONS.get(name)
    if made is None:
        raise ModelError(
            f"layer {op.id} ({op.type}) has the activation {name!r}, which cannot be trained here"
        )
    return made(keras, features)


_ACTIVATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "relu": lambda keras, features: keras.layers.ReLU()(features),
    "relu6": lambda keras, features: keras.layers.ReLU(6.0)(features),
    "relu_n1_to_1": lambda keras, features: keras.ops.clip(features, -1.0, 1.0),
    "tanh": lambda keras, features: keras.ops.tanh(features),
}


def build(keras: Any, op: Op, values: Values, shape: tuple[int, ...]) -> Any:
    """Output of an operator; ``shape`` is what the file says of it. Raises ModelError for an unknown operator."""
    builder = BUILDERS.get(op.type)
    if builder is None:
        raise ModelError(
            f"layer {op.id} is a {op.type}, which cannot be rebuilt for training",
            f"known are {', '.join(sorted(BUILDERS))}",
        )
    return builder(keras, op, values, shape)


def _weighted(keras: Any, op: Op, layer: Any, values: Values, kernel: Array) -> Any:
    """A layer called on the first value, given a kernel and the bias of the operator."""
    features = layer(values[0])
    bias = values[2] if len(values) > 2 else None
    layer.set_weights([kernel] if bias is None else [kernel, np.asarray(bias)])
    return activated(keras, features, op)


def _constant(op: Op, values: Values, position: int) -> Array:
    if len(values) <= position or not isinstance(values[position], np.ndarray):
        raise ModelError(f"layer {op.id} ({op.type}) computes its weights, which cannot be trained here")
    found: Array = values[position]
    return found


def _window(op: Op, prefix: str = "") -> dict[str, Any]:
    """Strides, padding and dilation of an operator as Keras names them."""
    options = op.options
    dilation = (options.get("dilation_h_factor", 1) or 1, options.get("dilation_w_factor", 1) or 1)
    found = {
        "strides": (options[f"{prefix}stride_h"], options[f"{prefix}stride_w"]),
        "padding": str(options["padding"]).lower(),
    }
    return found if dilation == (1, 1) else {**found, "dilation_rate": dilation}


def _convolution(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    kernel = np.transpose(_constant(op, values, 1), (1, 2, 3, 0))
    height, width, depth, filters = kernel.shape
    layer = keras.layers.Conv2D(
        filters,
        (height, width),
        groups=values[0].shape[-1] // depth,
        use_bias=len(values) > 2 and values[2] is not None,
        name=layer_name(op),
        **_window(op),
    )
    return _weighted(keras, op, layer, values, kernel)


def _depthwise(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    weights = _constant(op, values, 1)
    channels = values[0].shape[-1]
    _, height, width, filters = weights.shape
    layer = keras.layers.DepthwiseConv2D(
        (height, width),
        depth_multiplier=filters // channels,
        use_bias=len(values) > 2 and values[2] is not None,
        name=layer_name(op),
        **_window(op),
    )
    kernel = weights.reshape(height, width, channels, filters // channels)
    return _weighted(keras, op, layer, values, kernel)


def _fully_connected(keras: Any, op: Op, values: Values, shape: tuple[int, ...]) -> Any:
    kernel = np.transpose(_constant(op, values, 1))
    features = values[0]
    if not op.options.get("keep_num_dims") and len(features.shape) != 2:
        features = keras.layers.Reshape((kernel.shape[0],), name=layer_name(op, "_flat"))(features)
    layer = keras.layers.Dense(
        kernel.shape[1], use_bias=len(values) > 2 and values[2] is not None, name=layer_name(op)
    )
    made = _weighted(keras, op, layer, [features, *values[1:]], kernel)
    return made if len(made.shape) == len(shape) else keras.layers.Reshape(shape[1:])(made)


def _pool(kind: str) -> Callable[..., Any]:
    def build(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
        size = (op.options["filter_height"], op.options["filter_width"])
        layer = getattr(keras.layers, kind)(size, name=layer_name(op), **_window(op))
        return activated(keras, layer(values[0]), op)

    return build


def _elementwise(name: str) -> Callable[..., Any]:
    def build(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
        return activated(keras, getattr(keras.ops, name)(*values[:2]), op)

    return build


def _pointwise(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def build(keras: Any, _op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
        return function(keras, values[0])

    return build


def _softmax(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    beta = op.options.get("beta", 1.0)
    scaled = values[0] if beta == 1.0 else values[0] * beta
    return keras.layers.Softmax(name=layer_name(op))(scaled)


def _leaky(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    return keras.layers.LeakyReLU(op.options.get("alpha", 0.0), name=layer_name(op))(values[0])


def _mean(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    rank = len(values[0].shape)
    axes = tuple(sorted(int(axis) % rank for axis in np.ravel(_constant(op, values, 1))))
    if 0 in axes:
        raise ModelError(f"layer {op.id} (MEAN) is over the batch, which cannot be trained here")
    return keras.ops.mean(values[0], axis=axes, keepdims=bool(op.options.get("keep_dims")))


def _concatenation(keras: Any, op: Op, values: Values, shape: tuple[int, ...]) -> Any:
    axis = op.options["axis"] % len(shape)
    if axis == 0 or any(isinstance(value, np.ndarray) for value in values):
        raise ModelError(f"layer {op.id} (CONCATENATION) joins batches or constants, which is not rebuilt")
    return activated(keras, keras.layers.Concatenate(axis, name=layer_name(op))(values), op)


def _reshape(keras: Any, op: Op, values: Values, shape: tuple[int, ...]) -> Any:
    inner = values[0].shape[1:]
    if not shape or shape[0] != 1:
        raise ModelError(f"layer {op.id} ({op.type}) changes the batch, which cannot be trained here")
    if np.prod(inner) != np.prod(shape[1:]):
        raise ModelError(
            f"layer {op.id} ({op.type}) makes {shape[1:]} of {inner}, which do not have as many values",
            "its size is fixed in the file: a network can be resized only where none is",
        )
    return keras.layers.Reshape(shape[1:], name=layer_name(op))(values[0])


def _pad(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    amounts = _constant(op, values, 1).tolist()
    if any(amounts[0]):
        raise ModelError(f"layer {op.id} ({op.type}) pads the batch, which cannot be trained here")
    if len(values) > 2 and np.any(np.asarray(values[2])):
        raise ModelError(f"layer {op.id} ({op.type}) pads with other values than zero, which is not rebuilt")
    return keras.ops.pad(values[0], amounts)


def _transpose(keras: Any, op: Op, values: Values, _shape: tuple[int, ...]) -> Any:
    order = [int(axis) for axis in _constant(op, values, 1)]
    if order[0] != 0:
        raise ModelError(f"layer {op.id} (TRANSPOSE) moves the batch, which cannot be trained here")
    return keras.ops.transpose(values[0], order)


BUILDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool("AveragePooling2D"),
    "MAX_POOL_2D": _pool("MaxPooling2D"),
    "ADD": _elementwise("add"),
    "SUB": _elementwise("subtract"),
    "MUL": _elementwise("multiply"),
    "DIV": _elementwise("divide"),
    "MAXIMUM": _elementwise("maximum"),
    "MINIMUM": _elementwise("minimum"),
    "RELU": _pointwise(_ACTIVATIONS["relu"]),
    "RELU6": _pointwise(_ACTIVATIONS["relu6"]),
    "LOGISTIC": _pointwise(lambda keras, features: keras.ops.sigmoid(features)),
    "TANH": _pointwise(_ACTIVATIONS["tanh"]),
    "HARD_SWISH": _pointwise(lambda keras, features: keras.ops.hard_silu(features)),
    "ELU": _pointwise(lambda keras, features: keras.ops.elu(features)),
    # The values are real numbers here, whatever stands for them in the file.
    "QUANTIZE": _pointwise(lambda _, features: features),
    "DEQUANTIZE": _pointwise(lambda _, features: features),
    "LEAKY_RELU": _leaky,
    "SOFTMAX": _softmax,
    "MEAN": _mean,
    "CONCATENATION": _concatenation,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "PAD": _pad,
    "PADV2": _pad,
    "TRANSPOSE": _transpose,
}
"""How each operator is rebuilt."""

"""Layers of a search space as configurations: the same as models with such layers have."""

from __future__ import annotations

from dataclasses import replace

from tflprof.op_channels import with_dtype
from tflprof.op_config import OpConfig, Scalar, TensorConfig

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
PADDINGS = ("SAME", "VALID")
_DENSE: dict[str, Scalar] = {"keep_num_dims": False, "weights_format": "DEFAULT"}
_SPATIAL = ("size", "inputs")
_WINDOW = (*_SPATIAL, "kernel", "stride", "activation", "padding")
LAYER_OPS: dict[str, tuple[str, ...]] = {
    "CONV_2D": (*_WINDOW, "outputs"),
    "DEPTHWISE_CONV_2D": _WINDOW,
    "FULLY_CONNECTED": ("inputs", "outputs", "activation"),
    "AVERAGE_POOL_2D": _WINDOW,
    "MAX_POOL_2D": _WINDOW,
    "MEAN": _SPATIAL,
    "ADD": (*_SPATIAL, "activation"),
    "SUB": (*_SPATIAL, "activation"),
    "MUL": (*_SPATIAL, "activation"),
    "HARD_SWISH": _SPATIAL,
    "LOGISTIC": _SPATIAL,
    "RELU": _SPATIAL,
    "RELU6": _SPATIAL,
    "SOFTMAX": ("inputs",),
}
"""Operators that a space may list one by one, and the keys each takes beside ``op`` and ``dtype``."""


def layer_config(
    op: str,
    *,
    size: int,
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int,
    activation: str,
    padding: str,
    dtype: str,
) -> OpConfig:
    """One layer.

    Args:
        op: a key of :data:`LAYER_OPS`.
        size: height and width of its input in pixels.
        inputs: channels of its input.
        outputs: channels of its output, of convolutions and products.
        kernel: height and width of its window.
        stride: of the window.
        activation: one of :data:`ACTIVATIONS`.
        padding: one of :data:`PADDINGS`.
        dtype: one of :data:`tflprof.op_channels.SCHEMES`.

    Raises:
        ValueError: the window is larger than the input.
    """
    result = _steps(size, kernel, stride, padding)
    x = _floats(1, size, size, inputs)
    clamp: dict[str, Scalar] = {"fused_activation_function": activation}
    window: dict[str, Scalar] = {**clamp, "padding": padding, "stride_h": stride, "stride_w": stride}
    dilated: dict[str, Scalar] = {**window, "dilation_h_factor": 1, "dilation_w_factor": 1}
    if op == "CONV_2D":
        ends = [x, _weights(outputs, kernel, kernel, inputs), _weights(outputs)]
        config = _config(op, ends, _floats(1, result, result, outputs), dilated)
    elif op == "DEPTHWISE_CONV_2D":
        ends = [x, _weights(1, kernel, kernel, inputs), _weights(inputs)]
        config = _config(op, ends, _floats(1, result, result, inputs), {**dilated, "depth_multiplier": 1})
    elif op == "FULLY_CONNECTED":
        ends = [_floats(1, inputs), _weights(outputs, inputs), _weights(outputs)]
        config = _config(op, ends, _floats(1, outputs), {**clamp, **_DENSE})
    elif op.endswith("_POOL_2D"):
        pooled = {**window, "filter_height": kernel, "filter_width": kernel}
        config = _config(op, [x], _floats(1, result, result, inputs), pooled)
    else:
        config = _elementwise(op, x, clamp)
    return with_dtype(config, dtype)


def _elementwise(op: str, x: TensorConfig, clamp: dict[str, Scalar]) -> OpConfig:
    if op == "MEAN":
        axes = TensorConfig((2,), "int32", "constant", None, (1, 2))
        return _config(op, [x, axes], _floats(1, 1, 1, x.shape[-1]), {})
    if op == "SOFTMAX":
        row = _floats(1, x.shape[-1])
        return _config(op, [row], row, {})
    if op in ("ADD", "SUB", "MUL"):
        scaled: dict[str, Scalar] = {} if op == "MUL" else {"pot_scale_int16": True}
        return _config(op, [x, x], x, {**clamp, **scaled})
    return _config(op, [x], x, {})


def _config(
    op: str, inputs: list[TensorConfig], output: TensorConfig, options: dict[str, Scalar]
) -> OpConfig:
    return OpConfig(op, tuple(inputs), (output,), tuple(sorted(options.items())))


def _floats(*shape: int) -> TensorConfig:
    return TensorConfig(shape, "float32")


def _weights(*shape: int) -> TensorConfig:
    return replace(_floats(*shape), role="constant")


def _steps(size: int, kernel: int, stride: int, padding: str) -> int:
    """Positions of a window along one side."""
    if padding == "SAME":
        return -(-size // stride)
    if kernel > size:
        raise ValueError(f"a window of {kernel} does not fit into {size} pixels without padding")
    return (size - kernel) // stride + 1

"""A trainable Keras model made from a .tflite file: the same graph, the same weights.

What compression changed stands in the file, whatever changed it: factorised and pruned layers need no plan to be found.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError, UsageError
from tflprof.model.graph import Model, Op, Subgraph, Tensor
from tflprof.model.read import read_model
from tflprof.recover.extra import load_tensorflow
from tflprof.recover.layers import build

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rebuilt:
    """A Keras model with what it was made from.

    Attributes:
        model: takes batches of any size; inputs and outputs in the file's order.
        tensors: Keras tensors by id of the layer that makes them (``0/12``) and by name in the file.
        logits: Keras tensor of what a last SOFTMAX is given, None if the network does not end in one.
        graph: the file as read.
    """

    model: Any
    tensors: Mapping[str, Any]
    logits: Any
    graph: Model

    @property
    def is_quantised(self) -> bool:
        """Whether the file computes with integers."""
        return any(
            _is_scaled(tensor) and not tensor.is_constant for tensor in self.graph.subgraphs[0].tensors
        )

    @property
    def scheme(self) -> str:
        """What kind of file it is: ``int8``, ``dynamic`` if only its weights are integers, or ``float32``."""
        if self.is_quantised:
            return "int8"
        return "dynamic" if any(map(_is_scaled, self.graph.subgraphs[0].tensors)) else "float32"


def _is_scaled(tensor: Tensor) -> bool:
    return tensor.quantisation is not None and tensor.dtype in ("int4", "int8", "uint8", "int16")


def keras_from_tflite(
    model: str | os.PathLike[str] | bytes, input_shape: tuple[int, ...] | None = None
) -> Rebuilt:
    """A trainable Keras model with the graph and the weights of a .tflite file.

    Quantised weights become the real numbers they stand for, and so do activations.

    Args:
        model: a file or its bytes, for batches of one.
        input_shape: another shape of its one input without the batch, such as ``(96, 96, 3)``.

    Raises:
        ModelError: an operator, a batch or a control flow that cannot be rebuilt, named.
        UsageError: another shape for several inputs.
        EnvironmentFault: TensorFlow is not installed.
    """
    graph = read_model(model)
    _check(graph)
    main = graph.subgraphs[0]
    keras = load_tensorflow().keras
    values: dict[int, Any] = {-1: None}
    inputs = [_input(keras, graph, main.tensors[index], input_shape) for index in main.inputs]
    values.update(zip(main.inputs, inputs, strict=True))
    if input_shape is not None and len(inputs) != 1:
        raise UsageError(f"{graph.path} has {len(inputs)} inputs, and a new shape fits one", "name none")
    tensors: dict[str, Any] = {}
    for op in main.ops:
        made = _made(keras, graph, main, op, values)
        values[op.outputs[0]] = made
        tensors[op.id] = tensors[main.tensors[op.outputs[0]].name] = made
    outputs = [values[index] for index in main.outputs]
    return Rebuilt(keras.Model(inputs, outputs), tensors, _logits(main, values), graph)


def _made(keras: Any, graph: Model, main: Subgraph, op: Op, values: dict[int, Any]) -> Any:
    """Output of an operator; constants are read as they are needed."""
    for index in op.inputs:
        if index not in values:
            values[index] = real_constant(graph, main.tensors[index])
    return build(keras, op, [values[index] for index in op.inputs], main.tensors[op.outputs[0]].shape)


def _input(keras: Any, graph: Model, tensor: Tensor, shape: tuple[int, ...] | None) -> Any:
    if not tensor.shape or tensor.shape[0] != 1:
        raise ModelError(
            f"input {tensor.name!r} has the shape {tensor.shape}; only batches of one are rebuilt",
            "convert the model for one sample at a time",
        )
    names = {
        index: name
        for signature in graph.signatures
        if signature.subgraph == 0
        for name, index in signature.inputs.items()
    }
    name = names.get(tensor.index, tensor.name).rpartition("/")[2].partition(":")[0]
    return keras.Input(shape or tensor.shape[1:], name=name, dtype="float32")


def _logits(main: Subgraph, values: Mapping[int, Any]) -> Any:
    """What the SOFTMAX is given that makes the only output, looking through conversions of numbers."""
    if len(main.outputs) != 1:
        return None
    wanted = main.outputs[0]
    for op in reversed(main.ops):
        if wanted in op.outputs:
            if op.type == "SOFTMAX":
                return values[op.inputs[0]]
            if op.type not in ("QUANTIZE", "DEQUANTIZE"):
                return None
            wanted = op.inputs[0]
    return None


def real_constant(graph: Model, tensor: Tensor) -> Array:
    """A constant of the main subgraph: integers of shapes and axes as they are, everything else as float32."""
    if not tensor.is_constant:
        raise ModelError(f"tensor {tensor.name!r} is neither computed nor stored, which cannot be rebuilt")
    stored = graph.data(0, tensor.index)
    quantisation = tensor.quantisation
    if quantisation is None:
        return stored.astype(np.float32) if stored.dtype.kind == "f" else stored
    if quantisation.kind not in ("tensor", "channel"):
        raise ModelError(f"tensor {tensor.name!r} is quantised by {quantisation.kind}, which is not rebuilt")
    along = [1] * stored.ndim
    if quantisation.kind == "channel":
        along[quantisation.axis] = -1
    scale = np.reshape(np.asarray(quantisation.scale, np.float64), along)
    zero = np.reshape(np.asarray(quantisation.zero_point, np.float64), along)
    found: Array = ((stored.astype(np.float64) - zero) * scale).astype(np.float32)
    return found


def _check(graph: Model) -> None:
    if len(graph.subgraphs) != 1:
        raise ModelError(
            f"{graph.path} has {len(graph.subgraphs)} subgraphs; only one can be rebuilt for training"
        )
    several = next((op for op in graph.subgraphs[0].ops if len(op.outputs) != 1), None)
    if several is not None:
        raise ModelError(f"layer {several.id} ({several.type}) has {len(several.outputs)} outputs, not one")

"""The forms in which a network stores its weights, as the converters write them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflprof.model.graph import Quantisation
from tflprof.model.write import GraphWriter

Floats = npt.NDArray[np.float32]

DTYPES = ("float32", "float16", "dynamic", "int4", "int8")
"""Forms of a network's weights; activations are int8 in ``int8`` and float32 in all others."""

_LARGEST = {"int8": 127, "int4": 7}
"""The largest integer of each type; symmetric ranges leave its most negative one unused."""


def weight_type(dtype: str, int4: bool = True) -> str:
    """Element type of the weights of a layer in a network of form ``dtype``.

    ``int4`` says whether the runtime has a kernel of this layer for int4 weights; int8 takes their
    place where it has none, as the quantiser does.
    """
    if dtype in ("float32", "float16"):
        return dtype
    return "int4" if dtype == "int4" and int4 else "int8"


def quantised(graph: GraphWriter, name: str, values: Floats, axis: int, dtype: str) -> tuple[int, Floats]:
    """Add ``values`` as integers with one scale per channel along ``axis``.

    Returns:
        The constant's index and the scales.
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.maximum(np.abs(values).max(axis=others), np.float32(1e-9))
    scale: Floats = largest / np.float32(_LARGEST[dtype])
    shape = tuple(-1 if i == axis else 1 for i in range(values.ndim))
    integers = np.rint(values / scale.reshape(shape)).astype(np.int8)
    return graph.constant(name, integers, per_channel(scale, axis), dtype), scale


def quantised_bias(graph: GraphWriter, name: str, bias: Floats, scale: Floats) -> int:
    """Add a bias as int32: ``scale`` is that of the products, one per channel."""
    return graph.constant(name, np.rint(bias / scale).astype(np.int32), per_channel(scale, 0))


def quantised_evenly(graph: GraphWriter, name: str, values: Floats, quantisation: Quantisation | None) -> int:
    """Add ``values`` as int8 with one scale; one that reaches the largest value if None is given."""
    if quantisation is None:
        largest = max(float(np.abs(values).max()), 1e-9)
        quantisation = Quantisation("tensor", (largest / _LARGEST["int8"],), (0,))
    integers = np.rint(values / np.float32(quantisation.scale[0])) + quantisation.zero_point[0]
    return graph.constant(name, np.clip(integers, -128, 127).astype(np.int8), quantisation)


def halved(graph: GraphWriter, name: str, values: Floats) -> int:
    """Add ``values`` as float16 and an operator that widens them again; the index of its output."""
    source = graph.constant(name, values.astype(np.float16))
    widened = graph.tensor(f"{name}_dequantize", values.shape)
    graph.op("DEQUANTIZE", [source], [widened], {}, version=3)
    return widened


def per_channel(scale: Floats, axis: int) -> Quantisation:
    """Symmetric quantisation with one scale per channel along ``axis``."""
    return Quantisation("channel", tuple(scale.tolist()), (0,) * len(scale), axis)

"""Published times of layers against predicted ones, and how the layers of a prediction make up its total."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import percent, table
from benchmarks.prediction_runs import Cache, Emulated
from benchmarks.published_times import LayerPoint, read_layers
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.read import read_model

Shape = tuple[int, int, int, int]
"""Pixels, channels and filters of a convolution, and the side of its kernel."""


def convolution(point: LayerPoint) -> bytes:
    """A network of the layer alone."""
    net = Network(f"1x1 {point.channels} {point.filters} {point.dtype}", point.dtype)
    x = net.input("input", (1, point.size, point.size, point.channels))
    return net.finish(net.conv2d(x, "conv", point.filters, 1))


def different_shapes(path: Path) -> list[str]:
    """Ids of the first convolution of every shape, depthwise ones left out."""
    model = read_model(path)
    tensors = model.subgraphs[0].tensors
    first: dict[Shape, str] = {}
    for op in model.ops():
        if op.code == "CONV_2D":
            out, weights = tensors[op.outputs[0]], tensors[op.inputs[1]]
            shape = (out.shape[1] * out.shape[2], weights.shape[3], weights.shape[0], weights.shape[1])
            first.setdefault(shape, f"{op.subgraph}/{op.index}")
    return list(first.values())


def predicted_ms(point: LayerPoint, cache: Cache) -> float:
    """The predicted time of the layer, or of the network's different shapes, at the point's clock."""
    if point.network:
        model = cache.model(
            f"{point.network}_{point.dtype}", lambda: build_network(point.network, dtype=point.dtype)
        )
        wanted = set(different_shapes(model))
    else:
        name = f"conv_{point.size}_{point.channels}_{point.filters}_{point.dtype}"
        model, wanted = cache.model(name, lambda: convolution(point)), set()
    found = cache.of_model(model, point.phone, point.core)
    return found.ns_of(wanted) * found.at_clock(point.clock_ghz * 1e9) / 1e6


def largest_gap(found: Sequence[Emulated]) -> float:
    """Greatest relative difference of layers and unattributed part to the total."""
    return max(abs(one.ns_of(set()) + _unattributed(one) - one.ns) / one.ns for one in found)


def _unattributed(one: Emulated) -> float:
    return one.profile.summary.unattributed.typical or 0.0


def layer_text(cache: Cache, found: Sequence[Emulated]) -> tuple[str, list[dict[str, object]]]:
    """The section about layers, and its data."""
    rows, data = [], []
    for point in read_layers():
        ms = predicted_ms(point, cache)
        error = ms / point.ms - 1
        rows.append((point.what, point.device, f"{point.ms:.4g} ms", f"{ms:.4g} ms", percent(error)))
        data.append({"what": point.what, "published_ms": point.ms, "predicted_ms": ms, "error": error})
    unattributed = max(abs(_unattributed(one)) / one.ns for one in found)
    sums = (
        f"Layers and the unattributed part sum to the total in all {len(found)} predictions (greatest difference "
        f"{100 * largest_gap(found):.1g} %); the unattributed part is at most {100 * unattributed:.2g} % of it."
    )
    return "\n\n".join((_FOUND, table(("", "phone", "published", "predicted", "error"), rows), sums)), data


_FOUND = (
    "No public profile of XNNPACK's kernels was found of a named 64-bit Arm core, one thread and a network that is "
    "built here. Looked for: logs of `benchmark_model` and `benchmark_litert_model` with operator profiling in issues "
    "and files on GitHub, of Pixel phones and Raspberry Pi. Profiles of before XNNPACK are of other kernels. "
    "XNNPACK's own micro-benchmarks of matrix multiplications come closest: single kernels with weights outside the "
    "caches, without what the operator does around them. Shares of layers in a network are therefore not checked, "
    "only these sums."
)

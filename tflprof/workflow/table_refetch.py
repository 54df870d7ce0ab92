"""Measure what fetching weights again costs, by chains of more and more layers, until no cache holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tflprof.model.build.rows import Chain, chain_model
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.op_memory import network_bytes, weight_bytes
from tflprof.profile.latency_refetch import Refetch, fetched_bytes
from tflprof.workflow.space import space_configs

SECONDS = 3.0
"""For each chain, at most."""

_SHARES = (0.06, 0.12, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0, 1.25)
"""Of the last cache, which chains touch; of shared caches less than all is ours."""
_NEAR = 2
"""Chains whose weights come out of a near cache."""
_LAYERS = 96
"""Of a chain that touches as much as the last cache holds: layers are small beside it."""
_PIXELS = 4
"""Along each side of the image: products of so few rows wait for their weights most."""
_STEP = 16
_MOST_SIDE = 96
"""Of the image that is read first."""
_IMAGE_SHARE = 0.03
"""Of the last cache, which the image and what is made of it take at most."""
_IMAGE_BYTES = 28
"""For each of its pixels: three channels, and sixteen of a quarter of the pixels."""
_IMAGE = 2
"""Which of the kinds of bytes is the image."""


@dataclass(frozen=True)
class _Seen:
    """One chain: what an inference touches, and what a byte of weights cost in products with vectors and matrices,
    and a byte of the image.
    """

    touched: float
    vector: float
    matrix: float
    image: float


def refetch_chains(cache_bytes: int) -> Iterator[Chain]:
    """Chains, each touching more than the one before: an image is read, then half of the layers have one pixel."""
    depth = max(_STEP * round((cache_bytes / _LAYERS / 4) ** 0.5 / _STEP), _STEP)
    side = int((_IMAGE_SHARE * cache_bytes / _IMAGE_BYTES) ** 0.5) // 8 * 8
    image = _layer(min(max(side, 8), _MOST_SIDE), 3, outputs=16, kernel=3, stride=2)
    matrix, vector = _layer(_PIXELS, depth, outputs=depth), _layer(1, depth, outputs=depth)
    for share in _SHARES:
        count = max(round(share * cache_bytes / weight_bytes(vector) / 2), 1)
        yield chain_model([image, *[matrix] * count, *[vector] * count], as_network=True)


def measure_refetch(cache_bytes: int, costs_of: Callable[[Chain], Mapping[str, float]]) -> Refetch:
    """Prices of weights.

    Args:
        cache_bytes: of the device's last cache.
        costs_of: measures a chain: the costs of its layers by their ids, in the clock of the other chains.
    """
    seen = [_seen(chain, costs_of(chain)) for chain in refetch_chains(cache_bytes)]
    return Refetch(
        tuple(one.touched for one in seen),
        _beyond([one.vector for one in seen]),
        _beyond([one.matrix for one in seen]),
        _beyond([one.image for one in seen]),
    )


def _seen(chain: Chain, found: Mapping[str, float]) -> _Seen:
    layers = {layer.id: layer.config for layer in layer_configs(read_model(chain.content))}
    costs: dict[int, list[float]] = {kind: [] for kind in range(3)}
    for name in chain.rows:
        sizes = fetched_bytes(layers[name])
        # Of what reads the image, its few weights are no matter.
        kind = _IMAGE if sizes[_IMAGE] else sizes.index(max(sizes))
        costs[kind].append(found[name] / sizes[kind])
    vector, matrix, image = (fmean(each) for each in costs.values())
    return _Seen(network_bytes(layers.values()), vector, matrix, image)


def _beyond(costs: Sequence[float]) -> tuple[float, ...]:
    """What bytes cost beyond those out of a near cache; touching more makes none cheaper, whatever noise says."""
    rising = np.maximum.accumulate(np.maximum(np.array(costs) - fmean(costs[:_NEAR]), 0.0))
    return tuple(map(float, rising))


def _layer(side: int, inputs: int, **keys: int) -> OpConfig:
    return space_configs({"layer": [{"op": "CONV_2D", "size": side, "inputs": inputs, **keys}]})[0]

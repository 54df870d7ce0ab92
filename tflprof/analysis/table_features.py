"""What the cost of a family grows with: numbers of tiles, steps within them, bytes moved.

A kernel works on tiles of so many pixels by so many channels, and a tile that is not full costs what a full one
does: cost is a step function of sizes. Within a tile the kernel goes along the inputs in steps, with slower code for
what is left. The features count those; a family's fit gives each its price.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tflprof.analysis.table_shapes import CONV, DEPTHWISE, MATMUL, PLAIN, POOL, REDUCE, Work

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

APART = 3.0
"""Distance between configurations of different kernels, as between sizes: neighbours of one say little of the other."""
KIB = 1024.0
NEAR_CACHES = tuple(KIB * size for size in (16, 24, 32, 48, 64, 96, 128))
"""Bytes above which what a kernel uses again may no longer be in the first cache; a family's rows tell which."""
FAR_CACHES = tuple(KIB * size for size in (256, 512, 1024, 1536, 2048, 3072, 4096))
"""Likewise of the last cache."""


@dataclass(frozen=True)
class Kernels:
    """Which kernels for products the library has on a kind of processor.

    Attributes:
        pixels: rows that one may work out together, the most usual number first.
        wide, unit: channels of the usual tiles of float kernels; another kernel is taken where these, filled up, are
            more than 1 % more channels than tiles of ``unit`` are.
        narrow: channels that tiles of the other kernel may have.
        narrow_pixels: rows that it may work out together.
    """

    pixels: tuple[int, ...]
    wide: int
    unit: int
    narrow: tuple[int, ...]
    narrow_pixels: tuple[int, ...]


ARM = Kernels((4, 6, 1, 2, 3, 8, 5, 12), 8, 1, (2, 4), (4, 6, 8, 2))
X86 = Kernels((4, 6, 1, 2, 3, 8, 5, 12, 7), 32, 16, (16,), (7, 5, 4, 6, 8))


@dataclass(frozen=True)
class Tiles:
    """Sizes of a kernel's tiles.

    Attributes:
        pixels: rows of a product that are worked out together.
        channels: columns, or channels of an operator without a product.
        depth: inputs that one step of the innermost loop takes.
        narrow: of another kernel, for channels that would leave much of the tiles unused; None: there is only one.
        kernels: those there are.
    """

    pixels: int = 4
    channels: int = 8
    depth: int = 4
    narrow: Tiles | None = None
    kernels: Kernels = ARM


CACHE_LINE = 64
_LAST = {MATMUL: 1, CONV: 1, DEPTHWISE: 2, POOL: 1, PLAIN: 1}
"""Which of the sizes is the last dimension of what is written."""

_CHANNELS = (8, 16, 4, 32)
_DEPTHS = (4, 8, 16, 1)
_WIDTHS = (4, 8, 16, 32, 1)


def hypotheses(kind: str, kernels: Kernels = ARM) -> Iterator[Tiles]:
    """Tile sizes that a family of this kind may have, the most usual first."""
    if kind in (MATMUL, CONV):
        for depth, channels, pixels in itertools.product(_DEPTHS, _CHANNELS, kernels.pixels):
            yield Tiles(pixels, channels, depth, kernels=kernels)
    else:
        for channels in _WIDTHS:
            yield Tiles(1, channels, 1, kernels=kernels)


def narrow_hypotheses(kernels: Kernels) -> Iterator[Tiles]:
    """Tile sizes that another kernel for uneven channels may have."""
    for depth, channels, pixels in itertools.product((4, 1, 2, 8), kernels.narrow, kernels.narrow_pixels):
        yield Tiles(pixels, channels, depth, kernels=kernels)


def uneven(kind: str, sizes: FloatArray, kernels: Kernels) -> BoolArray:
    """Whether the usual tiles would be unused by more than 1 %, [n]: XNNPACK takes a narrower float kernel then."""
    if kind not in (MATMUL, CONV):
        return np.zeros(len(sizes), dtype=np.bool_)
    wide, units = (np.ceil(sizes[:, 1] / tile) * tile for tile in (kernels.wide, kernels.unit))
    wasteful: BoolArray = wide > 1.01 * units
    return wasteful


def padded(kind: str, sizes: FloatArray, tiles: Tiles) -> FloatArray:
    """Sizes [n, d] rounded up to whole tiles, as natural logarithms: where a configuration lies in its family."""
    steps = np.ones(sizes.shape[1])
    if kind in (MATMUL, CONV):
        steps[:2] = tiles.pixels, tiles.channels
    elif kind == DEPTHWISE:
        steps[2] = tiles.channels
    elif kind in (POOL, REDUCE, PLAIN):
        steps[1] = tiles.channels
    if kind in (MATMUL, CONV) and tiles.narrow is not None:
        apart = uneven(kind, sizes, tiles.kernels)
        plain, other = (padded(kind, sizes, one) for one in (replace(tiles, narrow=None), tiles.narrow))
        return np.hstack([np.where(apart[:, None], other, plain), APART * apart[:, None]])
    whole = np.ceil(np.maximum(sizes, 1) / steps) * steps
    if kind == DEPTHWISE:
        # Rows and columns are told apart by the price of a row only.
        whole = np.stack([whole[:, 0] * whole[:, 1], whole[:, 2]], axis=1)
    return np.log(whole)


def operations(kind: str, sizes: FloatArray, tiles: Tiles) -> FloatArray:
    """What instructions grow with, [n, features]; the first is constant."""
    if kind in (MATMUL, CONV):
        if tiles.narrow is None:
            return _product(sizes, tiles)
        other = uneven(kind, sizes, tiles.kernels)[:, None]
        return np.hstack(
            [
                np.where(other, 0.0, _product(sizes, tiles)),
                np.where(other, _product(sizes, tiles.narrow), 0.0),
            ]
        )
    if kind == DEPTHWISE:
        return _depthwise(sizes, tiles)
    if kind == POOL:
        return _pool(sizes, tiles)
    if kind == REDUCE:
        return _reduce(sizes, tiles)
    return _plain(sizes, tiles)


def movements(works: Sequence[Work], sizes: FloatArray, tiles: Tiles) -> FloatArray:
    """What time grows with beside instructions: bytes, and what is fetched again from a slower cache, [n, features]."""
    weights = np.array([work.weight_bytes for work in works])
    read = np.array([work.input_bytes for work in works])
    written = np.array([work.output_bytes for work in works])
    used_again, times = _again(works[0].kind, sizes, tiles, weights, read)
    everything = weights + read + written
    columns = [weights, read, written, read + written, everything]
    columns += [np.where(used_again > size, used_again * times, 0.0) for size in NEAR_CACHES]
    columns += [np.maximum(everything - size, 0.0) for size in FAR_CACHES]
    columns += [np.where(everything > size, used_again * times, 0.0) for size in FAR_CACHES]
    columns += _straddling(works[0].kind, sizes, written)
    return np.stack(columns, axis=1)


def _straddling(kind: str, sizes: FloatArray, written: FloatArray) -> list[FloatArray]:
    """Bytes of rows that begin within a cache line, and accesses that touch two: where channels do not fill lines."""
    if kind not in _LAST:
        return []
    channels = sizes[:, _LAST[kind]]
    rows = sizes[:, 0] * sizes[:, 1] if kind == DEPTHWISE else sizes[:, 0]
    size = np.round(written / np.maximum(rows, 1)).astype(np.int64)
    within = 1 - np.gcd(size, CACHE_LINE) / CACHE_LINE
    lines = rows * np.ceil(size / CACHE_LINE)
    return [written * within, np.where((size % CACHE_LINE > 0) & (channels > 1), lines, 0.0)]


def _again(
    kind: str, sizes: FloatArray, tiles: Tiles, weights: FloatArray, read: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bytes that a kernel goes through again and again, and how often."""
    if kind in (MATMUL, CONV):
        return weights, np.ceil(sizes[:, 0] / tiles.pixels)
    if kind == DEPTHWISE:
        return weights, sizes[:, 0] * sizes[:, 1]
    return read, np.ones(len(sizes))


def _steps(size: FloatArray, step: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Whole steps, whether something is left, and how much."""
    left = size % step
    return size // step, (left > 0).astype(float), left


def _product(sizes: FloatArray, tiles: Tiles) -> FloatArray:
    pixels, channels, depth = sizes.T
    rows, columns = np.ceil(pixels / tiles.pixels), np.ceil(channels / tiles.channels)
    whole, some, left = _steps(depth, tiles.depth)
    area = rows * columns
    one = np.ones(len(sizes))
    cut = (pixels % tiles.pixels > 0) * columns
    return np.stack(
        [
            *(one, columns, rows, area, area * whole, area * some, area * left),
            *(pixels * channels, pixels, channels, pixels * depth, cut, cut * depth),
            rows * (channels % tiles.channels > 0),
        ],
        axis=1,
    )


def _depthwise(sizes: FloatArray, tiles: Tiles) -> FloatArray:
    rows, columns, channels = sizes.T
    pixels = rows * columns
    whole, some, left = _steps(channels, tiles.channels)
    one = np.ones(len(sizes))
    return np.stack(
        [one, rows, pixels, pixels * whole, pixels * some, pixels * left, channels, rows * channels], axis=1
    )


def _pool(sizes: FloatArray, tiles: Tiles) -> FloatArray:
    pixels, channels, window = sizes.T
    whole, some, left = _steps(channels, tiles.channels)
    one = np.ones(len(sizes))
    each = [whole, some, left]
    return np.stack(
        [
            *(one, pixels, pixels * window),
            *(pixels * part for part in each),
            *(pixels * window * part for part in each),
        ],
        axis=1,
    )


def _reduce(sizes: FloatArray, tiles: Tiles) -> FloatArray:
    reduced, kept = sizes.T
    whole, some, left = _steps(kept, tiles.channels)
    one = np.ones(len(sizes))
    each = [whole, some, left]
    steps = [reduced // 4, (reduced % 4 > 0).astype(float), np.ceil(reduced / 8)]
    return np.stack(
        [
            *(one, reduced),
            *each,
            *(reduced * part for part in each),
            *(step * whole for step in steps),
            reduced // tiles.channels * kept,
        ],
        axis=1,
    )


def _plain(sizes: FloatArray, tiles: Tiles) -> FloatArray:
    outer, last, read, products = sizes.T
    whole, some, left = _steps(last, tiles.channels)
    elements = outer * last
    all_whole, all_some, all_left = _steps(elements, tiles.channels)
    one = np.ones(len(sizes))
    return np.stack(
        [
            *(one, outer, outer * whole, outer * some, outer * left),
            *(all_whole, all_some, all_left, elements, read, products),
        ],
        axis=1,
    )

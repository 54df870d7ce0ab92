"""Sparse constants: what the file stores of them and the dense array they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError

Ints = npt.NDArray[np.int64]

_MOST_SPARSE = 4096
_ALWAYS_FITS = 1 << 20
"""Elements of a dense array: more are believed only if there are stored ones enough for it."""


@dataclass(frozen=True)
class Level:
    """One stored dimension: dense with a size, or compressed with segments and indices."""

    size: int
    segments: Ints | None = None
    indices: Ints | None = None


@dataclass(frozen=True)
class Sparsity:
    """Storage order of a sparse tensor.

    Attributes:
        order: logical dimension of each level; numbers from the rank on are inner block dimensions.
        block_map: logical dimension that each block dimension splits.
        levels: how each level is stored, outermost first.
    """

    order: tuple[int, ...]
    block_map: tuple[int, ...]
    levels: tuple[Level, ...]


def densify(values: npt.NDArray[Any], sparsity: Sparsity, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The dense array of ``shape`` whose stored elements are ``values``, zero elsewhere.

    Raises ModelError if the stored structure contradicts itself or the shape.
    """
    most = max(_ALWAYS_FITS, _MOST_SPARSE * len(values))
    try:
        if math.prod(shape) > most:
            raise ValueError(f"{len(values)} stored elements claim to stand for {math.prod(shape)}")
        coordinates = _coordinates(sparsity, len(shape), most)
        dense = np.zeros(math.prod(shape), values.dtype)
        dense[np.ravel_multi_index(coordinates, shape)] = values
    except (ValueError, IndexError, MemoryError) as error:
        raise ModelError(f"a sparse constant of shape {shape} is damaged: {error}") from None
    return dense.reshape(shape)


def _coordinates(sparsity: Sparsity, rank: int, most: int) -> tuple[Ints, ...]:
    """Logical coordinates of every stored element, one array per dimension; ValueError if over ``most``."""
    stored: list[Ints] = []
    parents = np.zeros(1, np.int64)
    for level in sparsity.levels:
        repeats, positions, parents = _expand(level, parents, most)
        stored = [np.repeat(column, repeats) for column in stored] + [positions]
    out = [np.zeros(len(parents), np.int64) for _ in range(rank)]
    inner = dict(_block_sizes(sparsity, rank))
    for dim, column in sorted(zip(sparsity.order, stored, strict=True), key=lambda pair: pair[0]):
        if dim < rank:
            out[dim] += column * inner.get(dim, 1)
        else:
            out[sparsity.block_map[dim - rank]] += column
    return tuple(out)


def _block_sizes(sparsity: Sparsity, rank: int) -> list[tuple[int, int]]:
    blocks = zip(sparsity.order, sparsity.levels, strict=True)
    return [(sparsity.block_map[dim - rank], level.size) for dim, level in blocks if dim >= rank]


def _expand(level: Level, parents: Ints, most: int) -> tuple[Ints, Ints, Ints]:
    """Children per parent, their positions in this dimension, and their numbers in storage."""
    if level.segments is None or level.indices is None:
        if level.size < 0 or level.size * len(parents) > most:
            raise ValueError(f"a dimension of size {level.size}")
        repeats = np.full(len(parents), level.size)
        positions = np.tile(np.arange(level.size), len(parents))
        return repeats, positions, np.repeat(parents, repeats) * level.size + positions
    starts = level.segments[parents]
    repeats = level.segments[parents + 1] - starts
    if (repeats < 0).any() or (len(starts) and int(repeats.sum()) > len(level.indices)):
        raise ValueError("segments that do not fit their indices")
    before = np.cumsum(repeats) - repeats
    children = np.arange(int(repeats.sum())) - np.repeat(before - starts, repeats)
    return repeats, level.indices[children], children

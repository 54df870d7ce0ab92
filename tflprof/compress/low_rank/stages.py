"""Forms of factorised layers: which thinner layers stand for one, before any numbers are in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

SVD, SPATIAL, TUCKER = "svd", "spatial", "tucker"
STEP = 8
"""Ranks are multiples of eight, as kernels work on eight channels at a time."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """One convolution; a fully connected layer is one of a 1×1 kernel over one place.

    Attributes:
        outputs, inputs: channels.
        kernel, stride, dilation: rows and columns.
    """

    outputs: int
    inputs: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)

    def size(self, rows_columns: Pair, padding: str) -> Pair:
        """Rows and columns of the result."""
        sides = zip(rows_columns, self.kernel, self.stride, self.dilation, strict=True)
        lost = 0 if padding == "SAME" else 1
        rows, columns = (-(-(n - lost * (k - 1) * d) // s) for n, k, s, d in sides)
        return rows, columns

    def macs(self, rows_columns: Pair, padding: str) -> int:
        """Multiply-accumulates for an image of this size."""
        return math.prod((*self.size(rows_columns, padding), self.outputs, self.inputs, *self.kernel))


def stages(form: str, ranks: Sequence[int], layer: Stage) -> tuple[Stage, ...]:
    """What stands for a layer.

    Args:
        form: ``svd``: two 1×1; ``spatial``: k×1, then 1×k; ``tucker``: 1×1, k×k, 1×1, without a 1×1 whose rank is
            full.
        ranks: channels between the stages; cut down to what the layer has.
        layer: the layer itself.
    """
    o, i, (kh, kw) = layer.outputs, layer.inputs, layer.kernel
    (sh, sw), (dh, dw) = layer.stride, layer.dilation
    if form == SVD:
        rank = min(ranks[0], o, i)
        return replace(layer, outputs=rank), Stage(o, rank)
    if form == SPATIAL:
        rank = min(ranks[0], kh * i, kw * o)
        return (
            Stage(rank, i, (kh, 1), (sh, 1), (dh, 1)),
            Stage(o, rank, (1, kw), (1, sw), (1, dw)),
        )
    if form == TUCKER:
        r_in, r_out = min(ranks[0], i), min(ranks[1], o)
        core = replace(layer, outputs=r_out, inputs=r_in)
        before, after = [Stage(r_in, i)] * (r_in < i), [Stage(o, r_out)] * (r_out < o)
        return (*before, core, *after)
    raise ValueError(f"there is no form {form!r}")


def total_macs(parts: Sequence[Stage], rows_columns: Pair, padding: str) -> int:
    """Multiply-accumulates of stages one after the other."""
    total = 0
    for part in parts:
        total += part.macs(rows_columns, padding)
        rows_columns = part.size(rows_columns, padding)
    return total


def offers(layer: Stage, rows_columns: Pair, padding: str, most: int) -> list[tuple[str, tuple[int, ...]]]:
    """Forms and ranks with less work than the layer itself, at most ``most`` of each form, smallest first."""
    whole = layer.macs(rows_columns, padding)

    def saves(form: str, ranks: tuple[int, ...]) -> bool:
        return total_macs(stages(form, ranks, layer), rows_columns, padding) < whole

    found: list[tuple[str, tuple[int, ...]]]
    if layer.kernel == (1, 1):
        limit = min(layer.outputs, layer.inputs)
        found = [(SVD, (r,)) for r in range(STEP, limit, STEP) if saves(SVD, (r,))]
        return _spread(found, most)
    found = []
    if min(layer.kernel) > 1:
        limit = min(layer.kernel[0] * layer.inputs, layer.kernel[1] * layer.outputs)
        found = [(SPATIAL, (r,)) for r in range(STEP, limit, STEP) if saves(SPATIAL, (r,))]
        found = _spread(found, most)
    pairs = dict.fromkeys(_pairs(layer))
    return found + _spread([(TUCKER, pair) for pair in pairs if saves(TUCKER, pair)], most)


def _pairs(layer: Stage) -> Iterator[tuple[int, int]]:
    """Ranks of input and output that keep the same share of both."""
    longer = max(layer.inputs, layer.outputs)
    if min(layer.inputs, layer.outputs) < 2 * STEP:
        return
    for rank in range(STEP, longer, STEP):
        r_in, r_out = (
            min(max(round(rank * n / longer / STEP) * STEP, STEP), n) for n in (layer.inputs, layer.outputs)
        )
        yield r_in, r_out


def _spread(found: list[tuple[str, tuple[int, ...]]], most: int) -> list[tuple[str, tuple[int, ...]]]:
    """At most so many, evenly over all; always the largest."""
    if len(found) <= most:
        return found
    return [found[-(-len(found) * (place + 1) // most) - 1] for place in range(most)]

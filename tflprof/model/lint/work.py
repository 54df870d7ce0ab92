"""How much of a model's work an operator is: one scale for multiplications, bytes and calls, to compare lints by.

The unit is the MAC. On an emulated Cortex-A73 a MAC in a convolution takes a third of an instruction, and so does,
roughly, moving a byte (an addition of floats takes a quarter of that, 8-bit padding four times as much). Starting a
kernel, entering a partition and the runtime's own kernels are put at what they cost there; the benchmark ``lints``
says how well all this predicts. It is work and no time: what caches cost is left out.
"""

from __future__ import annotations

from tflprof.model.cost import Cost

BYTES_PER_MAC = 1
KERNEL = 600
"""Starting a kernel, in MACs: 200 instructions."""

PARTITION = 2_000
"""Entering the delegate once more, in MACs: 700 instructions, besides what is copied."""

_OWN_KERNELS = {
    "ABS": 115, "AVERAGE_POOL_2D": 6, "CUMSUM": 25, "HARD_SWISH": 7, "L2_NORMALIZATION": 150, "MIRROR_PAD": 385,
    "PACK": 190, "POW": 180, "PRELU": 160, "RELU": 130, "RELU6": 130, "RELU_N1_TO_1": 130,
}  # fmt: skip
"""MACs per element (in a pooling: per element of a window) that some of the runtime's kernels cost, as counted."""

_PRODUCTS = 3
"""How many times more the runtime's own convolutions cost than the delegate's."""


def of_bytes(count: float) -> float:
    """Moving so many bytes, in MACs."""
    return count / BYTES_PER_MAC


def of(cost: Cost) -> float:
    """One operator in the delegate, in MACs; what is unknown counts as nothing."""
    moved = (cost.weight_bytes or 0) + (cost.activation_bytes or 0)
    return (cost.macs or 0) + of_bytes(moved) + KERNEL


def lost(code: str, cost: Cost, elements: int) -> float:
    """What an operator costs more in the runtime's own kernel than in the delegate's, in MACs.

    Args:
        code: operator.
        cost: of the operator.
        elements: that its kernel looks at.
    """
    return (cost.macs or 0) * (_PRODUCTS - 1) + elements * _OWN_KERNELS.get(code, 0)

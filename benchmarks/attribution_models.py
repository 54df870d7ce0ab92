"""The networks whose attribution is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.barcode import SHAPES, barcode
from tflprof.model.build import build_network

BARCODE_DTYPES = ("float32", "int8", "float16", "dynamic")
PUBLISHED: tuple[tuple[str, int, float, str], ...] = (
    ("mobilenet_v1", 128, 0.5, "float32"),
    ("mobilenet_v1", 128, 0.5, "int8"),
    ("mobilenet_v2", 128, 0.5, "float32"),
    ("mobilenet_v2", 128, 0.5, "int8"),
    ("mobilenet_v3_large", 96, 0.5, "float32"),
    ("mobilenet_v3_small", 128, 1.0, "int8"),
    ("efficientnet_lite0", 96, 1.0, "float16"),
    ("resnet_50", 64, 0.5, "float32"),
    ("inception_v3", 96, 0.5, "int8"),
    ("ssd_mobilenet_v1", 96, 0.5, "float32"),
    ("bert_tiny", 16, 1.0, "dynamic"),
)
"""Name, size, width and type; smaller than published, since every layer is run by itself under the emulator."""


def models() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Each with its name and what makes the file's content."""
    for shape in SHAPES:
        for dtype in BARCODE_DTYPES:
            yield f"barcode {shape} {dtype}", partial(barcode, shape, dtype)
    for name, size, width, dtype in PUBLISHED:
        make = partial(build_network, name, size=size, width=width, dtype=dtype)
        yield f"{name} {width:g} {size} {dtype}", make

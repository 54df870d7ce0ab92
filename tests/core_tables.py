"""The file of a core for tests."""

from __future__ import annotations

import re

from tflprof.targets.core_table import CLASSES

ALL = "\n".join(f"{name} = {{ latency = 2, simd = 1 }}" for name in CLASSES)
GOOD = f"""
title = "Test core"
parts = [{{ implementer = 0x41, part = 0xfff }}]
order = "out"
width = 3
window = 40
mispredict = 12.5

[sources]
pipeline = "the maker"
pipes = "the maker"
caches = "measured"

[pipes]
simd = 2
load = 1

[caches]
l1d_ways = 4
l2_ways = 8
l2_latency = 12
l2_line = 3.8

[[costs]]
source = "somebody's measurements"
{ALL}
"""


def with_class(name: str, line: str) -> bytes:
    """The good core with another line for a class."""
    return re.sub(rf"(?m)^{name} = .*$", line, GOOD).encode()

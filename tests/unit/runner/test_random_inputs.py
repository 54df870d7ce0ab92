from __future__ import annotations

import numpy as np
import pytest

from tflprof.runner.random_inputs import can_be_random, random_bytes, splitmix64


def test_the_generator_is_the_published_one() -> None:
    # The first outputs for seed 1234567 in the reference implementation's test vector.
    assert splitmix64(1234567, 3).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize(
    ("dtype", "numpy", "least", "most"),
    [
        ("float32", "<f4", -1, 1),
        ("float64", "<f8", -1, 1),
        ("float16", "<f2", -1, 1),
        ("complex64", "<f4", -1, 1),
        ("int32", "<i4", 0, 9),
        ("int64", "<i8", 0, 9),
        ("bool", "u1", 0, 1),
        ("int8", "i1", -128, 127),
        ("uint16", "<u2", 0, 65535),
    ],
)
def test_ranges(dtype: str, numpy: str, least: int, most: int) -> None:
    values = np.frombuffer(random_bytes(dtype, 8000, 1, 0), numpy)
    assert values.min() >= least
    assert values.max() <= most
    assert len(np.unique(values)) > 1


def test_bfloat16_is_the_rounded_float() -> None:
    floats = np.frombuffer(random_bytes("float32", 400, 3, 1), "<f4")
    halves = np.frombuffer(random_bytes("bfloat16", 200, 3, 1), "<u2")
    widened = (halves.astype("<u4") << 16).view("<f4")
    assert np.abs(widened - floats).max() <= 2**-8


def test_seed_and_position_matter() -> None:
    contents = {random_bytes("int8", 16, seed, position) for seed in (0, 1) for position in (0, 1)}
    assert len(contents) == 4


@pytest.mark.parametrize("dtype", ["string", "resource", "variant", "unknown"])
def test_what_cannot_be_random(dtype: str) -> None:
    assert not can_be_random(dtype)

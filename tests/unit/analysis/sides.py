"""Profiles to compare: exact counts, and measurements on a quiet machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.factories import Part, make_profile, part
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter

COUNTS = (part("CONV_2D", "net/a", 5_000_000), part("CONV_2D", "net/b", 90_000), part("ADD", "net/c", 2_000))


def with_meta(profile: Profile, **changes: Any) -> Profile:
    return Profile(replace(profile.meta, **changes), profile.table)


def with_options(profile: Profile, **changes: Any) -> Profile:
    return with_meta(profile, options=replace(profile.meta.options, **changes))


def counts(parts: Sequence[Part] = COUNTS, **changes: Any) -> Profile:
    return with_meta(make_profile(parts, unit="instructions"), **changes)


def costing(parts: Sequence[Part], name: str, cost: float) -> tuple[Part, ...]:
    """The same with another cost of one layer."""
    return tuple(replace(one, cost=cost) if one.layers[0][1] == name else one for one in parts)


def alike(profile: Profile, fingerprint: str) -> Profile:
    """The same of a model of another structure, whose layers have as many weights each."""
    layers = tuple(replace(layer, parameters=10, weight_bytes=40) for layer in profile.meta.model.layers)
    return with_meta(profile, model=replace(profile.meta.model, layers=layers, fingerprint=fingerprint))


def row(comparison: Comparison, name: str) -> Difference:
    """The row with a layer of this name on either side."""
    return next(
        one for one in comparison.layers if name in {side.name for side in (one.a, one.b) if side is not None}
    )


def quiet(factor: float = 1.0, *, seed: int = 0, processes: int = 20, parts: int = 3) -> Profile:
    """Measured on a quiet machine: layers of 1 ms, processes that differ by 0.05 %; the second takes ``factor`` ms."""
    rng = np.random.default_rng(seed)
    base = make_profile(
        [part("CONV_2D", f"net/{i}", 1e6) for i in range(parts)], processes=1, blocks=1, inferences=1
    )
    writer = SampleWriter()
    for process in range(processes):
        level = rng.normal(1, 0.0005)
        for number, variant in enumerate(("plain", "profiled")):
            rows = np.full((60, parts), 1e6) * level * rng.normal(1, 0.001, (60, parts))
            rows[:, min(1, parts - 1)] *= factor
            invoke = rows.sum(axis=1)
            events = [[int(sum(row)), *map(int, row)] for row in rows] if variant == "profiled" else ()
            writer.add_block(
                BlockSamples(
                    process=process, block=number, round=0, phase="steady", variant=variant, counter="ns",
                    t=process * 10**10 + number * 10**9, khz=None, values=[int(v) for v in invoke], cores=[1] * 60,
                    structures=[0] * 60 if events else (), events=events,
                )
            )  # fmt: skip
    return Profile(base.meta, writer.table())

"""Synthetic predicted profiles for tests: counters of an emulated core, and nanoseconds made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.factories import MIXED, Part, make_profile
from tflprof import trust
from tflprof.profile.blocks import read_blocks
from tflprof.profile.meta import Prediction
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter, select_singles

HERTZ = 2_457_600_000
UNANCHORED = Prediction(
    mode="caches",
    core="cortex-a73",
    hertz=HERTZ,
    threads=1,
    scale=1.0,
    anchors=(),
    error=0.18,
    layer_error=0.35,
    costs_sha256="c" * 64,
    ratio_error=0.06,
)
ANCHORED = replace(
    UNANCHORED,
    scale=1.07,
    anchors=("mobilenet_v1: 86.0 ms measured, 80.4 ms predicted (my phone, 2026-11-21)",),
    error=0.08,
    layer_error=0.2,
)


def predicted(
    parts: Sequence[Part] = MIXED,
    *,
    prediction: Prediction = UNANCHORED,
    cycles_per_instruction: float = 0.6,
    plain: bool = True,
    notes: Sequence[str] = (),
    **options: Any,
) -> Profile:
    """A profile of predicted times whose parts cost so many instructions.

    Args:
        parts: as for :func:`tests.factories.make_profile`.
        prediction: how its times came about.
        cycles_per_instruction: of the modelled core.
        plain: False: only inferences with profiling were run, as of large models.
        notes: what is to be known of the anchors.
        options: of :func:`tests.factories.make_profile`.
    """
    counts = make_profile(parts, unit="instructions", **options)
    ns_per_count = cycles_per_instruction * prediction.scale * 1e9 / prediction.hertz
    writer = SampleWriter()
    for value in select_singles(counts.table, "init", "init", "instructions").tolist():
        for counter, factor in (("instructions", 1.0), ("ns", ns_per_count)):
            writer.add_single("init", 0, "init", "plain", counter, round(value * factor))
    for value in select_singles(counts.table, "memory", "first", "bytes").tolist():
        writer.add_single("memory", 0, "first", "plain", "bytes", value)
    for block in read_blocks(counts.table, "instructions"):
        if plain or block.variant == "profiled":
            writer.add_block(block)
            writer.add_block(_scaled(block, "cycles", cycles_per_instruction))
            writer.add_block(_scaled(block, "dram_lines", 0.01))
            writer.add_block(_scaled(block, "ns", ns_per_count))
    meta = replace(
        counts.meta,
        unit="ns",
        provenance="predicted",
        prediction=prediction,
        options=replace(counts.meta.options, threads=prediction.threads, cpus=(4,)),
        conditions={**counts.meta.conditions, **({"prediction_notes": list(notes)} if notes else {})},
    )
    profile = Profile(meta, writer.table())
    findings = trust.assess(meta, profile.summary)
    return Profile(replace(meta, findings=findings, verdict=trust.verdict(findings)), profile.table)


def _scaled(block: BlockSamples, counter: str, factor: float) -> BlockSamples:
    """The same block in another counter: an inference is what is in its events and what is between them."""
    events = [
        [
            sum(own := [round(value * factor) for value in each[1:]])
            + round((each[0] - sum(each[1:])) * factor),
            *own,
        ]
        for each in block.events
    ]
    values = [round(value * factor) for value in block.values]
    return replace(block, counter=counter, values=values, events=events if block.events else ())

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_profile, sustained
from tflprof.profile.blocks import read_blocks
from tflprof.profile.samples import BlockSamples, SampleWriter

values = st.integers(0, 2**40)
known = st.none() | st.integers(0, 10**7)


@st.composite
def blocks(draw: st.DrawFn) -> list[BlockSamples]:
    found = []
    for process in range(draw(st.integers(1, 3))):
        for number in range(draw(st.integers(1, 3))):
            count = draw(st.integers(1, 4))
            profiled = draw(st.booleans())
            widths = draw(st.lists(st.sampled_from([2, 3]), min_size=count, max_size=count))
            found.append(
                BlockSamples(
                    process=process,
                    block=number,
                    round=draw(st.integers(0, 5)),
                    phase=draw(st.sampled_from(["first", "warmup", "steady"])),
                    variant="profiled" if profiled else "plain",
                    counter="ns",
                    t=draw(values),
                    khz=draw(known),
                    values=draw(st.lists(values, min_size=count, max_size=count)),
                    cores=draw(st.lists(st.integers(-1, 7), min_size=count, max_size=count)),
                    structures=[width - 2 for width in widths] if profiled else (),
                    events=[draw(st.lists(values, min_size=w, max_size=w)) for w in widths]
                    if profiled
                    else (),
                    tainted=draw(st.lists(st.booleans(), min_size=count, max_size=count)),
                    chain_khz_before=draw(known),
                    millicelsius=draw(known),
                    worker_cores=draw(st.none() | st.lists(st.integers(0, 7), max_size=3)),
                    pmu={"cycles": draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))}
                    if draw(st.booleans())
                    else {},
                )
            )
    return found


@given(blocks())
def test_blocks_come_back_as_they_were_written(written: list[BlockSamples]) -> None:
    writer = SampleWriter()
    for i, block in enumerate(written):
        if i % 2:
            writer.add_single("init", block.process, "init", "plain", "ns", 5)
        writer.add_block(block)
    assert list(read_blocks(writer.table(), "ns")) == written


def test_a_count_that_was_not_read_stays_unknown() -> None:
    block = BlockSamples(0, 0, 0, "steady", "plain", "ns", 1, None, [5, 6], [0, 0], pmu={"cycles": [-1, 7]})
    writer = SampleWriter()
    writer.add_block(block)
    assert list(read_blocks(writer.table(), "ns")) == [replace(block, tainted=[False, False])]


def test_every_inference_of_a_profile_is_in_a_block() -> None:
    for profile in (make_profile(), make_profile(unit="instructions"), sustained()):
        inferences = sum(len(block.values) for block in read_blocks(profile.table, profile.meta.unit))
        assert inferences == int((profile.samples()["kind"] == "inference").sum())

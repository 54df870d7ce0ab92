"""From counted cycles to predicted nanoseconds: what must hold of any inference, of one thread and of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.errors import TargetError
from tflprof.measure.parallel import SharedWork
from tflprof.measure.predict import predict, predict_singles
from tflprof.profile.meta import EventInfo, Prediction, StructureInfo
from tflprof.profile.samples import BlockSamples

KERNEL, OPERATOR, PHASE = 8, 2, 1
PREDICTION = Prediction("caches", "cortex-a73", 2_457_600_000, 1, 1.0, (), 0.2, 0.4, "c" * 64)
NET = StructureInfo(
    tuple(
        EventInfo(kind, 0, 0, 0, tag)
        for kind, tag in (
            (PHASE, "Invoke"),
            (OPERATOR, "PAD"),
            (KERNEL, "Convolution (NHWC, F32) DWConv"),
            (KERNEL, "Fully Connected (NC, F32) GEMM"),
            (KERNEL, "Softmax (NC, F32)"),
        )
    ),
    (-1, 0, 0, 0, 0),
)


def block(
    values: list[int], events: list[list[int]] | None = None, counter: str = "cycles", **more: object
) -> BlockSamples:
    profiled = events is not None
    base = BlockSamples(
        process=0,
        block=int(str(more.pop("number", 0))),
        round=0,
        phase=str(more.pop("phase", "steady")),
        variant="profiled" if profiled else "plain",
        counter=counter,
        t=0,
        khz=None,
        values=values,
        cores=[7] * len(values),
        structures=[0] * len(values) if profiled else (),
        events=events or (),
    )
    return replace(base, **more)  # type: ignore[arg-type]


@st.composite
def nested(draw: st.DrawFn) -> tuple[StructureInfo, list[int], int]:
    """Any nesting of events with what they take, each at least as much as those it encloses; and the whole."""
    count = draw(st.integers(1, 12))
    parent = [draw(st.integers(-1, at - 1)) for at in range(count)]
    own = [draw(st.integers(0, 10**9)) for _ in range(count)]
    elapsed = list(own)
    for event in reversed(range(count)):
        if parent[event] >= 0:
            elapsed[parent[event]] += elapsed[event]
    whole = sum(e for e, p in zip(elapsed, parent, strict=True) if p < 0) + draw(st.integers(0, 10**6))
    events = tuple(EventInfo(KERNEL, 0, 0, at, "Add") for at in range(count))
    return StructureInfo(events, tuple(parent)), elapsed, whole


SPEEDS = st.tuples(st.integers(1_000_000_000, 3_400_000_000), st.floats(0.2, 5.0))


@given(nested(), SPEEDS)
@settings(max_examples=200, deadline=None)
def test_events_add_up_and_are_within_a_nanosecond(
    inference: tuple[StructureInfo, list[int], int], speed: tuple[int, float]
) -> None:
    structure, elapsed, whole = inference
    hertz, scale = speed
    prediction = replace(PREDICTION, hertz=hertz, scale=scale)
    (found,) = predict([block([whole], [elapsed])], [structure], prediction)
    times, total = found.events[0], found.values[0]
    factor = 1e9 * scale / hertz
    assert abs(total - whole * factor) <= 0.5 + 1e-6 * whole
    for event, time in enumerate(times):
        assert abs(time - elapsed[event] * factor) <= 1 + 1e-6 * elapsed[event]
        inside = sum(times[c] for c, p in enumerate(structure.parent) if p == event)
        assert 0 <= inside <= time
    outermost = sum(t for t, p in zip(times, structure.parent, strict=True) if p < 0)
    assert outermost <= total
    if whole == sum(e for e, p in zip(elapsed, structure.parent, strict=True) if p < 0):
        assert outermost == total


@given(st.lists(st.integers(0, 3), min_size=1, max_size=400))
def test_many_short_events_lose_nothing(cycles: list[int]) -> None:
    count = len(cycles)
    structure = StructureInfo(tuple(EventInfo(KERNEL, 0, 0, i, "Add") for i in range(count)), (-1,) * count)
    (found,) = predict([block([sum(cycles)], [cycles])], [structure], PREDICTION)
    assert sum(found.events[0]) == found.values[0]


def test_blocks_keep_all_but_counter_and_values() -> None:
    blocks = [
        block([1000], counter="instructions"),
        block([2_457_600], number=4, phase="first", tainted=True),
        block([12], counter="dram_lines"),
    ]
    (found,) = predict(blocks, [], PREDICTION)
    assert found == replace(blocks[1], counter="ns", values=[1_000_000])


def test_a_scale_stretches() -> None:
    (found,) = predict([block([2_457_600_000])], [], replace(PREDICTION, scale=1.25))
    assert found.values == [1_250_000_000]


def test_nothing_is_predicted_of_instructions() -> None:
    assert predict([block([1], counter="instructions")], [], PREDICTION) == []


def test_init_is_predicted_from_its_cycles() -> None:
    singles = [
        ("init", 0, "init", "plain", "instructions", 5),
        ("init", 0, "init", "plain", "cycles", 2_457_600),
        ("memory", 0, "first", "plain", "bytes", 1 << 20),
    ]
    assert predict_singles(singles, PREDICTION) == [("init", 0, "init", "plain", "ns", 1_000_000)]


CYCLES = [10_000_000, 100_000, 3_000_000, 6_000_000, 400_000]
LINES = [40_100, 100, 10_000, 30_000, 0]
FOUR = SharedWork(threads=4, line_cycles=50.0, memory=0.5, sync_cycles=1000.0, efficiency=0.9)


def predicted(several: SharedWork | None, lines: list[int] = LINES) -> tuple[BlockSamples, BlockSamples]:
    blocks = [
        block([10_050_000], [CYCLES]),
        block([40_200], [lines], counter="dram_lines"),
        block([10_000_000]),
        block([40_100], counter="dram_lines"),
    ]
    profiled, plain = predict(blocks, [NET], replace(PREDICTION, hertz=1_000_000_000), several)
    return profiled, plain


def test_several_threads_share_kernels_only() -> None:
    (alone, plain_alone), (shared, plain_shared) = predicted(None), predicted(FOUR)
    before, after = alone.events[0], shared.events[0]
    assert after[1] == before[1]  # an operator of the runtime
    assert after[4] == before[4]  # a softmax of one row
    assert before[2] / 4 < after[2] < before[2] / 2
    spared = before[0] - after[0]
    assert spared == sum(before[1:]) - sum(after[1:])
    assert alone.values[0] - shared.values[0] == pytest.approx(spared, abs=1)
    assert plain_alone.values[0] - plain_shared.values[0] == pytest.approx(spared, abs=1)


def test_memory_is_shared_by_all_threads() -> None:
    few, many = predicted(FOUR, [0] * 5)[0], predicted(FOUR, LINES)[0]
    assert few.values[0] < many.values[0]


def test_no_number_of_threads_is_faster_than_memory() -> None:
    cycles, lines = np.array(CYCLES, dtype=float), np.array(LINES, dtype=float)
    own = np.array([cycles[0] - cycles[1:].sum(), *cycles[1:]])
    hidden = replace(FOUR, line_cycles=0.0, sync_cycles=0.0)
    free, bound = (
        replace(hidden, floor_cycles=floor).shared(NET, own, np.array([0.0, *lines[1:]]), 0.0)
        for floor in (0.0, 150.0)
    )
    assert free[3] == pytest.approx(6_000_000 / 4 / 0.9)
    assert bound[3] == pytest.approx(30_000 * 150)
    assert bound[2] == pytest.approx(10_000 * 150)
    assert bound[4] == free[4] == 400_000


def test_waiting_is_never_more_than_a_kernel_takes() -> None:
    absurd = predicted(FOUR, [10**9] * 5)[0]
    limit = predicted(None)[0]
    assert 0 < absurd.values[0] < limit.values[0]


@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**5)), min_size=1, max_size=20),
    st.sampled_from([2, 4]),
    st.floats(0.25, 1.0),
)
def test_shared_work_is_between_an_even_share_and_the_whole(
    kernels: list[tuple[int, int]], threads: int, memory: float
) -> None:
    count = len(kernels)
    structure = StructureInfo(tuple(EventInfo(KERNEL, 0, 0, i, "Add") for i in range(count)), (-1,) * count)
    cycles, lines = (np.array(column, dtype=float) for column in zip(*kernels, strict=True))
    work = SharedWork(threads, 30.0, max(memory, 1 / threads), 0.0)
    found = work.shared(structure, cycles, lines, 0.0)
    assert np.all(found >= cycles / threads - 1e-6)
    assert np.all(found <= cycles + 1e-6)


def test_what_is_not_delegated_cannot_be_shared() -> None:
    mostly = [10_000_000, 5_000_000, 3_000_000, 1_500_000, 400_000]
    blocks = [block([10_050_000], [mostly]), block([0], [[0] * 5], counter="dram_lines")]
    with pytest.raises(TargetError, match="51% of the inference"):
        predict(blocks, [NET], PREDICTION, FOUR)


def test_equal_counts_give_equal_times() -> None:
    first, second = predicted(FOUR), predicted(FOUR)
    assert first == second

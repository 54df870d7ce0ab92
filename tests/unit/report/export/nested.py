"""Profiles of a loop: operators within operators, and two event lists."""

from __future__ import annotations

from dataclasses import replace

from tests.factories import make_profile, part
from tflprof.profile.meta import Alignment, EventInfo, LayerInfo, Row, StructureInfo
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter

LAYERS = (
    LayerInfo("0/0", 0, "CONV_2D", "conv"),
    LayerInfo("0/1", 1, "WHILE", "loop", outputs=("loop", "count")),
    LayerInfo("1/0", 2, "LESS", "go on"),
    LayerInfo("2/0", 3, "ADD", "next"),
)
INVOKE, CONV = EventInfo(1, 0, 0, 0, "Invoke"), EventInfo(8, 0, 0, 0, "Convolution (NHWC, F32)")
WHILE, LESS = EventInfo(2, 0, 1, 0, "WHILE"), EventInfo(2, 0, 0, 1, "LESS")
ADD, LATE = EventInfo(2, 0, 0, 2, "ADD"), EventInfo(2, 0, 9, 0, "unread")


def loop_profile(*, first: int = 1_000_000, clock: int = 5_000_000) -> Profile:
    """An inference runs the body once or twice; blocks begin at 5 ms (plain) and 6 ms (profiled) of each process."""
    once = StructureInfo((INVOKE, CONV, WHILE, LESS, ADD, LESS, LATE), (-1, 0, 0, 2, 2, 2, 0))
    twice = StructureInfo((INVOKE, CONV, WHILE, LESS, ADD, LESS, ADD, LESS), (-1, 0, 0, 2, 2, 2, 2, 2))
    rows = (
        Row(("0/0",), CONV.tag, {"0": (1,), "1": (1,)}, "exact"),
        Row(("0/1",), "WHILE", {"0": (2,), "1": (2,)}, "exact"),
        Row(("1/0",), "LESS", {"0": (3, 5), "1": (3, 5, 7)}, "split"),
        Row(("2/0",), "ADD", {"0": (4,), "1": (4, 6)}, "split"),
    )
    base = make_profile([part("ADD", "x", 1.0)], processes=1, blocks=1, inferences=1).meta
    meta = replace(
        base,
        model=replace(base.model, layers=LAYERS, subgraphs=("main", "cond", "body")),
        alignment=Alignment(1, (once, twice), rows),
    )
    writer = SampleWriter()
    for process in range(2):
        writer.add_single("init", process, "init", "plain", "ns", 77 + process)
        base_t = clock + process * 10_000_000
        writer.add_block(
            BlockSamples(process, 0, 0, "steady", "plain", "ns", base_t, 2_000_000, [90_000, 95_000], [4, -1],
                         tainted=[False, True], khz_before=1_900_000, millicelsius=41_500,
                         pmu={"cycles": [180_000, -1]})
        )  # fmt: skip
        writer.add_block(
            BlockSamples(process, 1, 0, "steady", "profiled", "ns", base_t + first, None, [100_000, 140_000], [4, 4],
                         [0, 1], [[99_000, 30_000, 60_000, 10_000, 20_000, 9_000, 4_000],
                                  [139_000, 31_000, 100_000, 10_000, 21_000, 11_000, 22_000, 12_000]])
        )  # fmt: skip
    return Profile(meta, writer.table())

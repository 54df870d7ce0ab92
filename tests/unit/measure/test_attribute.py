"""Kernel events to layers, on the graphs of micro-models and hand-written event lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.measure.graphs import AFTER, BEFORE, INVOKE, events, kernels, micro, node
from tflprof.measure.attribute import EventList, attribute
from tflprof.model.build.layers import Network
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.meta import Alignment, EventInfo


def aligned(model: Model, *lists: EventList, subgraph: int = 0) -> dict[str, tuple[str, ...]]:
    """Layer ids of each row -> tags of its events, all kinds of inferences together."""
    return tags_of(attribute(model, subgraph, lists, {}))


def tags_of(alignment: Alignment) -> dict[str, tuple[str, ...]]:
    return {
        "+".join(row.layers): tuple(
            alignment.structures[int(number)].events[event].tag
            for number, positions in row.events.items()
            for event in positions
        )
        for row in alignment.rows
    }


def types(model: Model) -> list[str]:
    return [op.type for op in model.subgraphs[0].ops]


def test_operators_that_the_runtime_ran_are_exact(tmp_path: Path) -> None:
    model = micro(tmp_path, "pad_conv")
    assert types(model) == ["PAD", "CONV_2D"]
    found = aligned(model, events(node(0, "PAD"), node(1, "CONV_2D")))
    assert found == {"0/0": ("PAD",), "0/1": ("CONV_2D",)}


def test_folded_padding_is_a_group_with_its_convolution(tmp_path: Path) -> None:
    model = micro(tmp_path, "pad_conv")
    alignment = attribute(model, 0, [events(*kernels("Convolution (NHWC, F32) IGEMM"))], {})
    assert tags_of(alignment) == {"0/0+0/1": ("Convolution (NHWC, F32) IGEMM",)}
    assert alignment.rows[0].note == "fused"


def test_padding_that_runs_is_a_layer_of_its_own(tmp_path: Path) -> None:
    model = micro(tmp_path, "pad_conv")
    found = aligned(model, events(*kernels("Constant Pad (ND, X32)", "Convolution (NHWC, F32) IGEMM")))
    assert found == {"0/0": ("Constant Pad (ND, X32)",), "0/1": ("Convolution (NHWC, F32) IGEMM",)}


@pytest.mark.parametrize(
    "tags",
    [
        ("Static Reshape (NC)", "Fully Connected (NC, F32) GEMM"),
        ("Convert (NC, F32, QD8)", "Fully Connected (NC, QD8, F32, QC8W) GEMM"),
        ("Fully Connected (NC, PF32) GEMM",),
        ("Some Kernel Of The Future (X1)",),
    ],
)
def test_a_layer_alone_gets_all_kernels_whatever_their_names(tmp_path: Path, tags: tuple[str, ...]) -> None:
    model = micro(tmp_path, "fully_connected")
    alignment = attribute(model, 0, [events(*kernels(*tags))], {})
    assert list(tags_of(alignment).values()) == [tags]
    assert alignment.rows[0].note == ("exact" if len(tags) == 1 else "split")


def crossed(model: Model) -> tuple[list[int], list[int]]:
    """Indices of the refused and of the delegated operators of ``crossed_partitions``."""
    refused = [op.index for op in model.subgraphs[0].ops if op.code not in ("CONV_2D", "ADD")]
    return refused, [op.index for op in model.subgraphs[0].ops if op.index not in refused]


def test_partitions_run_out_of_file_order_and_never_merge(tmp_path: Path) -> None:
    model = micro(tmp_path, "crossed_partitions")
    refused, delegated = crossed(model)
    first = [
        i
        for i in delegated
        if i < refused[0] or set(model.subgraphs[0].ops[i].inputs) & set(model.subgraphs[0].inputs)
    ]
    rest = [i for i in delegated if i not in first]
    names = {
        i: "Add (ND)" if model.subgraphs[0].ops[i].code == "ADD" else "Convolution (NHWC, F32) IGEMM"
        for i in delegated
    }
    run = events(
        *kernels(*(names[i] for i in first)),
        *(node(i, model.subgraphs[0].ops[i].code) for i in refused),
        *kernels(*(names[i] for i in rest)),
    )
    alignment = attribute(model, 0, [run], {})
    order = [f"0/{i}" for i in (*first, *refused, *rest)]
    by_layer = {row.layers[0]: row.events["0"] for row in alignment.rows}
    assert {len(row.layers) for row in alignment.rows} == {1}
    assert [by_layer[layer] for layer in order] == [(position,) for position in range(2, 2 + len(order))]


def test_control_flow_takes_exclusive_time(tmp_path: Path) -> None:
    """The IF keeps its own time and that of the call it makes; its branch's layers are not counted twice."""
    model = micro(tmp_path, "if_else")
    branch = model.subgraphs[0].ops[1].subgraphs[0]
    run = events(
        *kernels("Convolution (NHWC, F32) IGEMM"),
        node(1, "IF"),
        EventInfo(1, 0, 0, 0, "AllocateTensors"),
        EventInfo(1, 0, 0, branch, "Invoke"),
        *kernels("Convolution (NHWC, F32) IGEMM"),
        *kernels("Softmax (NC, F32)"),
    )
    alignment = attribute(model, 0, [run], {})
    assert tags_of(alignment) == {
        "0/0": ("Convolution (NHWC, F32) IGEMM",),
        "0/1": ("IF", "AllocateTensors", "Invoke"),
        "0/2": ("Softmax (NC, F32)",),
        f"{branch}/0": ("Convolution (NHWC, F32) IGEMM",),
    }
    assert alignment.structures[0].parent == (-1, -1, 1, 1, 3, 3, 5, 1, -1)


def test_kinds_of_inferences_share_their_rows(tmp_path: Path) -> None:
    """A WHILE that ran once and twice: same rows, each with its own events."""
    model = micro(tmp_path, "while_loop")
    condition, body = model.subgraphs[0].ops[0].subgraphs

    def loop(times: int) -> EventList:
        turn = [
            EventInfo(1, 0, 0, body, "Invoke"),
            node(0, "ADD", body),
            *kernels("Convolution (NHWC, F32) DWConv"),
        ]
        test = [EventInfo(1, 0, 0, condition, "Invoke"), node(0, "LESS", condition)]
        return events(node(0, "WHILE"), *test, *(turn + test) * times)

    alignment = attribute(model, 0, [loop(1), loop(2)], {})
    counts = {row.layers[0]: [len(row.events[n]) for n in ("0", "1")] for row in alignment.rows}
    assert counts == {"0/0": [4, 6], f"{condition}/0": [2, 3], f"{body}/0": [1, 2], f"{body}/1": [1, 2]}


def test_what_cannot_be_told_apart_is_a_group(tmp_path: Path) -> None:
    model = micro(tmp_path, "dynamic_batch")
    names = types(model)
    unknown = kernels(*["Kernel Of The Future (A)"] * (len(names) + 1))
    alignment = attribute(model, 0, [events(*unknown)], {})
    if len(names) > 1:
        assert any(len(row.layers) > 1 for row in alignment.rows)
    assert sum(len(row.events["0"]) for row in alignment.rows) == len(unknown)


def test_unexpected_events_stay_unattributed(tmp_path: Path) -> None:
    model = micro(tmp_path, "softmax")
    run = EventList(
        (BEFORE, INVOKE, node(0, "SOFTMAX"), node(7, "SURPRISE"), AFTER),
        events(node(0, ""), node(0, "")).elapsed,
    )
    assert aligned(model, run) == {"0/0": ("SOFTMAX",)}


def test_stateful_operators_in_a_row_keep_file_order(tmp_path: Path) -> None:
    """Both IFs are ready in the same sweep, the second as soon as the first is taken."""
    model = micro(tmp_path, "two_ifs")
    names = types(model)
    assert names[:2] == ["IF", "IF"]
    run = events(*(node(index, name) for index, name in enumerate(names)))
    assert aligned(model, run) == {f"0/{index}": (name,) for index, name in enumerate(names)}


def test_a_kernel_that_runs_in_every_turn_is_not_split(tmp_path: Path) -> None:
    model = micro(tmp_path, "while_loop")
    condition, body = model.subgraphs[0].ops[0].subgraphs
    turn = [
        EventInfo(1, 0, 0, body, "Invoke"),
        node(0, "ADD", body),
        *kernels("Convolution (NHWC, F32) DWConv"),
    ]
    test = [EventInfo(1, 0, 0, condition, "Invoke"), node(0, "LESS", condition)]
    alignment = attribute(model, 0, [events(node(0, "WHILE"), *test, *(turn + test) * 3)], {})
    assert {row.note for row in alignment.rows} == {"exact"}
    assert {row.layers[0]: row.kernel for row in alignment.rows}["0/0"] == "WHILE"


def test_timing_noise_does_not_change_the_alignment(tmp_path: Path) -> None:
    """The same kernels with any costs: what belongs to what does not depend on how long it took."""
    model = micro(tmp_path, "dynamic_batch")
    tags = ("Static Reshape (NC)", "Fully Connected (NC, F32) GEMM") * 2
    listed = events(*kernels(*tags, "Softmax (NC, F32)")).events
    work = {"0/0": 128.0, "0/1": 32.0, "0/2": 4.0}
    rng = np.random.default_rng(0)
    for _ in range(50):
        noisy = EventList(listed, rng.lognormal(5, 2, len(listed)))
        found = tags_of(attribute(model, 0, [noisy], work))
        assert list(found.values()) == [tags[:2], tags[:2], ("Softmax (NC, F32)",)]


RESHAPE, DENSE = "Static Reshape (NC)", "Fully Connected (NC, F32) GEMM"


def flattened(folder: Path, *shapes: tuple[int, ...]) -> Model:
    """Reshapes in a row before a fully connected layer."""
    net = Network("flattened")
    x = net.input("x", (1, 4, 4, 8))
    for number, shape in enumerate(shapes):
        x = net.reshape(x, f"reshaped_{number}", shape)
    (folder / "m.tflite").write_bytes(net.finish(net.fully_connected(x, "dense", 8)))
    return read_model(folder / "m.tflite")


@pytest.mark.parametrize("own", [(), (RESHAPE,)])
def test_a_reshape_is_one_kernel_and_what_is_left_the_next_layers(
    tmp_path: Path, own: tuple[str, ...]
) -> None:
    """Whatever they cost: of two reshapes before a fully connected layer the second makes its input a matrix."""
    model = flattened(tmp_path, (1, 128))
    listed = events(*kernels(RESHAPE, *own, DENSE)).events
    rng = np.random.default_rng(0)
    for _ in range(50):
        noisy = EventList(listed, rng.lognormal(5, 2, len(listed)))
        found = tags_of(attribute(model, 0, [noisy], {"0/0": 1.0, "0/1": 1024.0}))
        assert found == {"0/0": (RESHAPE,), "0/1": (*own, DENSE)}


def test_a_pooling_of_one_pixel_may_be_nothing_or_a_clamp(tmp_path: Path) -> None:
    net = Network("pooled")
    x = net.pool(net.conv2d(net.input("x", (1, 1, 1, 8)), "conv", 8, 1), "pool", (1, 1))
    (tmp_path / "m.tflite").write_bytes(
        net.finish(net.fully_connected(net.reshape(x, "flat", (1, 8)), "dense", 8))
    )
    model = read_model(tmp_path / "m.tflite")
    rest = {"0/0": (DENSE,), "0/2": (RESHAPE,), "0/3": (RESHAPE, DENSE)}
    assert aligned(model, events(*kernels(DENSE, RESHAPE, RESHAPE, DENSE))) == rest | {"0/1": ()}
    clamp = "Clamp (NC, F32)"
    assert aligned(model, events(*kernels(DENSE, clamp, RESHAPE, RESHAPE, DENSE))) == rest | {"0/1": (clamp,)}


def test_reshapes_in_a_row_may_have_been_made_one(tmp_path: Path) -> None:
    """Of two kernels before the fully connected layer, no one can say whether one or none is its own."""
    model = flattened(tmp_path, (1, 16, 8), (1, 128))
    assert aligned(model, events(*kernels(RESHAPE, RESHAPE, DENSE))) == {
        "0/0+0/1+0/2": (RESHAPE, RESHAPE, DENSE)
    }
    assert aligned(model, events(*kernels(RESHAPE, RESHAPE, RESHAPE, DENSE))) == {
        "0/0": (RESHAPE,), "0/1": (RESHAPE,), "0/2": (RESHAPE, DENSE),
    }  # fmt: skip

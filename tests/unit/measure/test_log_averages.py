"""From rows to time per inference, and taking apart what was added up over partitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.log_samples import run_of
from tests.printed_litert import benchmark_litert_model
from tests.printed_logs import benchmark_model, kernel, operator
from tests.printed_messages import profile_message
from tflprof.logs.detect import read_log
from tflprof.logs.report import LogRun
from tflprof.measure.averages import inferences_behind, mean_us, merged_rows
from tflprof.measure.unmerge import MergedKernel, share_out
from tflprof.model.graph import Op

RUNS = 50


def read(text: str | bytes) -> LogRun:
    (run,) = read_log(text if isinstance(text, bytes) else text.encode(), "log").runs
    return run


def per_inference(run: LogRun) -> list[float]:
    (table,) = run.profiled()
    behind = inferences_behind(run, table)
    return [mean_us(row, table, behind) for row in table.rows]


TWICE = replace(operator("ADD", "twice", 1, 40), calls=2 * RUNS, total=2 * RUNS * 40)
SELDOM = replace(operator("RARE", "seldom", 2, 40), calls=5, total=5 * 4000)
"""Runs in one inference of ten: the tool prints 0 calls and the average of a call."""
NODES = (operator("CONV_2D", "a", 0, 800), TWICE, SELDOM)


@pytest.mark.parametrize("form", ["text", "csv", "proto"])
def test_calls_count(form: str) -> None:
    run = run_of(NODES)
    text = profile_message(run) if form == "proto" else benchmark_model(run, "tf2.12", csv=form == "csv")
    expected = [node.total / RUNS for node in NODES]
    assert per_inference(read(text)) == pytest.approx(expected, abs=1.1)


def test_the_litert_tool_counts_warm_up_too() -> None:
    every = tuple(
        replace(node, calls=node.calls * 53 // 50, total=node.total * 53 // 50) for node in NODES[:2]
    )
    run = read(benchmark_litert_model(run_of(every)))
    assert inferences_behind(run, run.profiled()[0]) == 53
    assert per_inference(run) == pytest.approx([800, 80], abs=1.1)


def test_kernels_of_several_partitions_are_seen() -> None:
    nodes = (kernel("Add (ND)", 0, 4), kernel("Add (ND)", 1, 4, times=3), operator("CUMSUM", "x", 9, 5))
    run = read(benchmark_model(run_of(nodes), "tf2.17"))
    (table,) = run.profiled()
    assert [row.index for row in merged_rows(table, inferences_behind(run, table))] == [1]
    whole = read(benchmark_model(run_of((nodes[0], nodes[2])), "tf2.17")).profiled()[0]
    assert merged_rows(whole, RUNS) == ()


def op(index: int, code: str) -> Op:
    return Op(f"0/{index}", 0, index, code, None, 1, (), ())


ADD, CONV, POOL = (op(index, code) for index, code in enumerate(("ADD", "CONV_2D", "MAX_POOL_2D")))
ADD2, CONV2, POOL2 = (op(index, code) for index, code in enumerate(("ADD", "CONV_2D", "MAX_POOL_2D"), 5))


def test_kernels_are_shared_out_by_family() -> None:
    kernels = [
        MergedKernel(0, "Convolution (NHWC, F32) IGEMM", 1, 10),
        MergedKernel(0, "Add (ND)", 1, 11),
        MergedKernel(1, "Max Pooling (NHWC, F32)", 2, 12),
    ]
    shares = share_out([(ADD, POOL), (CONV2, POOL2)], kernels)
    assert shares is not None
    found = {share.layers: share.events for share in shares}
    assert found == {("0/0",): (11,), ("0/6",): (10,), ("0/2", "0/7"): (12,)}


def test_what_fits_in_two_ways_stays_together() -> None:
    kernels = [
        MergedKernel(0, "Convolution (NHWC, F32) IGEMM", 1, 10),
        MergedKernel(0, "Fully Connected (NC, F32) GEMM", 1, 11),
    ]
    shares = share_out([(CONV,), (CONV2,)], kernels)
    assert shares is not None
    assert [(share.layers, share.events) for share in shares] == [(("0/1", "0/6"), (10, 11))]


@pytest.mark.parametrize(
    "kernels",
    [
        [MergedKernel(0, "Add (ND)", 1, 1)],
        [MergedKernel(0, "Add (ND)", 2, 1), MergedKernel(1, "Clamp (NC)", 1, 2)],
    ],
    ids=["too few", "too many"],
)
def test_nothing_is_guessed_unless_each_operator_has_one_kernel(kernels: list[MergedKernel]) -> None:
    assert share_out([(ADD,), (ADD2,)], kernels) is None

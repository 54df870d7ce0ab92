"""The logs in tests/data/logs: what a tool printed of a known run, with what others put around it.

``python -m tests.log_samples`` writes the files anew, each with what must be read from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests import log_wrappings as wrap
from tests.printed_litert import benchmark_litert_model
from tests.printed_logs import (
    KERNEL,
    OPERATOR,
    PHASE,
    Node,
    Printed,
    benchmark_model,
    kernel,
    operator,
    phase,
)
from tests.printed_messages import profile_message, profile_message_text

LITERT = "benchmark_litert_model"
FOLDER = Path(__file__).parent / "data" / "logs"
RUNS = 50
STEADY = tuple(5000 + i * 37 % 211 for i in range(RUNS))
WARMUP = (9012, 5130, 5214)
INIT = (phase("ModifyGraphWithDelegate", 14842, 1, memory=3_428_000), phase("AllocateTensors", 102, 1))

BUILTIN = (
    operator("CONV_2D", "net/Conv2d_0/Relu6", 0, 820),
    operator("DEPTHWISE_CONV_2D", "net/Conv2d_1/depthwise", 1, 410),
    operator("CONV_2D", "net/Conv2d_1/pointwise", 2, 1310),
    operator("TFLite_Detection_PostProcess", "boxes, classes, scores, count", 3, 357),
    operator("AVERAGE_POOL_2D", "net/AvgPool", 4, 21),
    operator("SOFTMAX", "net/Predictions", 5, 9),
)
XNNPACK = (
    operator("QUANTIZE", "tfl.quantize", 0, 203),
    kernel("Convolution (NHWC, F32) IGEMM", 0, 407),
    kernel("Convolution (NHWC, F32) DWConv", 1, 133),
    kernel("Fully Connected (NC, QD8, F32, QC4W) GEMM", 2, 1382),
    kernel("Mean (ND) Reduce2", 3, 3),
    operator("SOFTMAX", "net/Predictions", 9, 9),
)
MERGED = (
    kernel("Convolution (NHWC, QC8) IGEMM", 0, 407),
    kernel("Convolution (NHWC, QC8) DWConv", 1, 51, times=13),
    operator("CUMSUM", "between", 2, 77),
    kernel("Convolution (NHWC, QC8) GEMM", 2, 23, times=13),
    kernel("Add (ND, QS8)", 3, 3, times=2),
)
DELEGATES = (
    operator("STRIDED_SLICE", "model/slice", 0, 211),
    operator("TfLiteNnapiDelegate", "model/silu_16/mul, model/silu_26/mul", 231, 7901),
    operator("RESIZE_NEAREST_NEIGHBOR", "model/resize", 143, 25),
    operator("TfLiteNnapiDelegate", "Identity, Identity_1", 232, 5605),
)
SUBGRAPHS = (
    operator("WHILE", "loop", 0, 950),
    operator("SOFTMAX", "out", 1, 12),
    replace(operator("LESS", "body/less", 0, 2, subgraph=1), calls=RUNS * 4, total=RUNS * 4 * 2),
    replace(operator("ADD", "body/add", 0, 40, subgraph=2), calls=RUNS * 3, total=RUNS * 3 * 40),
)
TWO_PARTITIONS = (
    kernel("Convolution (NHWC, F32) IGEMM", 0, 400),
    kernel("Convolution (NHWC, F32) DWConv", 1, 100, times=2),
    operator("CUMSUM", "between", 2, 30),
    kernel("Fully Connected (NC, F32) GEMM", 0, 900),
)
"""Of the micro-model of that name; a kernel of each partition has the same name and place."""

SLOW = (operator("CONV_2D", "slow", 0, 2_950_342), operator("SOFTMAX", "out", 1, 12))


@dataclass(frozen=True)
class Sample:
    """One file and what must be read from it.

    Attributes:
        nodes: of the regular runs, by subgraph and in order; times read back as they were printed.
        unread: texts of the lines that must be reported.
        problems: number of other problems that must be reported.
        calls: calls are printed in all, not per inference.
    """

    data: bytes
    nodes: Sequence[Node] = ()
    steady: Sequence[int] = STEADY
    tool: str = "benchmark_model"
    indexed: bool = True
    named: bool = True
    unread: Sequence[str] = ()
    problems: int = 0
    calls_in_all: bool = False
    runs: int = 1

    def expected(self) -> dict[str, Any]:
        """What must be read, JSON-ready."""
        return {
            "tool": self.tool,
            "runs": self.runs,
            "rows": [self._row(node) for node in sorted(self.nodes, key=lambda node: node.subgraph)],
            "steady_avg_us": sum(self.steady) / len(self.steady) if self.steady else None,
            "unread": list(self.unread),
            "problems": self.problems,
        }

    def _row(self, node: Node) -> list[Any]:
        index = node.index if node.kind == KERNEL or (node.kind == OPERATOR and self.indexed) else None
        name = {OPERATOR: f"[{node.name}]" if self.named else "", KERNEL: node.name, PHASE: node.name}[
            node.kind
        ]
        calls = node.calls if self.calls_in_all else node.calls // RUNS
        return [node.subgraph, node.kind, node.type, name, index, calls, round(node.average, 3)]


def run_of(nodes: Sequence[Node], **changes: Any) -> Printed:
    return replace(Printed(nodes, STEADY, WARMUP, 12345, init_nodes=INIT), **changes)


def samples() -> dict[str, Sample]:
    """All of them, by file name."""
    found = dict(_generations())
    found |= dict(_wrapped())
    found |= dict(_runs())
    found |= dict(_damaged())
    return found


def _generations() -> Iterator[tuple[str, Sample]]:
    for version in ("tf1.15", "tf2.1", "tf2.4", "tf2.8", "tf2.9", "tf2.12", "tf2.17", "litert1"):
        nodes = BUILTIN if version in ("tf1.15", "tf2.1", "tf2.4", "tf2.8") else XNNPACK
        indexed = version not in ("tf1.15", "tf2.1")
        for csv in (False, True):
            text = benchmark_model(run_of(nodes), version, csv=csv)
            yield f"{version}_{'csv' if csv else 'text'}.log", Sample(text.encode(), nodes, indexed=indexed)


def _wrapped() -> Iterator[tuple[str, Sample]]:
    text = benchmark_model(run_of(XNNPACK), "tf2.12")
    old = benchmark_model(run_of(BUILTIN), "tf2.4")
    litert = benchmark_litert_model(run_of(XNNPACK))
    wrappings: list[Callable[[str], str]] = [
        wrap.logcat_threadtime,
        wrap.logcat_uid,
        wrap.logcat_time,
        wrap.logcat_brief,
        wrap.logcat_tag,
        wrap.logcat_long,
        wrap.studio,
        wrap.studio_old,
        wrap.logcat_with_others,
        wrap.logcat_cut_lines,
        wrap.github,
        wrap.github_download,
        wrap.gitlab,
        wrap.gitlab_timed,
        wrap.jenkins,
        wrap.clock_alone,
        wrap.markdown,
        wrap.quoted,
        wrap.indented,
        wrap.crlf,
        wrap.crcrlf,
        wrap.coloured,
        wrap.terminal,
        wrap.without_blank_lines,
        wrap.double_spaced,
    ]
    for number, wrapping in enumerate(wrappings):
        chosen, nodes = (text, XNNPACK) if number % 2 else (old, BUILTIN)
        yield f"wrapped_{wrapping.__name__}.log", Sample(wrapping(chosen).encode(), nodes)
    yield "wrapped_utf16.log", Sample(text.encode("utf-16"), XNNPACK)
    yield "wrapped_spaces.log", Sample(text.expandtabs(8).encode(), XNNPACK)
    yield (
        "wrapped_litert_github.log",
        Sample(wrap.github(litert).encode(), XNNPACK, tool=LITERT, named=False, calls_in_all=True),
    )


def _runs() -> Iterator[tuple[str, Sample]]:
    yield "merged_text.log", Sample(benchmark_model(run_of(MERGED), "tf2.17").encode(), MERGED)
    yield "merged_csv.log", Sample(benchmark_model(run_of(MERGED), "tf2.17", csv=True).encode(), MERGED)
    of_model = benchmark_model(run_of(TWO_PARTITIONS), "tf2.17")
    yield "model_two_partitions.log", Sample(of_model.encode(), TWO_PARTITIONS)
    yield "delegates.log", Sample(benchmark_model(run_of(DELEGATES), "tf2.4").encode(), DELEGATES)
    for version in ("tf2.12", "litert1"):
        text = benchmark_model(run_of(SUBGRAPHS), version)
        yield f"subgraphs_{version}.log", Sample(text.encode(), SUBGRAPHS)
    inside = benchmark_model(run_of(BUILTIN, inside=_inside()), "tf2.8")
    yield "delegate_internal.log", Sample(inside.encode(), BUILTIN)
    slow = (2_990_275, 2_913_402, 2_727_568) + (2_950_342,) * 47
    yield "seconds.log", Sample(benchmark_model(run_of(SLOW, steady=slow), "tf2.8").encode(), SLOW, slow)
    same = (5000,) * RUNS
    yield (
        "all_same.log",
        Sample(benchmark_model(run_of(BUILTIN, steady=same), "tf2.17").encode(), BUILTIN, same),
    )
    yield "total_only.log", Sample(benchmark_model(run_of((), init_nodes=()), "tf2.17").encode())
    litert = benchmark_litert_model(run_of(XNNPACK))
    yield "litert2.log", Sample(litert.encode(), XNNPACK, tool=LITERT, named=False, calls_in_all=True)
    whole = tuple(replace(node, calls=53, total=node.total * 53 // 50) for node in XNNPACK)
    tabs = benchmark_litert_model(run_of(whole), tabs=True)
    yield "litert2_tabs.log", Sample(tabs.encode(), whole, tool=LITERT)
    board = _without_titles(benchmark_model(run_of(BUILTIN, init_nodes=()), "tf2.4"))
    yield "board_port.log", Sample(board.encode(), BUILTIN, indexed=False)
    yield "profile.pb", Sample(profile_message(run_of(XNNPACK)), XNNPACK, ())
    yield "profile.pbtxt", Sample(profile_message_text(run_of(XNNPACK)).encode(), XNNPACK, ())
    # Parts of three runs in a page, without what the tool prints at its start.
    parts = [_ending((7000, 7100)), _ending((6000, 6300)), benchmark_model(run_of(XNNPACK), "tf2.12")]
    yield "excerpts.log", Sample("\n```\n\n### Next\n```\n".join(parts).encode(), XNNPACK, runs=3)
    two = benchmark_model(run_of(BUILTIN), "tf2.4") + benchmark_model(run_of(XNNPACK), "tf2.12")
    yield "two_runs.log", Sample(two.encode(), XNNPACK, runs=2)


def _ending(steady: Sequence[int]) -> str:
    """The last lines of a run."""
    lines = benchmark_model(run_of((), steady=steady, init_nodes=()), "tf2.12").splitlines()
    return "\n".join(lines[next(n for n, line in enumerate(lines) if "count=2" in line) :])


def _inside() -> tuple[Node, ...]:
    return tuple(replace(kernel(f"hexagon_{i}", i, 11), type="DelegateOpInvoke") for i in range(3))


def _without_titles(text: str) -> str:
    """A port for microcontrollers prints no titles, and ``%ld`` where the index should be."""
    lines = [line for line in text.splitlines() if not line.startswith("====")]
    return "\n".join(line.rpartition(":")[0] + ":ld" if "]:" in line else line for line in lines) + "\n"


def _damaged() -> Iterator[tuple[str, Sample]]:
    text = benchmark_model(run_of(BUILTIN, init_nodes=()), "tf2.8")
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if "Run Order" in line)
    end = next(number for number, line in enumerate(lines) if "net/Predictions" in line)
    noise = "\x00\x07 W/libc: unusedDNS lookup took 37% of"
    noisy = [*lines[: first + 4], noise, *lines[first + 4 :]]
    yield "damaged_noise.log", Sample("\n".join(noisy).encode(), BUILTIN, unread=[noise])
    half = [*lines[:end], lines[end][:47]]
    yield (
        "damaged_cut_in_row.log",
        Sample("\n".join(half).encode(), BUILTIN[:-1], unread=[lines[end][:47]], problems=1),
    )
    yield "damaged_cut.log", Sample("\n".join(lines[:end]).encode(), BUILTIN[:-1], problems=1)
    # The ring buffer of logcat had lost everything before the third row.
    tail = "\n".join(lines[first + 4 :])
    yield "damaged_no_head.log", Sample(tail.encode(), BUILTIN[2:], (), problems=1)
    lost = [line for number, line in enumerate(lines) if number != first + 3]
    yield "damaged_row_lost.log", Sample("\n".join(lost).encode(), (BUILTIN[0], *BUILTIN[2:]), problems=1)


def recorded() -> dict[str, dict[str, Any]]:
    """What must be read from logs that were recorded, not made: the numbers stand in them."""
    wheel = Sample(b"", (), (230,), tool=LITERT)
    return {"recorded_wheel_tool.log": wheel.expected()}


def main() -> None:
    """Write all samples and what must be read of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, sample in samples().items():
        (FOLDER / name).write_bytes(sample.data)
        expected[name] = sample.expected()
    expected |= recorded()
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

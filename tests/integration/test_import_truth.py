"""A profile of our own, printed as the official tools print: importing it must give the same layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import printed_litert, printed_logs, printed_messages
from tests.printed_logs import Node, Printed
from tflprof.measure import nesting
from tflprof.model.build import build_micro, build_network
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_events
from tflprof.profile.summary import row_samples
from tflprof.workflow.import_log import import_log
from tflprof.workflow.profile import profile_model

RUNS = 50


def printed(profile: Profile, path: Path) -> Printed:
    """What benchmark_model would have known of these inferences, if each row had always taken its median."""
    model = read_model(path)
    structure, events = max(
        (
            (each, select_events(profile.table, "ns", number, len(each.events))[0])
            for number, each in enumerate(profile.meta.alignment.structures)
        ),
        key=lambda pair: len(pair[1]),
    )
    nodes: dict[tuple[str, str, int, int], Node] = {}
    for event, elapsed in zip(structure.events, np.median(events, axis=0), strict=True):
        us = max(1, round(float(elapsed) / 1000))
        if event.type == nesting.OPERATOR:
            op = model.subgraphs[event.m2].ops[event.m1]
            names = ", ".join(model.subgraphs[event.m2].tensors[tensor].name for tensor in op.outputs)
            node = Node("operator", event.tag, names, event.m1, us, us * RUNS, RUNS, event.m2)
        elif event.type in nesting.KERNELS:
            node = Node("kernel", event.tag, event.tag, event.m1, us, us * RUNS, RUNS, event.m2)
        else:
            continue
        key = (node.kind, node.name, node.index, node.subgraph)
        seen = nodes.get(key)
        # The tool knows a kernel by its name and place in its partition, whichever partition it is.
        nodes[key] = (
            node if seen is None else replace(seen, total=seen.total + node.total, calls=seen.calls + RUNS)
        )
    total = sum(node.total for node in nodes.values() if node.subgraph == 0) // RUNS + 20
    return Printed(list(nodes.values()), [total] * RUNS, [2 * total, total], 5000, graph=str(path))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    path = tmp_path_factory.mktemp("net") / "mobilenet_v2.tflite"
    path.write_bytes(build_network("mobilenet_v2", size=64, width=0.35))
    return path, profile_model(path, target="host", max_seconds=0.5)


@pytest.mark.parametrize("layout", ["text", "csv", "litert"])
def test_every_layer_is_found_again(network: tuple[Path, Profile], tmp_path: Path, layout: str) -> None:
    path, measured = network
    run = printed(measured, path)
    if layout == "litert":
        text = printed_litert.benchmark_litert_model(run)
    else:
        text = printed_logs.benchmark_model(run, "tf2.17", csv=layout == "csv")
    log = tmp_path / "log.txt"
    log.write_text(text)
    imported = import_log(log, model=path)
    ours = {row.layers: (row.kernel, row.note) for row in measured.meta.alignment.rows}
    theirs = {row.layers: (row.kernel, row.note) for row in imported.meta.alignment.rows}
    assert theirs == ours
    assert "unread_lines" not in imported.meta.conditions
    expected = np.median(row_samples(measured.meta, measured.table), axis=0)
    by_id = {layer.info.id: layer.estimate.typical for layer in imported.summary.layers}
    for row, value in zip(measured.meta.alignment.rows, expected, strict=True):
        if row.note != "static":
            found = by_id[row.layers[0]]
            assert found is not None
            assert abs(found - value) < 2500 * max(1, sum(map(len, row.events.values())))
    gap = imported.summary.unattributed.typical
    assert gap is not None
    assert abs(gap - 20_000) < 20_000


@pytest.mark.parametrize("layout", ["text", "csv", "litert", "proto"])
@pytest.mark.parametrize(
    "name", ["if_else", "while_loop", "two_partitions", "crossed_partitions", "detection", "pad_conv"]
)
def test_every_layer_of_a_small_graph_is_in_a_row(tmp_path: Path, name: str, layout: str) -> None:
    """Subgraphs are inside their callers, and what the tool adds up over partitions is a group."""
    path = tmp_path / "model.tflite"
    path.write_bytes(build_micro(name, "float32"))
    measured = profile_model(path, target="host", max_seconds=0.3)
    run = printed(measured, path)
    log = tmp_path / "log"
    if layout == "proto":
        log.write_bytes(printed_messages.profile_message(run))
    elif layout == "litert":
        log.write_text(printed_litert.benchmark_litert_model(run))
    else:
        log.write_text(printed_logs.benchmark_model(run, "litert1", csv=layout == "csv"))
    imported = import_log(log, model=path)
    if (name, layout) == ("if_else", "litert"):
        # This tool prints kernels of all subgraphs in one table and does not say which is which.
        assert "merged-partitions" in {found.code for found in imported.meta.findings}
        return
    ours = {row.layers: row.note for row in measured.meta.alignment.rows}
    theirs = {row.layers: row.note for row in imported.meta.alignment.rows}
    covered = {layer for layers in theirs for layer in layers}
    assert covered == {layer for layers in ours for layer in layers}
    events = [event for row in imported.meta.alignment.rows for own in row.events.values() for event in own]
    assert len(events) == len(set(events)), "no event is counted twice"
    if not imported.meta.conditions.get("merged_kernels"):
        assert theirs == ours
    else:
        assert "merged-partitions" in {found.code for found in imported.meta.findings}
    top = sum(node.total / RUNS for node in run.nodes if node.subgraph == 0) * 1000
    attributed = sum(layer.estimate.typical or 0.0 for layer in imported.summary.layers)
    assert abs(attributed - top) <= 2000 * len(run.nodes), "time inside subgraphs is counted once"

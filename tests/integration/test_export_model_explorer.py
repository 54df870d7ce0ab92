"""Exported node data in Model Explorer: every value lands on the node of its layer."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flatbuffers
import pytest
from playwright.sync_api import Page, sync_playwright

from tflprof.model.build import build_micro, build_network
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary
from tflprof.report.export.formats import export_profile
from tflprof.workflow.profile import profile_model

Graphs = dict[str, dict[str, Any]]


def renamed(data: bytes, names: list[bytes | None]) -> bytes:
    """A model with other names of its subgraphs, and without signatures."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for graph, name in zip(model.subgraphs, names, strict=True):
        graph.name = name
    model.signatureDefs = None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


MODELS = {
    "mobilenet_v1": lambda: build_network("mobilenet_v1", size=64, width=0.25),
    "a group": lambda: build_micro("pad_conv"),
    "if": lambda: build_micro("if_else"),
    "while": lambda: build_micro("while_loop"),
    "two signatures": lambda: build_micro("two_signatures"),
    "custom operators": lambda: build_micro("detection"),
    "graphs without names": lambda: renamed(build_micro("while_loop"), [None, None, None]),
    "odd names": lambda: renamed(build_micro("while_loop"), ["é/層 1".encode(), b"x y", b"a\xffb"]),
}


@pytest.fixture(params=MODELS)
def measured(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Profile]:
    path = tmp_path / "model.tflite"
    path.write_bytes(MODELS[request.param]())
    return path, profile_model(path, target="host", max_seconds=0.5)


def adapted(path: Path) -> Graphs:
    """The graphs that Model Explorer makes of a model, by id."""
    from model_explorer.builtin_tflite_flatbuffer_adapter import BuiltinTfliteFlatbufferAdapter

    converted = BuiltinTfliteFlatbufferAdapter().convert(str(path), {})
    graphs = [graph for collection in converted["graphCollections"] for graph in collection.graphs]
    return {graph["id"]: graph for graph in graphs}


def node_of(graph: dict[str, Any], key: str) -> dict[str, Any]:
    """The node that a key of node data means: that of an output tensor of this name, or else of this id."""
    by_tensor = {
        attribute["value"]: node
        for node in graph["nodes"]
        for output in node["outputsMetadata"]
        for attribute in output["attrs"]
        if attribute["key"] == "tensor_name"
    }
    by_id = {node["id"]: node for node in graph["nodes"]}
    found: dict[str, Any] = by_tensor.get(key) or by_id[key]
    return found


def loaded(text: str) -> Any:
    """Node data in the classes of the package; a key or value they do not have fails."""
    from model_explorer.node_data_builder import GraphNodeData, ModelNodeData, NodeDataResult, ThresholdItem

    return ModelNodeData(
        {
            graph: GraphNodeData(
                results={key: NodeDataResult(**result) for key, result in data.pop("results").items()},
                thresholds=[ThresholdItem(**each) for each in data.pop("thresholds")],
                **data,
            )
            for graph, data in json.loads(text).items()
        }
    )


def shown(layer: LayerSummary) -> float | str | None:
    if layer.estimate.typical is not None:
        return round(layer.estimate.typical / 1000, 3)
    if layer.group is not None:
        return f"in {layer.group}"
    return "nothing to run" if layer.note == "static" else None


def test_every_value_is_on_the_node_of_its_layer(measured: tuple[Path, Profile]) -> None:
    path, profile = measured
    graphs, text = adapted(path), export_profile(profile, "model-explorer").decode()
    data = loaded(text).graphsData
    understood = json.loads(loaded(text).to_json_string())
    for graph_id, own in json.loads(text).items():
        assert {key: understood[graph_id][key] for key in own} == own
    found = {}
    for graph_id, own in data.items():
        graph = graphs[graph_id]
        for key, result in own.results.items():
            node = node_of(graph, key)
            found[f"{graph['subgraphIndex']}/{node['id']}"] = (node["label"].lower(), result.value)
    expected = {
        layer.info.id: (layer.info.op.lower(), value)
        for layer in profile.summary.layers
        if (value := shown(layer)) is not None
    }
    with_value = {name.partition("/")[0] for name, (_, value) in expected.items() if isinstance(value, float)}
    expected = {name: value for name, value in expected.items() if name.partition("/")[0] in with_value}
    assert {name: value for name, (_, value) in found.items()} == {
        name: v for name, (_, v) in expected.items()
    }
    builtin = {name for name, (op, _) in expected.items() if not op.startswith("tflite")}
    assert {name: found[name] for name in builtin} == {name: expected[name] for name in builtin}
    assert found


@contextmanager
def explorer(model: Path, data: Path) -> Iterator[str]:
    """Model Explorer's own server; yields the address of its page with the model and the node data."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "model_explorer", str(model), "--node_data_paths", str(data)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--no_open_in_browser", "--skip_health_check"]
    # It would ask the network for a newer version of itself.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **offline, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    server = subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_for(server, f"{address}check_health")
        asked = {"models": [{"url": str(model)}], "nodeData": [str(data)], "nodeDataTargets": [""]}
        yield f"{address}?data={quote(json.dumps(asked))}"
    finally:
        server.kill()
        server.wait()


def wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert server.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "the server does not answer"
        try:
            with urllib.request.urlopen(address) as answer:
                assert answer.read() == b"model_explorer_ok"
                return
        except OSError:
            time.sleep(0.2)


@pytest.fixture
def page() -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium: apt-get install chromium"
    # Graphs are drawn with WebGL, here without a graphics card.
    drawing = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *drawing])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


@pytest.mark.browser
@pytest.mark.slow
def test_its_page_shows_the_values(page: Page, tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(build_network("mobilenet_v1", size=64, width=0.25))
    profile = profile_model(model, target="host", max_seconds=0.5)
    data = tmp_path / "latency.json"
    data.write_bytes(export_profile(profile, "model-explorer"))
    title = json.loads(data.read_text())["main"]["name"]
    values = [shown(layer) for layer in profile.summary.layers]
    with explorer(model, data) as address:
        page.goto(address)
        page.get_by_text(title).first.wait_for()
        page.wait_for_function("document.body.innerText.includes('Node data')")
        text = page.inner_text("body").rpartition("Node data")[2]
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") == 2]
    found = {row[2] for row in rows} - {"-"}
    assert found == {format(value, "g") if isinstance(value, float) else value for value in values}

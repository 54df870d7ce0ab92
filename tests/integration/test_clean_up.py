"""What is found to cost time for nothing, what is left alone, and what a table is asked about then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tflprof.compress.apply import apply_changes
from tflprof.compress.calibration import random_calibration
from tflprof.compress.clean_up.method import CleanUp
from tflprof.compress.interface import Subject
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Quantisation
from tflprof.model.read import read_model
from tflprof.model.write import GraphWriter, ModelWriter
from tflprof.runtimes.execute import Executor

STEPS = Quantisation("tensor", (0.05,), (3,))
OTHER = Quantisation("tensor", (0.07,), (3,))
Build = Callable[[GraphWriter], None]


def model(build: Build) -> bytes:
    writer = ModelWriter("needless")
    graph = writer.subgraph()
    build(graph)
    writer.signature(graph)
    return writer.to_bytes()


def ints(graph: GraphWriter, name: str, *values: Any) -> int:
    return graph.constant(name, np.array(values, np.int32))


def reshape(graph: GraphWriter, x: int, name: str, shape: tuple[int, ...], like: str = "float32") -> int:
    y = graph.tensor(name, shape, like)
    graph.op("RESHAPE", [x, ints(graph, f"{name}/shape", *shape)], [y], {"new_shape": shape})
    return y


def relu(graph: GraphWriter, x: int, name: str, shape: tuple[int, ...]) -> int:
    y = graph.tensor(name, shape)
    graph.op("RELU", [x], [y])
    return y


def pair(back: Quantisation) -> Build:
    def build(graph: GraphWriter) -> None:
        x = graph.input("x", (1, 4), "int8", STEPS)
        a = graph.tensor("a", (1, 4), "int8", STEPS)
        graph.op("RELU", [x], [a], version=2)
        real = graph.tensor("real", (1, 4))
        graph.op("DEQUANTIZE", [a], [real], version=2)
        again = graph.tensor("again", (1, 4), "int8", back)
        graph.op("QUANTIZE", [real], [again])
        y = graph.tensor("y", (1, 4), "int8", back)
        graph.op("RELU6", [again], [y], version=2)
        graph.output(y)

    return build


def reshapes(graph: GraphWriter) -> None:
    x = relu(graph, graph.input("x", (2, 6)), "r", (2, 6))
    a = reshape(graph, x, "a", (3, 4))
    b = reshape(graph, a, "b", (12,))
    graph.output(relu(graph, reshape(graph, b, "c", (4, 3)), "y", (4, 3)))


def identity(graph: GraphWriter) -> None:
    x = relu(graph, graph.input("x", (2, 6)), "r", (2, 6))
    graph.output(reshape(graph, x, "same", (2, 6)))


def transposes(graph: GraphWriter) -> None:
    x = relu(graph, graph.input("x", (2, 3, 4)), "r", (2, 3, 4))
    a, b = graph.tensor("a", (4, 2, 3)), graph.tensor("b", (2, 3, 4))
    graph.op("TRANSPOSE", [x, ints(graph, "there", 2, 0, 1)], [a])
    graph.op("TRANSPOSE", [a, ints(graph, "back", 1, 2, 0)], [b])
    graph.output(relu(graph, b, "y", (2, 3, 4)))


def padded(amounts: tuple[tuple[int, int], ...], stride: int) -> Build:
    def build(graph: GraphWriter) -> None:
        x = graph.input("x", (1, 8, 8, 3))
        size = 8 + sum(amounts[1])
        p = graph.tensor("p", (1, size, size, 3))
        graph.op("PAD", [x, graph.constant("amounts", np.array(amounts, np.int32))], [p])
        rng = np.random.default_rng(0)
        weights = graph.constant("weights", rng.standard_normal((4, 3, 3, 3)).astype(np.float32))
        bias = graph.constant("bias", rng.standard_normal(4).astype(np.float32))
        out = (size - 3) // stride + 1
        y = graph.tensor("y", (1, out, out, 4))
        options = {"padding": "VALID", "stride_h": stride, "stride_w": stride}
        graph.op("CONV_2D", [p, weights, bias], [y], options)
        graph.output(y)

    return build


def dead(graph: GraphWriter) -> None:
    x = graph.input("x", (1, 4))
    relu(graph, relu(graph, x, "unread_0", (1, 4)), "unread_1", (1, 4))
    graph.output(relu(graph, x, "y", (1, 4)))


def forked(graph: GraphWriter) -> None:
    """Two ends that nobody reads, of one beginning, beside another that is alone."""
    x = graph.input("x", (1, 4))
    y = relu(graph, x, "y", (1, 4))
    relu(graph, y, "alone", (1, 4))
    stem = relu(graph, y, "stem", (1, 4))
    relu(graph, stem, "left", (1, 4))
    relu(graph, stem, "right", (1, 4))
    graph.output(y)


EVEN = ((0, 0), (1, 1), (1, 1), (0, 0))
UNEVEN = ((0, 0), (0, 1), (0, 1), (0, 0))
CASES: dict[str, tuple[Build, list[str]]] = {
    "a pair of conversions": (pair(STEPS), ["RELU", "RELU6"]),
    "a chain of reshapes": (reshapes, ["RELU", "RESHAPE", "RELU"]),
    "a reshape to the same": (identity, ["RELU"]),
    "transposes that cancel": (transposes, ["RELU", "RELU"]),
    "padding of stride 1": (padded(EVEN, 1), ["CONV_2D"]),
    "padding of stride 2": (padded(UNEVEN, 2), ["CONV_2D"]),
    "nobody reads it": (dead, ["RELU"]),
    "nobody reads its ends": (forked, ["RELU"]),
}
KEPT: dict[str, Build] = {
    "to another scale": pair(OTHER),
    "padding that SAME has elsewhere": padded(EVEN, 2),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_needless_goes_and_results_stay(name: str, tmp_path: Any) -> None:
    build, left = CASES[name]
    path = tmp_path / "model.tflite"
    path.write_bytes(model(build))
    original = read_model(path)
    method = CleanUp()
    with Executor(kernels="builtin") as executor:
        subject = Subject(original, layer_configs(original), random_calibration(original, 2), executor)
        knobs, _ = method.knobs(subject)
        options = [knob.options[1] for knob in knobs]
        changes = [option.change for option in options if option.change is not None]
        applied = apply_changes(subject, changes, {"clean_up": method})
        cleaned = read_model(applied.content)
        assert [op.code for op in cleaned.subgraphs[0].ops] == left
        before = executor.run(path, subject.calibration.samples)
        after = executor.run(applied.content, subject.calibration.samples)
    assert [{k: v.tobytes() for k, v in one.items()} for one in before] == [
        {k: v.tobytes() for k, v in one.items()} for one in after
    ]
    found = {applied.original(layer.id): layer.config.key for layer in layer_configs(cleaned)}
    for layer in subject.layers:
        configs: tuple[Any, ...] = (layer.config,)
        for option in options:
            configs = method.rewrite(layer.id, configs, option)
        expected = [found[layer.id]] if layer.id in found else []
        assert [config.key for config in configs] == expected


def test_what_reads_of_each_other_goes_as_a_whole(tmp_path: Any) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model(forked))
    original = read_model(path)
    method = CleanUp()
    with Executor(kernels="builtin") as executor:
        subject = Subject(original, layer_configs(original), random_calibration(original, 1), executor)
        knobs, _ = method.knobs(subject)
        assert {knob.layers for knob in knobs} == {("0/1",), ("0/2", "0/3", "0/4")}
        for knob in knobs:
            change = knob.options[1].change
            assert change is not None
            executor.run(
                apply_changes(subject, [change], {"clean_up": method}).content, subject.calibration.samples
            )


@pytest.mark.parametrize("name", KEPT)
def test_what_would_change_results_is_left(name: str, tmp_path: Any) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model(KEPT[name]))
    original = read_model(path)
    subject = Subject(original, layer_configs(original), random_calibration(original, 1), Executor())
    assert CleanUp().knobs(subject) == ([], [])

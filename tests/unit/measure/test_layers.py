"""What a profile stores of a model's layers: their tensors and the activation in them."""

from __future__ import annotations

from pathlib import Path

from tests.unit.measure.graphs import micro
from tflprof.measure.layers import layer_infos
from tflprof.model.build import build_network
from tflprof.model.build.layers import Network
from tflprof.model.cost import op_cost
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.codec import from_json, to_json
from tflprof.profile.meta import LayerInfo


def infos(model: Model) -> tuple[LayerInfo, ...]:
    return layer_infos(model, {op.id: op_cost(model, op) for op in model.ops()})


def read(folder: Path, content: bytes) -> Model:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return read_model(path)


def test_layers_are_wired_by_their_computed_tensors(tmp_path: Path) -> None:
    """Weights and biases are left out; a residual has two inputs."""
    layers = infos(read(tmp_path, build_network("mobilenet_v2", size=32, width=0.35)))
    assert layers[0].inputs == ("input",)
    assert all(len(layer.outputs) == 1 for layer in layers)
    made = {"input"} | {layer.outputs[0] for layer in layers}
    assert len(made) == len(layers) + 1
    assert all(set(layer.inputs) <= made for layer in layers)
    assert {len(layer.inputs) for layer in layers if layer.op == "ADD"} == {2}
    assert {len(layer.inputs) for layer in layers if layer.op == "CONV_2D"} == {1}


def test_tensors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    net = Network("twice")
    x = net.input("x", (1, 4))
    first = net.apply("RELU", [x], "same", (1, 4), like=x)
    second = net.apply("RELU", [first], "same", (1, 4), like=x)
    one, other = infos(read(tmp_path, net.finish(second)))
    assert (one.name, other.name) == ("same", "same")
    assert one.inputs == ("x",)
    assert one.outputs == other.inputs == ("same#1",)
    assert other.outputs == ("same#2",)


def test_the_activation_in_a_layer(tmp_path: Path) -> None:
    layers = infos(read(tmp_path, build_network("mobilenet_v1", size=32, width=0.25)))
    activations = {layer.name: layer.activation for layer in layers}
    assert activations["conv_0"] == "RELU6"
    assert activations["logits"] == "NONE"
    assert activations["probabilities"] is None


def test_older_profiles_lack_it(tmp_path: Path) -> None:
    layer = infos(micro(tmp_path, "conv_2d"))[0]
    assert from_json(LayerInfo, to_json(layer)) == layer
    old = {
        key: value for key, value in to_json(layer).items() if key not in ("inputs", "outputs", "activation")
    }
    read_back = from_json(LayerInfo, old)
    assert (read_back.inputs, read_back.outputs, read_back.activation) == ((), (), None)

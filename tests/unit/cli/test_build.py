"""``tflprof build``: names, forms of weights, the list, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tflprof.cli.main import app
from tflprof.model.build import MICRO_MODELS, NETWORKS
from tflprof.model.read import read_model


def tflprof(*args: object) -> Result:
    return CliRunner().invoke(app, ["build", *map(str, args)])


@pytest.mark.parametrize("dtype", ["float32", "float16", "dynamic", "int4", "int8"])
def test_a_network_in_each_form(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "built.tflite"
    result = tflprof(
        "mobilenet_v1", "--size", 32, "--width", 0.25, "--classes", 7, "--dtype", dtype, "-o", path
    )
    assert result.exit_code == 0, result.stderr
    model = read_model(path)
    assert dtype in model.description
    assert model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].shape == (1, 7)


@pytest.mark.parametrize(
    ("name", "dtype"), [("conv_2d", "float32"), ("quantize", "int8"), ("if_else", "float32")]
)
def test_a_micro_model_in_its_first_type(tmp_path: Path, name: str, dtype: str) -> None:
    path = tmp_path / "built.tflite"
    assert tflprof(name, "-o", path).exit_code == 0
    assert read_model(path).description == f"{name} {dtype}"


@pytest.mark.parametrize(
    ("args", "what", "hint"),
    [
        (
            ["mobilnet_v2", "-o", "built.tflite"],
            "there is no model 'mobilnet_v2'",
            "did you mean mobilenet_v2?",
        ),
        (["conv2d", "-o", "built.tflite"], "there is no model 'conv2d'", "did you mean conv_2d?"),
        (
            ["MobileNet-V3", "-o", "built.tflite"],
            "there is no model 'MobileNet-V3'",
            "did you mean mobilenet_v3_large or mobilenet_v3_small?",
        ),
        (["if_else", "--dtype", "int8", "-o", "built.tflite"], "has no type 'int8'", "choose float32"),
        (
            ["conv_2d", "--size", "8", "-o", "built.tflite"],
            "conv_2d is a micro-model and has no size",
            "leave --size out",
        ),
        (
            ["mixednet_kws", "--classes", "2", "-o", "built.tflite"],
            "mixednet_kws has no classes",
            "it takes width",
        ),
        (["bert_tiny", "--size", "600", "-o", "built.tflite"], "with size 600", "size is 1 to 512"),
        (
            ["resnet_50", "--classes", "999999999", "-o", "built.tflite"],
            "and 999999999 classes",
            "1 to 262144",
        ),
        (["resnet_50", "--size", "99999", "-o", "built.tflite"], "with size 99999", "size is 1 to 8192"),
        (["mobilenet_v1"], "there is no file to write", "tflprof build mobilenet_v1 -o model.tflite"),
        ([], "there is no model to build", "tflprof build --list"),
    ],
)
def test_what_cannot_be_built_says_what_can(tmp_path: Path, args: list[str], what: str, hint: str) -> None:
    result = tflprof(*args)
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert what in said
    assert hint in said
    assert not (tmp_path / "built.tflite").exists()


def test_the_list_names_everything() -> None:
    result = tflprof("--list")
    assert result.exit_code == 0
    said = result.stdout.replace("\n", " ")
    assert all(name in said for name in (*NETWORKS, *MICRO_MODELS))


def test_the_list_as_json() -> None:
    document = json.loads(tflprof("--list", "--json").stdout)
    assert [network["name"] for network in document["networks"]] == list(NETWORKS)
    spotter = next(network for network in document["networks"] if network["name"] == "mixednet_kws")
    assert spotter["size"] is None
    assert spotter["takes"] == ["width"]
    assert {model["name"] for model in document["micro_models"]} == set(MICRO_MODELS)

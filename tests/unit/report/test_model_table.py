from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tflprof.model.build import build_network
from tflprof.model.cost import model_cost
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.report.document import to_text
from tflprof.report.model_table import model_document, print_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path: Path = tmp_path_factory.mktemp("model") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    return read_model(path)


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_table_fits_and_has_every_operator(model: Model, width: int) -> None:
    stream = io.StringIO()
    print_model(model, Console(file=stream, width=width, highlight=False))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for op in model.ops():
        assert any(line.startswith(f"{op.id} ") for line in lines)


def test_document_agrees_with_the_costs(model: Model) -> None:
    document = json.loads(to_text(model_document(model)))
    cost = model_cost(model)
    assert document["model"]["sha256"] == model.sha256
    assert document["total"]["macs"] == cost.total.macs
    assert [op["macs"] for op in document["ops"]] == [cost.ops[op.id].macs for op in model.ops()]
    assert document["signatures"][0]["inputs"][0]["shape"] == [1, 32, 32, 3]

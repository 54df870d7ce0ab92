from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tflprof.model.build import build_micro, build_network
from tflprof.model.graph import Model
from tflprof.model.lint import Gain, Lint, lint_model
from tflprof.model.read import read_model
from tflprof.report.document import to_text
from tflprof.report.lint_table import gain_text, print_lints
from tflprof.report.model_table import model_document, print_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path: Path = tmp_path_factory.mktemp("model") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v3_small", size=64, dtype="int8"))
    return read_model(path)


def printed(model: Model, lints: tuple[Lint, ...], width: int = 80) -> str:
    stream = io.StringIO()
    print_lints(model, lints, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lints_fit_and_name_their_layers(model: Model, width: int) -> None:
    text = printed(model, lint_model(model), width)
    assert max(map(len, text.splitlines())) <= width
    flat = " ".join(text.split())
    assert "refuses HARD_SWISH" in flat
    assert "0/1 conv_swish, " in flat
    assert "and 16 more" in flat
    assert "predicted from the file, not measured" in flat


def test_nothing_and_more_than_fits(model: Model) -> None:
    assert printed(model, ()).strip() == "nothing stands out"
    assert "and 8 more, see --json" in printed(model, lint_model(model)[:1] * 20)


def test_a_model_of_unknown_sizes_is_not_said_to_be_clean(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(build_micro("dynamic_size"))
    model = read_model(path)
    stream = io.StringIO()
    print_model(model, Console(file=stream, width=120, highlight=False), lint_model(model))
    text = " ".join(stream.getvalue().split())
    assert "parameters · MACs unknown" in text
    assert "tflprof profile learns them" in text
    assert "in what is known" in text or "gains lack what is unknown" in text


def test_names_are_data(model: Model) -> None:
    lint = Lint("refused", "note", ("0/0",), "refuses [bold]\x1b[31mop", None, "[red]do")
    text = printed(model, (lint,))
    assert "\x1b" not in text
    assert "[bold]" in text
    assert "[red]do" in text


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (Gain(1, "partitions", 0.25), "about 25.0 % of the work (1 partition)"),
        (Gain(3, "operators", None), "3 operators"),
        (Gain(2048, "bytes", 0.5), "about 50.0 % of the work (2.00 KiB)"),
        (Gain(4096, "bytes of weights", 0.0), "4.00 KiB of weights"),
        (Gain(1000, "MACs", 0.0001), "less than 0.1 % of the work (1.00 k MACs)"),
    ],
)
def test_gains_in_words(gain: Gain, text: str) -> None:
    assert gain_text(gain) == text


def test_the_document_has_all_of_them(model: Model) -> None:
    lints = lint_model(model)
    document = json.loads(to_text(model_document(model, lints)))
    assert [each["code"] for each in document["lints"]] == [lint.code for lint in lints]
    assert document["lints"][0]["gain"]["provenance"] == "predicted"
    assert document["lints"][0]["layers"] == list(lints[0].layers)
    assert model_document(model)["lints"] is None


def test_a_model_is_printed_without_them_if_not_asked_for(model: Model) -> None:
    stream = io.StringIO()
    print_model(model, Console(file=stream, width=100))
    assert "stands out" not in stream.getvalue()

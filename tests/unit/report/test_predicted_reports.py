"""Predicted profiles in every report: times with intervals, exact instructions beside them, and what they are."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.factories import MIXED, make_profile
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tests.unit.report.test_html import page_json
from tests.unit.report.test_terminal import show
from tflprof.analysis.batch import BatchEntry, BatchResult, digest_of
from tflprof.errors import UsageError
from tflprof.report.batch_document import batch_document
from tflprof.report.batch_table import print_batch
from tflprof.report.conditions import describe_conditions
from tflprof.report.document import profile_document, to_text
from tflprof.report.export.formats import export_profile
from tflprof.report.html import render_page
from tflprof.report.view import make_view, provenance_text

DOCUMENTED = Path(__file__).parents[3] / "docs" / "json.md"
COSTS = {"0/0": 820_000, "0/1": 410_000, "0/2": 640_000, "0/4": 1_310_000, "0/5": 21_000, "0/7": 900}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_text(profile_document(predicted())))
    return found


def test_every_value_has_its_instructions_and_its_interval(document: dict[str, Any]) -> None:
    assert (document["unit"], document["provenance"], document["deterministic"]) == ("ns", "predicted", True)
    total = document["total"]
    assert total["instructions"] == 3_301_158
    assert total["ci95"] == [
        pytest.approx(total["typical"] * math.exp(-0.18)),
        pytest.approx(total["typical"] * math.exp(0.18)),
    ]
    layers = {layer["id"]: layer for layer in document["layers"]}
    assert {key: layers[key]["instructions"] for key in COSTS} == COSTS
    for key in COSTS:
        lo, hi = layers[key]["ci95"]
        assert lo < layers[key]["typical"] < hi
    assert {layers[key]["instructions"] for key in ("0/3", "0/6")} == {None}
    counted = sum(COSTS.values()) + document["unattributed"]["instructions"]
    assert counted == total["instructions"]
    assert {op["op"]: op["instructions"] for op in document["ops"]}["CONV_2D"] == 2_130_000
    assert document["init"]["ci95"] is None


def test_the_prediction_is_in_the_document_and_documented(document: dict[str, Any]) -> None:
    found = document["prediction"]
    assert (found["mode"], found["core"], found["hertz"], found["scale"]) == (
        *("caches", "cortex-a73", 2_457_600_000, 1.0),
    )
    assert (found["error"], found["layer_error"], found["ratio_error"]) == (0.18, 0.35, 0.06)
    words = set(re.findall(r"[a-z_0-9]+", DOCUMENTED.read_text(encoding="utf-8")))
    assert {*found, *document["unattributed"], *document["total"]} <= words


def test_instructions_are_there_for_counts_and_unknown_for_measured_times() -> None:
    counts = profile_document(make_profile(unit="instructions"))
    assert counts["prediction"] is None
    assert counts["total"]["instructions"] == counts["total"]["typical"]
    measured = profile_document(make_profile())
    assert (measured["prediction"], measured["total"]["instructions"]) == (None, None)
    assert {layer["instructions"] for layer in measured["layers"]} == {None}


def test_the_table_says_for_what_and_how_it_was_predicted() -> None:
    text = show(predicted(), 160)
    assert "[predicted time of pixel2]" in text
    assert "predicted for pixel2, Cortex-A73 at 2.46 GHz, with caches, unanchored: ±18 %" in text
    assert "95 % interval 673 … 965 µs · 3.30 M instructions, exact" in text
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("#"))
    assert re.search(r"predicted +instr\. +± +share", head)
    assert any(re.search(r"Conv2d_3_pointwise.* 320 µs +1\.31 M +±36 % +39\.7 %", line) for line in lines)
    assert any(re.search(r"unattributed +24\.2 µs +99\.3 k", line) for line in lines)
    assert "median" not in text
    assert "unanchored" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mode": "cycles"}, "without caches, unanchored"),
        ({"threads": 4}, "with caches, 4 threads, unanchored"),
        ({"anchors": ("a", "b"), "scale": 0.93}, "with caches, anchored to 2 measured times (× 0.930)"),
        ({"core": "exynos-m1"}, "pixel2, Exynos-M1 at 2.46 GHz"),
    ],
)
def test_mode_threads_anchors_and_core_are_named(changes: dict[str, Any], said: str) -> None:
    profile = predicted(prediction=replace(UNANCHORED, **changes))
    assert said in show(profile, 200)
    assert said in render_page(profile)
    assert said in export_profile(profile, "markdown").decode().replace("\\", "")


def test_what_counts_and_measured_times_look_like_is_as_before() -> None:
    for profile in (make_profile(), make_profile(unit="instructions")):
        text = show(profile, 160)
        assert "instr.  " not in text
        assert "predicted" not in text


def test_narrow_terminals_keep_times_before_counts() -> None:
    text = show(predicted(), 60)
    assert "predicted" in text
    assert max(map(len, text.splitlines()[4:])) <= 200


def test_the_page_has_instructions_intervals_and_provenance() -> None:
    profile = predicted(prediction=ANCHORED)
    page = render_page(profile)
    assert page.count('class="provenance predicted"') >= 4
    assert "Predicted for pixel2, Cortex-A73 at 2.46 GHz, with caches, anchored to 1 measured time" in page
    assert 'data-key="instructions"' in page
    assert "1.31 M" in page
    assert "nothing was measured" in page
    # The interval of a prediction is no distribution: there is nothing to draw of inferences.
    assert 'id="spread"' not in page
    assert 'id="session"' not in page
    data = page_json(page)
    layer = next(each for each in data["layers"] if each["id"] == "0/4")
    assert (data["unitName"], layer["text"]["instructions"]) == ("predicted", "1.31 M")
    assert layer["lo"] < layer["value"] < layer["hi"]
    assert 'data-key="instructions"' not in render_page(make_profile())
    assert 'data-key="instructions"' not in render_page(make_profile(unit="instructions"))


def test_the_total_of_the_table_on_the_page_has_both() -> None:
    page = render_page(predicted())
    footer = page[page.index("<tfoot>") : page.index("</tfoot>")]
    assert re.search(r"806 µs</td><td class=\"n\" data-v=\"3301158\.0\">3\.30 M</td>", footer)
    widths = {row.count("<td") + row.count("<th") for row in re.findall(r"<tr.*?</tr>", footer, re.DOTALL)}
    body = re.findall(r"<tr data-id.*?</tr>", page, re.DOTALL)
    assert widths | {row.count("<td") + row.count("<th") for row in body} == {13}


def test_conditions_have_all_of_the_prediction() -> None:
    sections = dict(describe_conditions(predicted(prediction=ANCHORED).meta))
    told = dict(sections["Prediction"])
    assert told["cost model"] == "caches"
    assert told["scaled by"] == "1.07"
    assert "86.0 ms measured" in told["anchors"]
    assert told["total within"] == "−7.7 … +8.3 % (95 %)"
    measurement = dict(sections["Measurement"])
    assert (measurement["numbers"], measurement["inferences agreed"]) == ("predicted ns", "yes")
    assert "precision wanted" not in measurement
    assert "Prediction" not in dict(describe_conditions(make_profile().meta))


def test_provenance_in_words() -> None:
    assert provenance_text(predicted().meta) == "predicted time of pixel2"


def test_csv_has_times_and_instructions() -> None:
    rows = list(csv.DictReader(io.StringIO(export_profile(predicted(), "csv").decode())))
    layer = next(row for row in rows if row["id"] == "0/4")
    assert (layer["unit"], layer["provenance"], layer["instructions"]) == ("ns", "predicted", "1310000")
    assert float(layer["lo"]) < float(layer["typical"]) < float(layer["hi"])
    samples = csv.DictReader(io.StringIO(export_profile(predicted(), "csv", samples=True).decode()))
    assert {row["counter"] for row in samples} >= {"ns", "instructions", "cycles", "dram_lines"}
    measured = csv.DictReader(io.StringIO(export_profile(make_profile(), "csv").decode()))
    assert {row["instructions"] for row in measured} == {""}


def test_markdown_has_instructions_beside_times() -> None:
    text = export_profile(predicted(), "markdown", top=2).decode()
    assert "| predicted | instructions | ± | share |" in text
    assert "predicted time of pixel2" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows if "\\|" not in line}) == 1
    assert "1.31 M" in text


def test_a_trace_lays_predicted_times_end_to_end() -> None:
    trace = json.loads(export_profile(predicted(), "chrome-trace"))
    assert trace["otherData"]["provenance"] == "predicted"
    assert "nothing was run on a phone" in trace["otherData"]["timeline"]
    spans = sorted(
        (event["ts"], event["ts"] + event["dur"])
        for event in trace["traceEvents"]
        if event.get("cat") == "inference"
    )
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert start == pytest.approx(end, abs=0.001)
    labels = [event for event in trace["traceEvents"] if event["name"] == "process_labels"]
    assert labels[0]["args"]["labels"] == "creation of the model 11718750 ns"


def test_what_takes_measured_time_only_refuses_predictions() -> None:
    with pytest.raises(UsageError, match="predicted"):
        export_profile(predicted(), "benchmark-proto")


def test_model_explorer_says_that_values_are_predicted() -> None:
    profile = predicted()
    model = replace(profile.meta.model, subgraphs=("main",))
    named = type(profile)(replace(profile.meta, model=model), profile.table)
    assert "predicted time of pixel2" in export_profile(named, "model-explorer").decode()


def test_a_list_of_models_has_instructions_beside_predicted_times() -> None:
    entries = tuple(
        BatchEntry(f"models/{name}.tflite", "measured", f"out/{name}.parquet", digest=digest_of(profile))
        for name, profile in (("a", predicted()), ("b", predicted(MIXED[:3])))
    )
    result = BatchResult(entries, "out")
    stream = io.StringIO()
    print_batch(result, Console(file=stream, width=160, highlight=False))
    text = stream.getvalue()
    assert "[predicted]" in text
    assert re.search(r"predicted +± \(95 %\) +instr\.", text)
    assert "3.30 M" in text
    found = batch_document(result)["models"][0]["result"]
    assert found["total"]["instructions"] == 3_301_158
    assert found["provenance"] == "predicted"


def test_a_view_of_predictions_is_exact_only_if_inferences_were_alike() -> None:
    assert make_view(predicted()).exact
    assert not make_view(make_profile()).exact

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.profile.meta import Finding
from tflprof.report.document import profile_document, to_text
from tflprof.report.plain_json import without_nan

DOCUMENTED = Path(__file__).parents[3] / "docs" / "json.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    finding = Finding("partial-run", "doubt", "cut short", "run it again")
    document: dict[str, Any] = json.loads(
        to_text(profile_document(make_profile(findings=[finding], verdict="doubtful")))
    )
    return document


def test_contract(document: dict[str, Any]) -> None:
    assert document["schema_version"] == 1
    assert document["model"]["sha256"] == "a" * 64
    assert document["provenance"] == "measured"
    assert document["unit"] == "ns"
    total = document["total"]
    assert total["ci95"][0] < total["typical"] < total["ci95"][1]
    assert total["n"] == 960
    assert document["trust"] == {
        "verdict": "doubtful",
        "findings": [
            {"code": "partial-run", "severity": "doubt", "message": "cut short", "remedy": "run it again"}
        ],
    }


def test_rows_and_unattributed_sum_to_the_total(document: dict[str, Any]) -> None:
    rows = sum(layer["typical"] or 0 for layer in document["layers"])
    assert rows + document["unattributed"]["typical"] == pytest.approx(document["total"]["typical"])


def test_unknown_is_null_and_never_zero(document: dict[str, Any]) -> None:
    layers = {layer["id"]: layer for layer in document["layers"]}
    for unknown in ("0/3", "0/6"):
        assert [layers[unknown][key] for key in ("typical", "median", "ci95", "share", "rank")] == [None] * 5
    assert layers["0/3"]["group"] == "0/2"
    assert layers["0/6"]["note"] == "static"
    assert layers["0/5"]["macs"] is None


def test_every_key_is_documented(document: dict[str, Any]) -> None:
    words = set(re.findall(r"[a-z_0-9]+", DOCUMENTED.read_text(encoding="utf-8")))
    keys = {*document, *document["layers"][0], *document["ops"][0], *document["model"], *document["total"]}
    assert keys <= words


def test_no_nan_reaches_json() -> None:
    assert without_nan({"a": [math.nan, (math.inf, 1.0)], 3: "x"}) == {"a": [None, [None, 1.0]], "3": "x"}


def test_text_is_ascii() -> None:
    assert to_text({"name": "层\u2028"}).isascii()

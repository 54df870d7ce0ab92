"""A comparison as JSON: complete, and valid for any parser."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tests.comparisons import every_kind, hostile, make_comparison
from tests.factories import make_profile
from tflprof.analysis.compare import compare_profiles
from tflprof.analysis.comparison import Comparison
from tflprof.profile.mismatch import Mismatch
from tflprof.report.compare_document import comparison_document
from tflprof.report.document import to_text


@pytest.mark.parametrize(
    "comparison", [make_comparison(), every_kind(), hostile(), make_comparison(method="devices")]
)
def test_it_is_json_with_a_row_for_every_layer(comparison: Comparison) -> None:
    document = json.loads(to_text(comparison_document(comparison)))
    assert document["schema_version"] == 1
    assert len(document["layers"]) == len(comparison.layers)
    for row, expected in zip(document["layers"], comparison.layers, strict=True):
        assert (row["status"], row["match"], row["reason"]) == (
            expected.status,
            expected.match,
            expected.reason,
        )
        assert row["difference"] == expected.difference
        assert (row["a"] is None) == (expected.a is None)


def test_unknown_is_null_never_nothing() -> None:
    base = make_comparison(3)
    unknown = replace(base.layers[0], difference=None, lo=None, hi=None, ratio=math.nan, p=None)
    row = json.loads(to_text(comparison_document(replace(base, layers=(unknown,)))))["layers"][0]
    assert [row[key] for key in ("difference", "interval", "ratio", "p")] == [None] * 4


def test_of_a_real_comparison_everything_is_there() -> None:
    found = compare_profiles(make_profile(unit="instructions"), make_profile(unit="instructions"))
    document = json.loads(to_text(comparison_document(found)))
    assert (document["method"], document["matching"], document["unit"]) == (
        "exact",
        "identity",
        "instructions",
    )
    assert document["total"]["interval"] == [0, 0]
    assert document["a"]["target"] == "emulated:pixel2"
    assert document["a"]["trust"] == {"verdict": "ok", "findings": []}
    assert document["verdict"].startswith("B needs as many instructions as A")
    assert (document["forced"], document["mismatches"], document["doubted"]) == (False, [], [])


def test_mismatches_have_both_values() -> None:
    forced = make_comparison(method="stored", forced=True)
    document = json.loads(to_text(comparison_document(forced)))
    assert document["mismatches"][0] == {"key": "target", "a": "adb:pixel2", "b": "adb:pixel6"}
    assert document["forced"] is True
    two = compare_profiles(make_profile(), make_profile(unit="instructions"), force=True)
    assert comparison_document(two)["unit"] is None
    assert Mismatch("unit", "ns", "instructions") in two.mismatches

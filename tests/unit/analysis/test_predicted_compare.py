"""Predicted profiles compared: an exact change of the model of a core, and the error a ratio may have on a phone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.factories import MIXED, make_profile
from tests.predictions import ANCHORED, UNANCHORED, predicted
from tests.unit.analysis.sides import costing, row, with_meta
from tflprof.analysis.compare import compare_profiles
from tflprof.errors import Untrusted
from tflprof.profile.mismatch import conditions_of, mismatches
from tflprof.profile.profile import Profile
from tflprof.report.compare_document import comparison_document
from tflprof.report.compare_words import method_sentences, method_words, verdict_sentence

POINTWISE = "net/Conv2d_3_pointwise/Relu6"
A = predicted()
B = predicted(costing(MIXED, POINTWISE, 1_965_000))


def test_the_change_of_the_model_is_exact() -> None:
    found = compare_profiles(A, B)
    assert (found.method, found.unit) == ("exact", "ns")
    assert found.total.lo == found.total.hi == found.total.difference
    assert found.total.ratio == pytest.approx((3_301_158 + 655_000 * 1.031) / 3_301_158, rel=1e-4)
    assert row(found, POINTWISE).status == "slower"
    assert row(found, POINTWISE).reason == (
        "160 µs more (+50.0 %): beyond the 1.00 µs up to which predicted times are the same"
    )
    assert {one.status for one in found.layers if one is not row(found, POINTWISE)} == {"same"}
    assert compare_profiles(A, A).total.reason == "the predicted times are equal"


def test_the_published_error_of_ratios_is_shown() -> None:
    found = compare_profiles(A, B)
    ratio = found.total.ratio or 0.0
    assert found.phone_ratio == pytest.approx((ratio * math.exp(-0.06), ratio * math.exp(0.06)))
    said = verdict_sentence(found)
    assert said.startswith("B is 20.5 % slower than A: 806 → 971 µs, on the phone +13.")
    assert said.endswith("(95 %)")
    assert "±6.0 %" in method_sentences(found)
    assert method_words(found) == "predicted times that do not vary"
    document = comparison_document(found)
    assert document["prediction"] == {
        "ratio_error": 0.06,
        "ratio_interval": [pytest.approx(ratio * math.exp(-0.06)), pytest.approx(ratio * math.exp(0.06))],
    }
    assert document["a"]["prediction"]["mode"] == "caches"


def test_without_a_known_error_of_ratios_none_is_made_up() -> None:
    unknown = replace(UNANCHORED, ratio_error=None)
    found = compare_profiles(predicted(prediction=unknown), predicted(prediction=unknown))
    assert found.phone_ratio is None
    assert "on the phone" not in verdict_sentence(found)
    assert "not known" in method_sentences(found)
    assert comparison_document(found)["prediction"] == {"ratio_error": None, "ratio_interval": None}
    counted = make_profile(unit="instructions")
    assert comparison_document(compare_profiles(counted, counted))["prediction"] is None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"costs_sha256": "d" * 64}, "prediction.costs_sha256"),
        ({"scale": 1.07}, "prediction.scale"),
        ({"mode": "cycles"}, "prediction.mode"),
        ({"core": "cortex-a53"}, "prediction.core"),
        ({"hertz": 1_900_000_000}, "prediction.hertz"),
        ({"threads": 4}, "threads"),
        ({"sharing": "efficiency 0.9, sync 8 µs"}, "prediction.sharing"),
    ],
)
def test_predictions_of_other_making_are_refused_by_name(changes: dict[str, Any], key: str) -> None:
    other = predicted(prediction=replace(UNANCHORED, **changes))
    assert [one.key for one in mismatches(A.meta, other.meta)] == [key]
    with pytest.raises(Untrusted, match=key):
        compare_profiles(A, other)


def test_anchors_of_one_scale_and_their_errors_do_not_matter() -> None:
    assert mismatches(A.meta, predicted(prediction=replace(UNANCHORED, error=0.5, anchors=("x",))).meta) == ()


def test_a_prediction_and_something_else_differ_in_provenance_not_in_every_detail() -> None:
    counts = make_profile(unit="instructions")
    pinned = with_meta(counts, options=replace(counts.meta.options, cpus=(4,)))
    assert {one.key for one in mismatches(A.meta, pinned.meta)} == {"provenance", "unit"}
    assert not any(key.startswith("prediction.") for key in conditions_of(counts.meta))


def test_two_emulated_phones_are_two_devices() -> None:
    other = replace(UNANCHORED, core="cortex-a76", hertz=2_840_000_000, costs_sha256="d" * 64, scale=1.2)
    profile = predicted(prediction=other)
    moved = with_meta(profile, target=replace(profile.meta.target, name="pixel4", soc="SM8150"))
    found = compare_profiles(A, moved)
    assert (found.method, found.total.status) == ("devices", "incomparable")
    assert found.phone_ratio is None
    assert "On B's device" in verdict_sentence(found)


def test_another_mode_is_not_another_device() -> None:
    profile = predicted(prediction=replace(UNANCHORED, mode="cycles"))
    moved = with_meta(profile, target=replace(profile.meta.target, name="pixel4"))
    with pytest.raises(Untrusted, match=r"prediction\.mode"):
        compare_profiles(A, moved)


def test_the_counts_behind_predictions_can_be_compared_whatever_their_scale() -> None:
    a, b = A.counts, predicted(prediction=ANCHORED).counts
    assert isinstance(a, Profile)
    assert isinstance(b, Profile)
    assert compare_profiles(a, b).total.status == "same"


def test_a_prediction_whose_counts_did_not_repeat_concludes_nothing() -> None:
    found = compare_profiles(A, predicted(costing(MIXED, POINTWISE, 9e6), complete=False))
    ran = [one for one in found.layers if one.a is not None and one.a.typical is not None]
    assert {one.status for one in (found.total, *ran)} == {"inconclusive"}
    assert found.total.reason == "the predicted times of B did not repeat"

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tflprof.compress.fidelity import LOGITS, PROBABILITIES, VALUES, divergence, fidelity, output_kind
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.read import read_model

KINDS = (PROBABILITIES, LOGITS, VALUES)
reals = arrays.arrays("float32", (1, 4), elements=st.floats(-20, 20, width=32))


def outputs(*values: np.ndarray) -> list[dict[str, np.ndarray]]:
    return [{"out": value} for value in values]


def as_kind(values: np.ndarray, kind: str) -> np.ndarray:
    if kind != PROBABILITIES:
        return values
    raised = np.exp(values.astype(np.float64) - values.max())
    return (raised / raised.sum()).astype(np.float32)


@settings(max_examples=40)
@given(reals, reals, st.sampled_from(KINDS))
def test_divergence_is_never_negative(a: np.ndarray, b: np.ndarray, kind: str) -> None:
    assert divergence(outputs(as_kind(a, kind)), outputs(as_kind(b, kind)), kind) >= 0


@settings(max_examples=40)
@given(reals, st.sampled_from(KINDS))
def test_equal_outputs_do_not_diverge(a: np.ndarray, kind: str) -> None:
    values = outputs(as_kind(a, kind))
    assert divergence(values, values, kind) == pytest.approx(0, abs=1e-12)
    found = fidelity(values, values, kind)
    assert found.max_error == 0
    assert found.cosine == pytest.approx(1)
    assert found.top1_agreement == (None if kind == VALUES else 1)


def test_known_values() -> None:
    p, q = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert divergence(outputs(p), outputs(q), PROBABILITIES) == pytest.approx(expected)
    logits = outputs(np.log(p)), outputs(np.log(q) + 7)
    assert divergence(*logits, LOGITS) == pytest.approx(expected)
    assert divergence(outputs(np.array([3.0, 4.0])), outputs(np.array([3.0, 4.5])), VALUES) == pytest.approx(
        0.01
    )


def test_what_8_bits_cannot_say_is_no_divergence() -> None:
    sure = np.array([[0.9995, 0.0005]], np.float32)
    rounded = np.array([[255 / 256, 0.0]], np.float32)
    assert divergence(outputs(sure), outputs(rounded), PROBABILITIES) < 1e-3


def test_errors_of_independent_values_add_up() -> None:
    reference = np.array([[3.0, 4.0, 5.0]])
    first, second = np.array([[0.1, 0, 0]]), np.array([[0, 0, 0.2]])
    parts = [divergence(outputs(reference), outputs(reference + part), VALUES) for part in (first, second)]
    both = divergence(outputs(reference), outputs(reference + first + second), VALUES)
    assert both == pytest.approx(sum(parts))


def test_top1_agreement_counts_samples() -> None:
    old = outputs(np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]]))
    new = outputs(np.array([[1.0, 0.0]]), np.array([[2.0, 1.0]]))
    assert fidelity(old, new, LOGITS).top1_agreement == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_that_are_not_finite_are_infinitely_far(kind: str) -> None:
    good, bad = np.array([[0.5, 0.5]]), np.array([[np.nan, 0.5]])
    found = fidelity(outputs(good), outputs(bad), kind)
    assert math.isinf(found.divergence)
    assert math.isinf(found.max_error)
    assert found.cosine == 0
    assert found.top1_agreement in (None, 0)


def test_zeros_are_like_zeros_only() -> None:
    zero, one = np.zeros((1, 2)), np.ones((1, 2))
    assert fidelity(outputs(zero), outputs(zero), VALUES).cosine == 1
    assert fidelity(outputs(zero), outputs(one), VALUES).cosine == 0
    assert math.isinf(divergence(outputs(zero), outputs(one), VALUES))


def test_outputs_are_matched_by_name_or_else_by_place() -> None:
    old = [{"a": np.array([1.0]), "b": np.array([2.0])}]
    assert fidelity(old, [{"b": np.array([2.0]), "a": np.array([1.0])}], VALUES).max_error == 0
    assert fidelity(old, [{"x": np.array([1.0]), "y": np.array([2.0])}], VALUES).max_error == 0
    with pytest.raises(UsageError, match="other outputs"):
        fidelity(old, [{"a": np.array([1.0])}], VALUES)
    with pytest.raises(UsageError, match="shape"):
        fidelity(old, [{"a": np.array([1.0, 2.0]), "b": np.array([2.0])}], VALUES)


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [("mobilenet_v1", 32, PROBABILITIES), ("ssd_mobilenet_v1", 64, VALUES), ("bert_tiny", 8, PROBABILITIES)],
)
def test_what_outputs_hold_is_told_from_the_graph(name: str, size: int, kind: str) -> None:
    assert output_kind(read_model(build_network(name, size=size))) == kind

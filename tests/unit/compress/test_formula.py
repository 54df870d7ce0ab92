"""Formulas: arithmetic with the values of Python's own, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflprof.compress.formula import parse_formula
from tflprof.errors import UsageError

NAMES = ("accuracy", "images", "total_ms")
VALUES = {"accuracy": 0.7, "images": 20000.0, "total_ms": 700_000.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("accuracy / max(30 * images, total_ms)", 0.7 / 700_000),
        ("-accuracy + +2 ** 3", 7.3),
        ("accuracy if total_ms / images <= 36 else 0", 0.7),
        ("accuracy if total_ms / images <= 30 else 0", 0.0),
        ("1 < images < 5", 0.0),
        ("1 < 2 < 5 and not images < 1 or accuracy", 1.0),
        ("log2(8) + log10(100) + sqrt(9) + abs(-1) + exp(0) + log(1) + min(3, 2, 1)", 11.0),
        ("(images == 20000) + (images != 20000) + (images >= 1) + (images > 1)", 3.0),
        ("  7  ", 7.0),
    ],
)
def test_a_formula_has_the_value_of_arithmetic(text: str, value: float) -> None:
    assert parse_formula(text, NAMES).evaluate(VALUES) == pytest.approx(value)


def test_a_formula_knows_its_names() -> None:
    assert parse_formula("max(accuracy, 0) * images", NAMES).names == {"accuracy", "images"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("__import__('os')", "__import__"),
        ("accuracy.__class__", "accuracy.__class__"),
        ("'text'", "'text'"),
        ("[1][0]", "[1][0]"),
        ("(lambda: 1)()", "lambda"),
        ("max", "no 'max'"),
        ("max(1)", "max(1)"),
        ("min(1, 2, key=3)", "key"),
        ("max(*images)", "images"),
        ("open(1)", "open"),
        ("accuracy // 2", "accuracy // 2"),
        ("1j", "1j"),
        ("True", "True"),
        ("(a := 1)", "a := 1"),
        ("[x for x in 1]", "for"),
        ("speed * 2", "'speed'"),
        ("f'{accuracy}'", "accuracy"),
        ("images is images", "is"),
        ("accuracy @ images", "@"),
        ("~1", "~1"),
    ],
)
def test_what_is_no_arithmetic_is_refused_by_name(text: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_formula(text, NAMES)
    assert part in caught.value.what


@pytest.mark.parametrize(
    "text", ["", "1 +", "a = 1", "1\0", "(" * 500 + ")" * 500, "import os", "1; 2", "1\n2"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        parse_formula(text, NAMES)


@pytest.mark.parametrize("text", ["1 +" * 400 + "1", "+" * 700 + "1"])
def test_long_formulas_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the most"):
        parse_formula(text, NAMES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("accuracy / (images - images)", "divides by zero"),
        ("0 ** (0 - 1)", "is not a number"),
        ("9 ** 9 ** 9 ** 9", "is too large"),
        ("exp(total_ms)", "is too large"),
        ("log(0 - accuracy)", "is not a number"),
        ("(0 - accuracy) ** 0.5", "is not a number"),
        ("1e308 * 10", "is not finite"),
        ("1e999", "is not finite"),
        ("9" * 400, "is too large"),
    ],
)
def test_a_formula_without_a_value_says_why(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_formula(text, NAMES).evaluate(VALUES)
    assert problem in caught.value.what


def test_the_numbers_of_a_failure_are_named() -> None:
    with pytest.raises(UsageError, match=r"where accuracy = 0\.7, images = 20000"):
        parse_formula("accuracy / (images - images)", NAMES).evaluate(VALUES)


numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
expressions = st.recursive(
    st.one_of(numbers.map(lambda value: f"({value})"), st.sampled_from(NAMES)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, inner).map(lambda parts: f"max({parts[0]}, {parts[1]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} > 0 else {parts[2]})"),
    ),
    max_leaves=12,
)


@given(expressions)
@settings(max_examples=150)
def test_arithmetic_is_pythons(text: str) -> None:
    try:
        expected = float(eval(text, {"max": max}, dict(VALUES)))
    except (ZeroDivisionError, OverflowError):
        expected = math.inf
    if math.isfinite(expected):
        assert parse_formula(text, NAMES).evaluate(VALUES) == expected
    else:
        with pytest.raises(UsageError):
            parse_formula(text, NAMES).evaluate(VALUES)


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        value = parse_formula(text, NAMES).evaluate(VALUES)
    except UsageError:
        return
    assert math.isfinite(value)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.analysis.budget import parse_limit, parse_limits
from tflprof.analysis.verdicts import Limit
from tflprof.errors import UsageError

TIMES = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
COUNTS = {
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "inst": 1,
    "kinst": 1e3,
    "Minst": 1e6,
    "Minstructions": 1e6,
    "Mcycles": 1e6,
}
SIZES = {"B": 1, "kB": 1e3, "MB": 1e6, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(
    lambda name: name.strip() == name
)
numbers = st.decimals(min_value="0.001", max_value="99999", places=3)
subjects = st.one_of(
    st.sampled_from(["total", "init", "first", "layer:*"]),
    st.integers(0, 99).map(lambda op: f"layer:0/{op}"),
    names.filter(lambda name: name not in ('"', '""')).map(lambda name: f"layer:{name}"),
    st.sampled_from(["op:CONV_2D", "op:PAD + CONV_2D"]),
)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("30ms", Limit("30ms", "total", absolute=30e6, unit="ns")),
        ("+3%", Limit("+3%", "total", relative=0.03)),
        ("total=+3%,50us", Limit("total=+3%,50us", "total", relative=0.03, floor=50e3, unit="ns")),
        (
            "total = +0.5 %, 1 ms",
            Limit("total = +0.5 %, 1 ms", "total", relative=0.005, floor=1e6, unit="ns"),
        ),
        ("layer:0/3=2ms", Limit("layer:0/3=2ms", "layer:0/3", absolute=2e6, unit="ns")),
        ("layer:*=+10%", Limit("layer:*=+10%", "layer:*", relative=0.1)),
        ("layer:a=b:c,d%=+5%", Limit("layer:a=b:c,d%=+5%", "layer:a=b:c,d%", relative=0.05)),
        ('layer:"*"=2ms', Limit('layer:"*"=2ms', 'layer:"*"', absolute=2e6, unit="ns")),
        ("op:CONV_2D=9ms", Limit("op:CONV_2D=9ms", "op:CONV_2D", absolute=9e6, unit="ns")),
        ("memory=200MB", Limit("memory=200MB", "memory", absolute=200e6, unit="bytes")),
        ("size=5MiB", Limit("size=5MiB", "size", absolute=5 * 2**20, unit="bytes")),
        ("size=+1%,5kB", Limit("size=+1%,5kB", "size", relative=0.01, floor=5000, unit="bytes")),
        ("195Minst", Limit("195Minst", "total", absolute=195e6, unit="instructions")),
        ("1200kinst", Limit("1200kinst", "total", absolute=1.2e6, unit="instructions")),
        ("195M", Limit("195M", "total", absolute=195e6, unit="count")),
        ("first=1.5Gcycles", Limit("first=1.5Gcycles", "first", absolute=1.5e9, unit="cycles")),
        ("init=+0%", Limit("init=+0%", "init", relative=0.0)),
    ],
)
def test_what_budgets_mean(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    ("text", "cause", "hint"),
    [
        ("", "it has no value", "expected"),
        ("total=", "it has no value", "expected"),
        ("30", "30 has no unit", "30ms"),
        ("30 parsecs", "no unit 'parsecs'", "30ms"),
        ("fast", "'fast' is no amount", "30ms"),
        ("ms30", "'ms30' is no amount", "30ms"),
        ("3,5ms", "a floor (5ms) belongs to a relative budget", "+3%,5ms"),
        ("30ms,", "belongs to a relative budget", "leave the comma out"),
        ("0ms", "nothing stays within 0ms", "above 0"),
        ("3%", "'3%' is not an allowed growth", "write +3%"),
        ("-3%", "'-3%' is not an allowed growth", "+0% or more"),
        ("+3", "'+3' is not an allowed growth", "+0%,3"),
        ("+5us", "'+5us' is not an allowed growth", "+0%,5us"),
        ("+3%,", "'' is no amount", "30ms"),
        ("+3%,5%", "no unit '%'", "30ms"),
        ("memory=30ms", "memory is in bytes, and 30ms is not", "200MB"),
        ("size=5M", "size is in bytes, and 5M is not", "200MB"),
        ("total=5MB", "total is a time or a count, and 5MB is not", "30ms"),
        ("+3%,5MB", "total is a time or a count", "30ms"),
        ("totl=30ms", "no subject 'totl'", "did you mean 'total'?"),
        ("lyer:0/3=30ms", "no subject 'lyer:0/3'", "did you mean 'layer'?"),
        ("layer=30ms", "layer needs a name", "layer:0/3"),
        ("op=30ms", "op needs a name", "op:CONV_2D"),
        ("layer:=30ms", "layer: names no layer", "expected"),
        ('layer:""=30ms', "layer: names no layer", "expected"),
        ("qqq=30ms", "no subject 'qqq'", "expected"),
        ("9" * 400 + "ms", "too large", None),
        ("+" + "9" * 400 + "%", "too large", None),
    ],
)
def test_refusals_name_the_budget_and_the_cause(text: str, cause: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_limit(text)
    assert repr(text) in caught.value.what
    assert cause in caught.value.what
    assert hint is None or (caught.value.hint and hint in caught.value.hint)


def test_a_budget_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="given twice"):
        parse_limits(("30ms", "size=1MB", "30ms"))


@given(subjects, numbers, st.sampled_from([*TIMES.items(), *COUNTS.items()]))
def test_any_amount_of_any_subject_is_read_back(
    subject: str, number: object, unit: tuple[str, float]
) -> None:
    limit = parse_limit(f"{subject}={number}{unit[0]}")
    assert limit.subject == subject
    assert limit.absolute == pytest.approx(float(str(number)) * unit[1])
    assert limit.relative is None


@given(st.sampled_from(["memory", "size"]), numbers, st.sampled_from(sorted(SIZES.items())))
def test_any_size_is_read_back(subject: str, number: object, unit: tuple[str, float]) -> None:
    assert parse_limit(f"{subject}={number}{unit[0]}").absolute == pytest.approx(float(str(number)) * unit[1])


@given(subjects, numbers, numbers)
def test_any_growth_of_any_subject_is_read_back(subject: str, percent: object, floor: object) -> None:
    limit = parse_limit(f"{subject}=+{percent}%,{floor}us")
    assert (limit.subject, limit.absolute) == (subject, None)
    assert limit.relative == pytest.approx(float(str(percent)) / 100)
    assert limit.floor == pytest.approx(float(str(floor)) * 1e3)


@given(st.text())
def test_any_text_is_a_budget_or_refused(text: str) -> None:
    try:
        limit = parse_limit(text)
    except UsageError as error:
        refusal = error.what
    else:
        assert (limit.absolute is None) != (limit.relative is None)
        return
    assert repr(text) in refusal

from __future__ import annotations

import pytest

from tflprof.analysis.budget import parse_limit
from tflprof.analysis.subject import check_limits, find_layer
from tflprof.errors import UsageError
from tflprof.profile.meta import LayerInfo

LAYERS = (
    LayerInfo("0/0", 0, "CONV_2D", "net/conv=1:0"),
    LayerInfo("0/1", 1, "PAD", "net/pad", outputs=("net/pad", "net/pad:1")),
    LayerInfo("0/2", 2, "CONV_2D", "0/1"),
    LayerInfo("0/3", 3, "SOFTMAX", "twice"),
    LayerInfo("0/4", 4, "SOFTMAX", "twice"),
    LayerInfo("0/5", 5, "RESHAPE", "*"),
    LayerInfo("0/6", 6, "RESHAPE", '"*"'),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("0/1", "0/1"),
        ('"0/1"', "0/2"),
        ("net/conv=1:0", "0/0"),
        ("net/pad:1", "0/1"),
        ('"*"', "0/5"),
        ('""*""', "0/6"),
        ("0/9", None),
        ("net", None),
    ],
)
def test_layers_are_found_by_id_then_by_name(name: str, found: str | None) -> None:
    assert find_layer(name, LAYERS) == found


def test_a_name_of_several_layers_is_refused() -> None:
    with pytest.raises(UsageError, match="2 layers are called 'twice': 0/3, 0/4"):
        find_layer("twice", LAYERS)


@pytest.mark.parametrize(
    ("text", "unit", "before", "cause", "hint"),
    [
        ("30ms", "instructions", None, "is a time, and this target counts instructions", "195Minst"),
        ("195Minst", "ns", None, "is in instructions, and this target measures time", "30ms"),
        ("195M", "ns", None, "is a count, and this target measures time", "30ms"),
        ("30ms", "cycles", None, "is a time, and this target counts cycles", "195Mcycles"),
        ("+3%,50us", "instructions", LAYERS, "is a time", "195Minst"),
        ("+3%", "ns", None, "is relative, and there is no baseline", "--baseline"),
        ("memory=2MB", "instructions", None, "an emulated core tells nothing of a model's memory", "host"),
        ("layer:net/pat=1ms", "ns", None, "no layer 'net/pat'", "did you mean 'net/pad'?"),
        ("layer:0/77=1ms", "ns", None, "no layer '0/77'", "its layers are 0/0 to 0/6"),
        ("layer:zzzzzz=1ms", "ns", None, "no layer 'zzzzzz'", "tflprof inspect"),
        ("layer:twice=1ms", "ns", None, "2 layers are called", "by its id"),
        ("op:CONV2D=1ms", "ns", None, "no operator type 'CONV2D'", "did you mean 'CONV_2D'?"),
        ("op:conv_2d=1ms", "ns", None, "no operator type 'conv_2d'", "did you mean 'CONV_2D'?"),
        ("op:zzz=1ms", "ns", None, "no operator type 'zzz'", "it has CONV_2D, PAD"),
    ],
)
def test_budgets_that_cannot_be_meant_are_refused(
    text: str, unit: str, before: tuple[LayerInfo, ...] | None, cause: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_limits([parse_limit(text)], LAYERS, (unit,), before)
    assert cause in caught.value.what
    assert repr(text) in caught.value.what or "called" in caught.value.what
    assert caught.value.hint
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text", ["195M", "195Minst", "size=5MB", "layer:*=1M", "op:PAD + CONV_2D=3M", 'layer:"*"=1k']
)
def test_budgets_of_counts_are_taken(text: str) -> None:
    check_limits([parse_limit(text)], LAYERS, ("instructions",), None)


def test_a_relative_budget_may_name_what_only_the_baseline_has() -> None:
    gone = (LayerInfo("0/9", 9, "LSTM", "gone"),)
    check_limits([parse_limit("layer:gone=+5%"), parse_limit("op:LSTM=+5%")], LAYERS, ("ns",), gone)
    with pytest.raises(UsageError, match="no layer 'gone'"):
        check_limits([parse_limit("layer:gone=5ms")], LAYERS, ("ns",), gone)

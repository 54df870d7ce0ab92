"""Lints: each says what it should, nothing where nothing is, and never fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import ModelError
from tflprof.model.build import MICRO_MODELS, build_micro, build_network
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.ranges import IMAGE
from tflprof.model.graph import Model
from tflprof.model.lint import Lint, lint_model
from tflprof.model.read import read_model

SHAPE = (1, 16, 16, 32)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], Model]:
    def from_bytes(content: bytes) -> Model:
        path = tmp_path / "m.tflite"
        path.write_bytes(content)
        return read_model(path)

    return from_bytes


Read = Callable[[bytes], Model]


def between(read: Read, dtype: str, build: Callable[[Network, Value], Value]) -> tuple[Lint, ...]:
    """Lints of something between two convolutions, without the share of 1×1."""
    net = Network("m", dtype)
    x = net.conv2d(net.input("input", SHAPE), "first", 32)
    found = lint_model(read(net.finish(net.conv2d(build(net, x), "last", 32, 1))))
    return tuple(lint for lint in found if lint.code != "pointwise")


def floats(x: Value) -> Value:
    return Value(-1, (), "float32", None, x.mean_square)


def the(lints: tuple[Lint, ...], code: str) -> Lint:
    found = [lint for lint in lints if lint.code == code]
    assert len(found) == 1, lints
    return found[0]


@pytest.mark.parametrize(
    ("name", "dtype", "codes"),
    [
        ("mobilenet_v1", "float32", ["pointwise"]),
        ("mobilenet_v1", "float16", ["pointwise"]),
        ("mobilenet_v1", "int8", ["pointwise", "refused"]),
        ("mobilenet_v2", "float32", ["pointwise"]),
    ],
)
def test_clean_networks_have_nothing_to_mend(read: Read, name: str, dtype: str, codes: list[str]) -> None:
    """The share of 1×1 convolutions is a fact, and so is the 8-bit softmax at the end, which costs no partition."""
    found = lint_model(read(build_network(name, dtype=dtype)))
    assert [lint.code for lint in found if lint.code != "pad"] == codes
    assert {lint.severity for lint in found} == {"note"}


def test_channels_say_what_padding_costs(read: Read) -> None:
    lint = the(between(read, "float32", lambda net, x: net.conv2d(x, "middle", 12, 1)), "channels")
    assert lint.layers == ("0/1",)
    assert "kernels compute 16, 25.0 % of them" in lint.message
    # The layer has 32 weights per channel, the next one reads each channel 32 times.
    assert "padding adds 65.5 k MACs, 256 parameters and 4.00 KiB" in lint.remedy
    assert lint.gain is not None
    # With 8 channels the kernel computes 8 instead of 16, and the next layer reads 4 fewer.
    assert (lint.gain.value, lint.gain.unit) == (16 * 16 * 32 * (8 + 4), "MACs")


def test_fewer_than_eight_channels_can_only_be_more(read: Read) -> None:
    lint = the(between(read, "int8", lambda net, x: net.conv2d(x, "middle", 4, 1)), "channels")
    assert (lint.severity, lint.gain) == ("note", None)
    assert lint.remedy.startswith("8, which cost these layers nothing")


@pytest.mark.parametrize("channels", [8, 16, 32])
def test_multiples_of_eight_are_fine(read: Read, channels: int) -> None:
    assert between(read, "float32", lambda net, x: net.conv2d(x, "middle", channels, 1)) == ()


def test_channels_that_the_task_sets_are_left_alone(read: Read) -> None:
    net = Network("m")
    y = net.fully_connected(net.input("input", (1, 64)), "scores", 10)
    assert lint_model(read(net.finish(net.softmax(y, "output")))) == ()


def test_refusals_count_the_partitions_they_cause(read: Read) -> None:
    lint = the(
        between(read, "int8", lambda net, x: net.apply("HARD_SWISH", [x], "s", x.shape, like=x)), "refused"
    )
    assert lint.layers == ("0/1",)
    assert "2 partitions, 1 without" in lint.message
    assert lint.gain is not None
    assert (lint.gain.value, lint.gain.unit) == (1, "partitions")


def test_refused_products_say_how_many_macs_run_elsewhere(read: Read) -> None:
    lint = the(lint_model(read(build_network("mobilenet_v1", size=64, dtype="dynamic"))), "refused")
    assert len(lint.layers) == 13
    assert "of MACs run in the runtime's own kernels" in lint.message
    assert "float16 weights" in lint.remedy
    lint = the(lint_model(read(build_micro("conv_2d", "int4"))), "refused")
    assert lint.remedy == "int8 weights in these layers"


def test_arithmetic_of_shapes_is_one_lint_and_says_how_it_goes_away(read: Read) -> None:
    def computed(net: Network, x: Value) -> Value:
        integers = Value(-1, (), "int32", None, 1.0)
        shape = net.apply("SHAPE", [x], "shape", (4,), {}, like=integers)
        other = net.apply("MINIMUM", [shape, net.ints("limits", (99,))], "other", (4,), {}, like=integers)
        return net.apply("RESHAPE", [x, other], "shaped", x.shape, {}, like=x)

    found = {lint.layers: lint for lint in between(read, "float32", computed) if lint.code == "refused"}
    assert found.keys() == {("0/1", "0/2"), ("0/3",)}
    assert "SHAPE, MINIMUM: they compute with integers" in found["0/1", "0/2"].message
    assert all("fixed input shapes" in lint.remedy for lint in found.values())


def test_what_is_won_is_no_more_than_what_is_computed(read: Read) -> None:
    """Of 9 channels 16 are computed: 8 are half of it, and less of the whole network."""
    lint = the(between(read, "int8", lambda net, x: net.conv2d(x, "middle", 9, 3)), "channels")
    assert lint.gain is not None
    assert lint.gain.share is not None
    assert lint.gain.share < 0.5


@pytest.mark.parametrize(("exponent", "severity"), [(2.0, "note"), (2.5, "advice")])
def test_powers_to_whole_numbers_are_no_loss(read: Read, exponent: float, severity: str) -> None:
    def power(net: Network, x: Value) -> Value:
        number = net.graph.constant("exponent", np.full(1, exponent, np.float32))
        return net.apply("POW", [x, number], "power", x.shape, {}, like=x)

    lint = the(between(read, "float32", power), "refused")
    assert lint.severity == severity
    assert "2 partitions, 1 without" in lint.message


def test_what_runs_once_is_not_said_to_be_refused(read: Read) -> None:
    assert [lint.code for lint in lint_model(read(build_micro("call_once")))] == []


def test_an_island_of_one_value_is_a_table_and_one_with_constants_is_not(read: Read) -> None:
    def table(net: Network, x: Value) -> Value:
        y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=floats(x))
        y = net.apply("TANH", [y], "float", x.shape, like=floats(x))
        return net.apply("QUANTIZE", [y], "close", x.shape, like=x)

    def scaled(net: Network, x: Value) -> Value:
        y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=floats(x))
        factors = net.graph.constant("factors", np.ones(32, np.float32))
        y = net.apply("MUL", [y, factors], "float", x.shape, {}, like=floats(x))
        return net.apply("QUANTIZE", [y], "close", x.shape, like=x)

    folded, real = (the(between(read, "int8", build), "float-island") for build in (table, scaled))
    assert (folded.severity, folded.gain) == ("note", None)
    assert (real.severity, real.layers) == ("advice", ("0/2",))
    # The float tensors at both ends shrink to a quarter; the two conversions read and write bytes and floats.
    elements = 16 * 16 * 32
    assert real.gain is not None
    assert real.gain.value == 2 * elements * 3 + 2 * elements * 5


def test_a_float_tail_is_no_island(read: Read) -> None:
    net = Network("m", "int8")
    x = net.conv2d(net.input("input", SHAPE), "first", 32)
    y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=floats(x))
    assert lint_model(read(net.finish(net.apply("SOFTMAX", [y], "s", x.shape, {"beta": 1.0}, like=y)))) == ()


def test_pairs_that_undo_each_other(read: Read) -> None:
    def there_and_back(net: Network, x: Value) -> Value:
        y = net.apply("DEQUANTIZE", [x], "open", x.shape, like=floats(x))
        return net.apply("QUANTIZE", [y], "close", x.shape, like=x)

    lint = the(between(read, "int8", there_and_back), "quantise-pair")
    assert lint.layers == ("0/1", "0/2")
    assert lint.gain is not None
    assert (lint.gain.value, lint.gain.unit) == (2, "operators")
    needless = between(read, "int8", lambda net, x: net.apply("QUANTIZE", [x], "same", x.shape, like=x))
    assert the(needless, "quantise-pair").layers == ("0/1",)


def test_requantising_is_no_pair(read: Read) -> None:
    def rescale(net: Network, x: Value) -> Value:
        return net.apply("QUANTIZE", [x], "other", x.shape, like=Value(-1, (), "int8", IMAGE, x.mean_square))

    assert between(read, "int8", rescale) == ()


def pad(net: Network, x: Value) -> Value:
    n, h, w, c = x.shape
    amounts = net.ints("amounts", ((0, 0), (1, 1), (1, 1), (0, 0)))
    return net.apply("PAD", [x, amounts], "padded", (n, h + 2, w + 2, c), like=x)


def test_pads_that_xnnpack_folds_and_those_it_does_not(read: Read) -> None:
    folded = between(read, "float32", lambda net, x: net.conv2d(pad(net, x), "m", 32, 3, 1, "VALID"))
    assert the(folded, "pad").severity == "note"
    assert "gives the same result" in the(folded, "pad").remedy

    def twice(net: Network, x: Value) -> Value:
        padded = pad(net, x)
        left, right = (net.conv2d(padded, name, 32, 3, 1, "VALID") for name in ("left", "right"))
        return net.add(left, right, "sum")

    lint = the(between(read, "float32", twice), "pad")
    assert lint.severity == "advice"
    assert "several layers read it" in lint.message
    shifted = between(read, "float32", lambda net, x: net.conv2d(pad(net, x), "m", 32, 3, 2, "VALID"))
    assert "pads other sides" in the(shifted, "pad").remedy


def test_a_padded_image_that_others_see_cannot_be_folded(read: Read) -> None:
    net = Network("m")
    padded = pad(net, net.input("input", SHAPE))
    found = lint_model(read(net.finish(net.conv2d(padded, "output", 32, 3, 1, "VALID"), padded)))
    assert "pad" not in {lint.code for lint in found}


def activated(net: Network, x: Value) -> Value:
    y = net.conv2d(x, "middle", 32, 3, activation="NONE")
    return net.apply("RELU", [y], "relu", y.shape, like=y)


def test_an_unfused_activation_costs_in_int8_only(read: Read) -> None:
    assert the(between(read, "float32", activated), "activation").severity == "note"
    lint = the(between(read, "int8", activated), "activation")
    assert (lint.severity, lint.layers) == ("advice", ("0/2",))


def test_an_activation_whose_layer_is_read_elsewhere_cannot_be_fused(read: Read) -> None:
    def shared(net: Network, x: Value) -> Value:
        y = net.conv2d(x, "middle", 32, 3, activation="NONE")
        return net.add(net.apply("RELU", [y], "relu", y.shape, like=y), y, "sum")

    assert between(read, "float32", shared) == ()


def test_constants_are_folded_but_unpacked_weights_are_no_fault(read: Read) -> None:
    def made(net: Network, x: Value) -> Value:
        table = net.graph.constant("table", np.ones(x.shape, np.float32))
        y = net.apply("EXP", [table], "made", x.shape, like=x)
        return net.apply("MUL", [x, y], "scaled", x.shape, {}, like=x)

    assert the(between(read, "float32", made), "constant").layers == ("0/1",)
    net = Network("m", "float16")
    assert "constant" not in {
        lint.code for lint in lint_model(read(build_network("mobilenet_v1", dtype="float16")))
    }
    assert net.dtype == "float16"


def test_transposes(read: Read) -> None:
    def turned(net: Network, x: Value, *orders: tuple[int, ...]) -> Value:
        for i, order in enumerate(orders):
            shape = tuple(x.shape[axis] for axis in order)
            x = net.apply("TRANSPOSE", [x, net.ints(f"order_{i}", order)], f"turned_{i}", shape, like=x)
        return x

    undone = the(between(read, "float32", lambda net, x: turned(net, x, (0, 3, 1, 2), (0, 2, 3, 1))), "copy")
    assert undone.layers == ("0/1", "0/2")
    assert undone.remedy == "take both out"
    single = the(between(read, "float32", lambda net, x: turned(net, x, (0, 2, 1, 3))), "copy")
    assert single.gain is not None
    assert (single.gain.value, single.gain.unit) == (2 * 16 * 16 * 32 * 4, "bytes")


def test_a_huge_table_is_said_to_fit_in_a_quarter(read: Read) -> None:
    net = Network("m")
    rows = net.graph.input("rows", (1, 4), "int32")
    table = net.graph.constant("table", np.zeros((4096, 128), np.float32))
    like = Value(-1, (), "float32", None, 1.0)
    y = net.apply("GATHER", [table, rows], "embedded", (1, 4, 128), {"axis": 0}, like=like)
    lint = the(lint_model(read(net.finish(y))), "copy")
    assert lint.gain is not None
    assert (lint.gain.value, lint.gain.share) == (3 * 4096 * 128, 0.0)


def test_advice_comes_first_and_the_largest_gain_before_others(read: Read) -> None:
    found = lint_model(read(build_network("mobilenet_v3_small", dtype="int8")))
    severities = [lint.severity for lint in found]
    assert severities == sorted(severities)
    shares = [lint.gain.share or 0 for lint in found if lint.severity == "advice" and lint.gain]
    assert shares == sorted(shares, reverse=True)
    assert found[0].code == "refused"


def check(model: Model) -> None:
    """What holds of every lint of every model."""
    ids = {op.id for op in model.ops()}
    for lint in lint_model(model):
        assert lint.layers
        assert set(lint.layers) <= ids
        assert lint.message
        assert lint.remedy
        assert lint.severity in ("advice", "note")
        assert lint.gain is None or lint.gain.value > 0
        assert lint.gain is None or lint.gain.share is None or 0 <= lint.gain.share <= 1


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, micro in MICRO_MODELS.items() for dtype in micro.dtypes]
)
def test_every_micro_model_is_linted(read: Read, name: str, dtype: str) -> None:
    check(read(build_micro(name, dtype)))


ARITIES = [
    ("ADD", 2),
    ("RELU", 1),
    ("PAD", 2),
    ("CONV_2D", 3),
    ("TRANSPOSE", 2),
    ("QUANTIZE", 1),
    ("DEQUANTIZE", 1),
]
ARITIES += [
    ("GATHER", 2),
    ("RESHAPE", 2),
    ("MyOwnOp", 2),
    ("MEAN", 2),
    ("SOFTMAX", 1),
    ("SLICE", 3),
    ("SPLIT", 2),
]
DTYPES = ["float32", "float16", "int8", "uint8", "int32", "string", "bool", "int64"]


@st.composite
def odd_models(draw: st.DrawFn) -> bytes:
    """Operators over tensors of any type and shape, wired at random: most could not run."""
    net = Network("odd")
    shapes = st.lists(st.sampled_from([-1, 1, 3, 4, 8]), max_size=5)
    forms = st.sampled_from([None, IMAGE])
    tensors = [net.graph.input("input", (1, 4), "float32")]
    for i in range(draw(st.integers(1, 8))):
        code, arity = draw(st.sampled_from(ARITIES))
        inputs = [draw(st.sampled_from(tensors)) for _ in range(arity)]
        if draw(st.booleans()):
            inputs[-1] = net.graph.constant(f"c{i}", np.zeros(draw(st.integers(0, 4)), np.int32))
        dtype = draw(st.sampled_from(DTYPES))
        form = draw(forms) if dtype == "int8" else None
        output = net.graph.tensor(f"t{i}", draw(shapes), dtype, form)
        net.graph.op(code, inputs, [output], {}, 1)
        tensors.append(output)
    net.graph.output(tensors[-1])
    return net.writer.to_bytes()


@given(odd_models())
def test_odd_models_never_make_it_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("odd") / "m.tflite"
    path.write_bytes(content)
    # What no runtime could compute, the reader refuses before.
    with contextlib.suppress(ModelError):
        check(read_model(path))

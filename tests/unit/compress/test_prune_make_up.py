from __future__ import annotations

import numpy as np
import pytest

from tflprof.compress.prune.make_up import make_up
from tflprof.compress.prune.moments import Moments
from tflprof.compress.prune.values import real, requantised
from tflprof.model.build.layers import Network
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Quantisation, Tensor


def dense(dtype: str) -> ModelEditor:
    net = Network("dense", dtype)
    return ModelEditor.open(net.finish(net.fully_connected(net.input("input", (1, 6)), "dense", 4)))


def seen(rows: int = 4000) -> Moments:
    """Six inputs around 1; the last is the sum of the first two."""
    x = np.random.default_rng(0).standard_normal((rows, 6)) + 1
    x[:, 5] = x[:, 0] + x[:, 1]
    return Moments(x.mean(axis=0), x.var(axis=0), np.cov(x.T, bias=True), rows)


LAST = np.arange(6) == 5


def weights(editor: ModelEditor) -> tuple[np.ndarray, np.ndarray]:
    op = editor.graph().ops[0]
    tensors = [editor.tensor(index) for index in op.inputs[1:3]]
    kernel, bias = (real(editor.constant_values(each.index), each.quantisation) for each in tensors)
    return kernel, bias


@pytest.mark.parametrize(("dtype", "within"), [("float32", 0.01), ("dynamic", 0.02), ("int8", 0.05)])
def test_an_input_that_others_tell_goes_into_their_weights(dtype: str, within: float) -> None:
    editor = dense(dtype)
    before, bias = weights(editor)
    make_up(editor, editor.graph(), editor.graph().ops[0], LAST, seen())
    after, shifted = weights(editor)
    wanted = before.copy()
    wanted[:, :2] += before[:, 5:]
    assert after[:, :5] == pytest.approx(wanted[:, :5], abs=within)
    assert shifted == pytest.approx(bias, abs=within)


def test_without_covariances_its_mean_goes_into_the_bias() -> None:
    editor, known = dense("float32"), seen()
    before, bias = weights(editor)
    only_means = Moments(known.mean, known.variance, None, known.rows)
    make_up(editor, editor.graph(), editor.graph().ops[0], LAST, only_means)
    after, shifted = weights(editor)
    assert (after == before).all()
    assert shifted == pytest.approx(bias + before[:, 5] * known.mean[5], rel=1e-5)


def test_a_bias_is_added_where_there_is_none() -> None:
    editor, known = dense("float32"), seen()
    op = editor.graph().ops[0]
    editor.set_inputs(op.id, (*op.inputs[:2], -1))
    before = real(editor.constant_values(op.inputs[1]), None)
    make_up(
        editor, editor.graph(), editor.op(op.id), LAST, Moments(known.mean, known.variance, None, known.rows)
    )
    assert weights(editor)[1] == pytest.approx(before[:, 5] * known.mean[5], rel=1e-5)


def test_shared_weights_are_left_alone() -> None:
    net = Network("shared")
    x = net.input("input", (1, 6))
    y = net.fully_connected(x, "once", 6)
    shared = net.graph._operators[-1].inputs[1:]
    options = {"fused_activation_function": "NONE"}
    editor = ModelEditor.open(
        net.finish(net.apply("FULLY_CONNECTED", [y, *shared], "twice", (1, 6), options, like=y))
    )
    before = editor.to_bytes()
    make_up(editor, editor.graph(), editor.graph().ops[0], LAST, seen())
    assert editor.to_bytes() == before


def tensor(dtype: str, quantisation: Quantisation | None) -> Tensor:
    return Tensor(0, "w", dtype, (2, 3), (2, 3), True, quantisation, False, False, 6, 1)


def test_values_are_stored_in_the_form_they_have() -> None:
    values = np.array([[1.0, -2.0, 0.5], [0.1, 0.2, -0.3]])
    per_channel = tensor("int8", Quantisation("channel", (1.0, 1.0), (0, 0), 0))
    found = requantised(values, per_channel)
    assert found is not None
    assert real(*found) == pytest.approx(values, abs=0.01)
    assert requantised(values, tensor("uint8", Quantisation("tensor", (1.0,), (128,)))) is None
    assert requantised(values, tensor("int4", Quantisation("tensor", (1.0,), (0,)))) is None

"""A Keras model rebuilt from a .tflite file computes what the file computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.tensorflow.networks import flat, mixed
from tflprof.errors import ModelError, UsageError
from tflprof.model.build import build_micro, build_network
from tflprof.model.read import read_model
from tflprof.recover.export import export_tflite
from tflprof.recover.rebuild import keras_from_tflite
from tflprof.recover.resized import resized
from tflprof.runtimes.execute import Executor

Array = npt.NDArray[Any]


def images(count: int, *shape: int) -> Array:
    return np.random.default_rng(5).random((count, *shape), np.float32)


def run(content: bytes, samples: Array) -> Array:
    """Outputs of LiteRT, the integers of quantised ones as the numbers they stand for."""
    graph = read_model(content).subgraphs[0]
    name = graph.tensors[graph.inputs[0]].name
    with Executor() as executor:
        found = executor.run(content, [{name: sample[None]} for sample in samples], dequantised=True)
    return np.concatenate([next(iter(outputs.values())) for outputs in found])


@pytest.mark.parametrize("make", [mixed, flat])
def test_it_computes_what_the_file_computes(tf: Any, make: Any) -> None:
    tf.keras.utils.set_random_seed(1)
    model = make(tf.keras)
    content = export_tflite(model)
    rebuilt = keras_from_tflite(content)
    samples = images(3, *model.inputs[0].shape[1:])
    made = rebuilt.model.predict(samples, verbose=0)
    np.testing.assert_allclose(made, run(content, samples), atol=1e-5)
    np.testing.assert_allclose(made, model.predict(samples, verbose=0), atol=1e-5)
    assert (rebuilt.logits is not None) == (make is mixed)


def test_it_is_exported_as_the_same_graph(tf: Any) -> None:
    content = export_tflite(mixed(tf.keras))
    again = export_tflite(keras_from_tflite(content).model)
    kinds = [[op.type for op in read_model(found).ops()] for found in (content, again)]
    assert sorted(kinds[0]) == sorted(kinds[1])
    assert read_model(again).signatures[0].inputs.keys() == {"image"}


def test_an_int8_file_becomes_the_real_numbers_it_stands_for(tf: Any) -> None:
    tf.keras.utils.set_random_seed(2)
    model = mixed(tf.keras)
    samples = images(20, 8, 8, 4)
    content = export_tflite(model, "int8", samples)
    assert read_model(content).subgraphs[0].tensors[0].dtype == "int8"
    rebuilt = keras_from_tflite(content)
    assert rebuilt.is_quantised
    np.testing.assert_allclose(rebuilt.model.predict(samples, verbose=0), run(content, samples), atol=0.05)


def test_a_network_of_the_builder_is_rebuilt_without_keras(tf: Any) -> None:
    content = build_network("mobilenet_v1", size=32, width=0.25, dtype="float32")
    samples = images(2, 32, 32, 3)
    rebuilt = keras_from_tflite(content)
    np.testing.assert_allclose(rebuilt.model.predict(samples, verbose=0), run(content, samples), atol=1e-4)


def test_what_cannot_be_rebuilt_is_refused_by_name(tf: Any) -> None:
    with pytest.raises(ModelError, match=r"layer 0/\d+ is a "):
        keras_from_tflite(build_micro("resize_bilinear"))


def test_resolution_changes_where_nothing_fixes_it(tf: Any) -> None:
    model = mixed(tf.keras)
    larger = resized(model, 16)
    assert tuple(larger.inputs[0].shape[1:]) == (16, 16, 4)
    samples = images(2, 16, 16, 4)
    content = export_tflite(larger)
    np.testing.assert_allclose(run(content, samples), larger.predict(samples, verbose=0), atol=1e-5)
    again = keras_from_tflite(export_tflite(model), (16, 16, 4)).model
    np.testing.assert_allclose(
        again.predict(samples, verbose=0), larger.predict(samples, verbose=0), atol=1e-5
    )


def test_a_size_that_a_layer_fixes_is_refused(tf: Any) -> None:
    with pytest.raises(UsageError, match="cannot take 8×8"):
        resized(flat(tf.keras), 8)
    with pytest.raises(ModelError, match="as many values"):
        keras_from_tflite(export_tflite(flat(tf.keras)), (8, 8, 2))


def test_schemes_are_checked(tf: Any) -> None:
    model = flat(tf.keras)
    with pytest.raises(UsageError, match="int4"):
        export_tflite(model, "int4")
    with pytest.raises(UsageError, match="representative"):
        export_tflite(model, "int8")

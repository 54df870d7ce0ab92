"""What fuzzing found, once and for all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tflprof.errors import ModelError
from tflprof.model.read import read_model

CORPUS = Path(__file__).resolve().parents[2] / "data" / "fuzz"

REFUSED = {
    "add_with_scale_zero": "adds quantised tensors with scales [0.0, 0.0078125",
    "add_with_scales_too_far_apart": "which are too far apart",
    "add_without_scale": "all must be above 0",
    "assign_variable_of_nothing": "op 1/1 (ASSIGN_VARIABLE) has 1 inputs, not 2",
    "batch_matmul_lacks_an_input": "op 0/0 (BATCH_MATMUL) lacks input 0, which it needs",
    "batch_matmul_makes_int8_of_float32": "makes int8 of float32, which it cannot",
    "call_once_runs_itself": "subgraph 0 runs itself",
    "cumsum_lacks_an_input": "op 0/1 (CUMSUM) lacks input 1, which it needs",
    "custom_operator_without_name": "operator code 0 is a custom operator without a name",
    "depthwise_without_bias": "has 2 inputs, not 3",
    "detection_with_damaged_options": "custom options of op 0/0 (TFLite_Detection_PostProcess) are not a flat map",
    "if_hands_nothing": "op 0/1 (IF) hands to subgraph 1 1 tensors (nothing)",
    "if_result_of_another_type": "op 0/1 (IF) takes from subgraph 1 1 tensors (int8)",
    "operator_reads_its_own_output": "op 0/0 (SOFTMAX) reads tensor 1, which nothing before it computes",
    "operator_writes_to_a_constant": "op 0/0 (FULLY_CONNECTED) writes to tensor 1, which is a constant",
    "pool_makes_float16": "makes float16 of float32, which it cannot",
    "quantize_to_scale_nan": "op 0/0 (QUANTIZE) quantises with a scale of nan",
    "quantize_to_zero_point_1000": "op 0/0 (QUANTIZE) quantises to int8 with a zero point of 1000",
    "reshape_int64_to_float32": "makes float32 of int64, which it cannot",
    "signature_names_no_output": "signature 'serving_default' does not name output tensor 1",
    "signature_output_without_text": "an input or output of a signature has no name",
    "split_without_options": "op 0/0 (SPLIT) is to give 0 parts but has 2 outputs",
    "while_hands_nothing": "op 0/0 (WHILE) hands to subgraph 1 2 tensors (nothing, float32)",
    "while_runs_itself": "op 0/0 (WHILE) hands to subgraph 0 2 tensors",
}


def test_every_file_has_its_expectation() -> None:
    assert {path.stem for path in CORPUS.glob("*.tflite")} == {*REFUSED, "sparse_constant_of_250_megabytes"}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(CORPUS / f"{name}.tflite")
    assert REFUSED[name] in caught.value.what
    assert name in caught.value.what
    assert caught.value.hint


def test_a_sparse_constant_takes_no_more_memory_than_it_holds() -> None:
    model = read_model(CORPUS / "sparse_constant_of_250_megabytes.tflite")
    constants = [tensor for tensor in model.subgraphs[0].tensors if tensor.sparse]
    tracemalloc.start()
    try:
        for tensor in constants:
            with pytest.raises(ModelError):
                model.data(0, tensor.index)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert constants

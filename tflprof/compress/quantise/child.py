"""The process in which litert-quantizer works: what it prints and how it ends is nobody else's business."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.runtimes.execute_child import read_frame, write_frame

_ALL = ".*"


def main() -> int:
    """Answer requests until standard input ends; the status to end the process with."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    while (frame := read_frame(requests)) is not None:
        header, arrays = frame
        try:
            said, values = _answer(header, arrays)
        except ImportError as error:
            said, values = {"missing": f"{error}"}, []
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
            said, values = {"error": f"{error}".strip() or type(error).__name__}, []
        try:
            write_frame(answers, said, values)
        except OSError:
            return 1
    return 0


def _answer(
    header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]]
) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    if header["do"] == "policy":
        return _policy(), []
    return {}, [np.frombuffer(_quantised(arrays[0].tobytes(), header), np.uint8)]


def _policy() -> dict[str, Any]:
    """Operators, by their names in the schema, that can be had in each scheme."""
    from litert_quantizer import default_policy, qtyping
    from litert_quantizer.utils import tfl_flatbuffer_utils

    builtin = {code: name for name, code in vars(qtyping.BuiltinOperator).items() if isinstance(code, int)}
    names = {name: builtin[code] for name, code in tfl_flatbuffer_utils.TFL_OP_NAME_TO_CODE.items()}
    found: dict[str, list[str]] = {"int8": [], "dynamic": []}
    for operation, configs in default_policy.DEFAULT_CONFIG_CHECK_POLICY.items():
        if operation in names:
            for scheme, takes in (("int8", _is_static), ("dynamic", _is_dynamic)):
                if any(map(takes, configs)):
                    found[scheme].append(names[operation])
    return found


def _is_static(config: Any) -> bool:
    weights, values = config.weight_tensor_config, config.activation_tensor_config
    return values is not None and values.num_bits == 8 and weights.num_bits == 8 and values.dtype == "INT"


def _is_dynamic(config: Any) -> bool:
    integer = config.compute_precision == "INTEGER" and not config.explicit_dequantize
    return config.activation_tensor_config is None and config.weight_tensor_config.num_bits == 8 and integer


def _quantised(model: bytes, header: Mapping[str, Any]) -> bytes:
    from litert_quantizer import qtyping
    from litert_quantizer.quantizer import Quantizer
    from litert_quantizer.recipe_manager import RecipeManager

    recipe = RecipeManager()
    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    if header["int8"]:
        recipe.add_static_config(header["int8"], everything, activation_num_bits=8, weight_num_bits=8)
    if header["dynamic"]:
        recipe.add_dynamic_config(header["dynamic"], everything, num_bits=8)
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        # Whoever runs the model goes on giving and taking real values.
        recipe.add_quantization_config(_ALL, end, algorithm_key="no_quantize")
    quantizer = Quantizer(model, recipe.get_quantization_recipe())
    tree = quantizer._float_model
    # It takes no model without signatures, and takes old files' operators, which have another field, all for ADD.
    tree.signatureDefs = tree.signatureDefs or []
    for code in tree.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    ranges = {
        name: {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}
        for name, (low, high) in header["ranges"].items()
    }
    for name, (shape, bounds) in header["weights"].items():
        ends = np.array(bounds, np.float32).reshape(shape)
        ranges[name] = {"min": -ends, "max": ends}
    before = _outputs(tree)
    found = quantizer.quantize(ranges or None, enable_progress_bar=False, enable_progress_report=False)
    return _given_back(bytes(found.quantized_model or b""), before)


def _outputs(tree: Any) -> list[tuple[int, int]]:
    """Tensors that the main subgraph gives back, with their types."""
    graph = tree.subgraphs[0]
    return [(int(index), int(graph.tensors[index].type)) for index in graph.outputs]


def _given_back(content: bytes, before: Sequence[tuple[int, int]]) -> bytes:
    """The model with the results that it had, and signatures that name them.

    Of a result that layers read as well, litert-quantizer gives back the integers made for them, or leaves
    signatures behind.
    """
    from litert_quantizer.utils import tfl_flatbuffer_utils

    tree = tfl_flatbuffer_utils.read_model(bytearray(content))
    graph = tree.subgraphs[0]
    outputs = [
        old if graph.tensors[old].type == kind else int(new)
        for (old, kind), new in zip(before, graph.outputs, strict=True)
    ]
    numbers = {old: new for (old, _), new in zip(before, outputs, strict=True)}
    entries = [
        entry
        for signature in tree.signatureDefs or []
        if not signature.subgraphIndex
        for entry in signature.outputs or []
        if numbers.get(entry.tensorIndex, entry.tensorIndex) != entry.tensorIndex
    ]
    if not entries and outputs == [int(index) for index in graph.outputs]:
        return content
    graph.outputs = outputs
    for entry in entries:
        entry.tensorIndex = numbers[entry.tensorIndex]
    return bytes(tfl_flatbuffer_utils.flatbuffer_utils.convert_object_to_bytearray(tree))

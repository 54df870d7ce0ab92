"""Builtin options of operators, between schema tables and plain dictionaries, for every operator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tflprof.model.schema import enum_text, enum_value, generated, snake

_ENUM_OF_FIELD = {
    "padding": "Padding",
    "fused_activation_function": "ActivationFunctionType",
    "quantized_bias_type": "TensorType",
    "in_data_type": "TensorType",
    "out_data_type": "TensorType",
    "output_type": "TensorType",
    "out_type": "TensorType",
    "idx_out_type": "TensorType",
    "key_dtype": "TensorType",
    "value_dtype": "TensorType",
    "weights_format": "FullyConnectedOptionsWeightsFormat",
    "kernel_type": "LSTMKernelType",
    "combiner": "CombinerType",
    "mode": "MirrorPadMode",
    "type": "LSHProjectionType",
    "algorithm": "RngAlgorithm",
    "comparison_direction": "StablehloComparisonDirection",
    "compare_type": "StablehloComparisonType",
    "precision_config": "StablehloPrecisionConfig",
    "reduce_function": "ReduceWindowFunction",
    "composite_attributes_format": "CustomOptionsFormat",
}

_TABLE_OF_CODE = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "RANDOM_STANDARD_NORMAL": "RandomOptions",
    "RANDOM_UNIFORM": "RandomOptions",
    "MULTINOMIAL": "RandomOptions",
}
"""Operators whose options table is not called after them."""

_SUBGRAPH_FIELDS = ("subgraph", "subgraph_index", "subgraph_indices")

Options = dict[str, Any]


def read_options(operator: Any) -> Options:
    """Builtin options of a generated ``Operator`` in snake_case; empty if there are none."""
    out: Options = {}
    for union in ("BuiltinOptions", "BuiltinOptions2"):
        kind = getattr(operator, f"{union}Type")()
        table = getattr(operator, union)()
        if not kind or table is None:
            continue
        creator: Callable[[int, Any], Any] = getattr(generated(), f"{union}Creator")
        fields = creator(kind, table)
        out |= {snake(name): _plain(snake(name), value) for name, value in _fields(fields).items()}
    return out


def make_options(code: str, options: Mapping[str, Any]) -> tuple[str, int, Any] | None:
    """Union name, union member and filled table that hold the options of a builtin operator.

    None if the operator has no options table. Raises ValueError for a field it does not have.
    """
    found = _union_of(code)
    if found is None:
        if options:
            raise ValueError(f"{code} takes no options, got {', '.join(options)}")
        return None
    union, member, table_name = found
    table = getattr(generated(), f"{table_name}T")()
    attributes = {snake(name): name for name in _fields(table)}
    for name, value in options.items():
        if name not in attributes:
            raise ValueError(f"{code} has no option {name!r}, only {', '.join(attributes) or 'none'}")
        setattr(table, attributes[name], _stored(name, value))
    return union, member, table


def fill_options(table: Any, code: str, options: Mapping[str, Any]) -> None:
    """Give an ``OperatorT`` its options; ``custom_options`` are bytes. Raises as :func:`make_options`."""
    plain = dict(options)
    custom = plain.pop("custom_options", b"")
    table.customOptions = np.frombuffer(custom, np.uint8) if custom else None
    if found := make_options(code, plain):
        union, member, filled = found
        attribute = union[0].lower() + union[1:]
        setattr(table, f"{attribute}Type", member)
        setattr(table, attribute, filled)


def tree_options(table: Any) -> Options:
    """Options of an ``OperatorT``, as :func:`fill_options` takes them."""
    out: Options = {}
    for fields in (table.builtinOptions, table.builtinOptions2):
        out |= {snake(name): _plain(snake(name), value) for name, value in _fields(fields).items()}
    if table.customOptions is not None and len(table.customOptions):
        out["custom_options"] = np.asarray(table.customOptions, np.uint8).tobytes()
    return out


def subgraphs_run(options: Mapping[str, Any]) -> tuple[int, ...]:
    """Indices of the subgraphs that options refer to, in the order of the schema; -1 is none."""
    found: list[int] = []
    for name, value in options.items():
        if name.endswith(_SUBGRAPH_FIELDS):
            found.extend(value if isinstance(value, tuple) else (value,))
    return tuple(index for index in found if index >= 0)


@functools.cache
def _union_of(code: str) -> tuple[str, int, str] | None:
    wanted = _TABLE_OF_CODE.get(code, code.replace("_", "") + "Options").lower()
    for union in ("BuiltinOptions", "BuiltinOptions2"):
        for name, member in vars(getattr(generated(), union)).items():
            if name.lower() == wanted:
                return union, member, name
    return None


def _fields(table: Any) -> dict[str, Any]:
    return {} if table is None else dict(vars(table))


def _plain(name: str, value: Any) -> Any:
    """A field as immutable plain data: numbers, text, bytes and tuples."""
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype == np.uint8 else _plain(name, tuple(value.tolist()))
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return _map_enum(name, value, enum_text, int)


def _stored(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return np.frombuffer(value, np.uint8)
    value = _map_enum(name, value, enum_value, str)
    return list(value) if isinstance(value, tuple) else value


def _map_enum(name: str, value: Any, convert: Callable[[str, Any], Any], kind: type) -> Any:
    enum = _ENUM_OF_FIELD.get(name)
    if enum is None:
        return value
    if isinstance(value, tuple):
        return tuple(convert(enum, item) for item in value) if name == "precision_config" else value
    return convert(enum, value) if isinstance(value, kind) and not isinstance(value, bool) else value

"""Why a runtime would not take a model as it is: asked when one has refused it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tflprof.errors import ModelError
from tflprof.model.graph import Model
from tflprof.model.op_versions import HIGHEST

_UNKNOWN_TYPES = ("complex128", "variant", "float8_e4m3fn", "float8_e5m2")
_MOST_ELEMENTS = 2**44
_LOADING = ("load", "compile", "allocate")
"""Stages at which a runtime first sees all of a model."""

_KNOWN_CUSTOM = ("TFLite_Detection_PostProcess", "AudioSpectrogram", "Mfcc", "NumericVerify")
"""Custom operators that the runtime brings along."""


def refused_model(model: Model, signature: str | None, stage: str) -> ModelError | None:
    """The error that names what the runtime cannot take in a model; None if nothing is known.

    Args:
        model: as it was read.
        signature: the entry point that was to run, the first if None.
        stage: of the runner's failure.
    """
    causes: list[tuple[str, str]] = []
    if stage in ("input", "buffers", *_LOADING):
        causes += _strings(model, signature)
    if stage in _LOADING:
        causes += [*_sizes(model), *_types(model), *_variables(model), *_custom(model), *_builtin(model)]
    if not causes:
        return None
    what, hint = causes[0]
    return ModelError(f"{model.path} cannot be run: {what}", hint)


def _strings(model: Model, signature: str | None) -> Iterator[tuple[str, str]]:
    for kind, graph, named in _ports(model, signature):
        for name, index in named.items():
            if model.subgraphs[graph].tensors[index].dtype == "string":
                yield (
                    f"{kind} {name!r} holds strings, for which the runtime has no buffers",
                    "profile the part of the model behind its text operators, with numbers as inputs",
                )


def _ports(model: Model, signature: str | None) -> Iterator[tuple[str, int, Mapping[str, int]]]:
    for entry in model.signatures:
        if signature in (None, entry.key):
            yield "input", entry.subgraph, entry.inputs
            yield "output", entry.subgraph, entry.outputs
            return
    main = model.subgraphs[0]
    for kind, indices in (("input", main.inputs), ("output", main.outputs)):
        yield kind, 0, {main.tensors[index].name: index for index in indices}


def _types(model: Model) -> Iterator[tuple[str, str]]:
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.dtype in _UNKNOWN_TYPES:
                yield (
                    f"tensor {tensor.name!r} is of type {tensor.dtype}, which the runtime does not know",
                    "convert the model with another type",
                )


def _sizes(model: Model) -> Iterator[tuple[str, str]]:
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if math.prod(tensor.shape) > _MOST_ELEMENTS:
                yield (
                    f"tensor {tensor.name!r} claims the shape {list(tensor.shape)}, more than any memory holds",
                    "the file may be damaged: copy or download it again",
                )


def _variables(model: Model) -> Iterator[tuple[str, str]]:
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.is_variable:
                yield (
                    f"tensor {tensor.name!r} is kept between inferences (is_variable), which LiteRT's "
                    "interface for compiled models does not support",
                    "convert the model with resource variables, or with its state as inputs and outputs",
                )


def _custom(model: Model) -> Iterator[tuple[str, str]]:
    for op in model.ops():
        name = op.custom_code
        if op.code != "CUSTOM" or name is None or name in _KNOWN_CUSTOM:
            continue
        if name.startswith("Flex"):
            hint = "convert it with TFLITE_BUILTINS only: the runtime has no TensorFlow operators (Flex)"
        else:
            hint = "name a runtime that has it with --runtime, or convert the model without it"
        yield f"op {op.id} is the custom operator {name!r}, which the runtime does not have", hint


def _builtin(model: Model) -> Iterator[tuple[str, str]]:
    hint = "name a newer runtime with --runtime, or convert the model with an older converter"
    for op in model.ops():
        highest = HIGHEST.get(op.code)
        if op.code.startswith("UNKNOWN_"):
            number = op.code.removeprefix("UNKNOWN_")
            yield f"op {op.id} has the operator code {number}, which this schema does not know", hint
        elif highest == 0:
            yield f"op {op.id} is {op.code}, which LiteRT 2.3 does not have", hint
        elif highest is not None and op.version > highest:
            yield (
                f"op {op.id} is version {op.version} of {op.code}; LiteRT 2.3 has versions up to {highest}",
                hint,
            )

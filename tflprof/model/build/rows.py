"""Chains: models made of layers by their configurations alone, each fed by what ran before it, as in a network.

A layer costs what it does in its place: its weights lie in memory, its input in the caches as far as they reach. So
rows of a latency table are measured in a chain, where each takes what the one before it made, cut or padded to size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tflprof.model.build.row_constants import Constants, Made, quantisation_of
from tflprof.model.build.versions import operator_version
from tflprof.model.graph import Quantisation
from tflprof.model.write import GraphWriter, ModelWriter
from tflprof.op_channels import with_dtype
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.op_memory import reads_image

_OLDER = 3
"""By how many rows what a residual or a gate is applied to is older than what the layer just before made."""

_KEEPS_SCALE = frozenset(
    {
        "RESHAPE",
        "MEAN",
        "CONCATENATION",
        "PAD",
        "MAX_POOL_2D",
        "AVERAGE_POOL_2D",
        "MAXIMUM",
        "MINIMUM",
        "SLICE",
    }
    | {"STRIDED_SLICE", "SPLIT", "TRANSPOSE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RELU", "RELU6"}
    | {
        "DEPTH_TO_SPACE",
        "SPACE_TO_DEPTH",
        "SQUEEZE",
        "EXPAND_DIMS",
        "PACK",
        "GATHER",
        "REDUCE_MAX",
        "REDUCE_MIN",
    }
)


@dataclass(frozen=True)
class Chain:
    """A model of many rows.

    Attributes:
        content: of the .tflite file.
        rows: which configuration (its number among those given) an operator belongs to, by the operator's id.
    """

    content: bytes
    rows: dict[str, int]


def chain_model(
    configs: Sequence[OpConfig], flush_bytes: int = 0, seed: int = 0, *, as_network: bool = False
) -> Chain:
    """A model in which every configuration stands once, in this order, after operators that begin it.

    Args:
        configs: those for which :func:`unbuildable` gives None.
        flush_bytes: of weights that are read first, so that nothing of the inference before is left in the caches.
        seed: of the weights.
        as_network: feed layers as where time is measured matters: what reads a model's input reads one of the
            chain, which nothing has just written, and a residual is what an earlier row made, and no copy of it.
    """
    builder = _Builder(seed, as_network)
    if flush_bytes:
        builder.flush(flush_bytes, "int8" if configs[0].inputs[0].dtype == "int8" else "float32")
    for number, config in enumerate(configs):
        if number + _OLDER < len(configs):
            builder.keep_for(number + _OLDER, configs[number + _OLDER])
        builder.add(number, config)
    return builder.finish()


@dataclass
class _Value:
    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: Quantisation | None


def _data_places(config: OpConfig) -> list[int]:
    """Which inputs are data, the largest first."""
    places = [place for place, tensor in enumerate(config.inputs) if tensor.role == "computed"]
    return sorted(places, key=lambda place: -math.prod(config.inputs[place].shape))


class _Builder:
    def __init__(self, seed: int, as_network: bool) -> None:
        self._as_network = as_network
        self._model = ModelWriter("rows of a latency table")
        self._graph: GraphWriter = self._model.subgraph("main")
        self._constants = Constants(self._graph, seed)
        self._ops = 0
        self._rows: dict[str, int] = {}
        self._last: dict[str, _Value] = {}
        self._unread: dict[int, _Value] = {}
        self._kept: dict[int, dict[int, _Value]] = {}

    def add(self, number: int, config: OpConfig) -> None:
        """Append a row with what feeds it."""
        given = self._kept.pop(number, {})
        for place in _data_places(config):
            if place not in given:
                image = self._as_network and reads_image(config)
                feed = self._image if image else self._fed
                given[place] = feed(config.inputs[place], f"row{number}/in{place}")
                if config.op == "RESHAPE":
                    given[place] = self._copied(given[place], f"row{number}/before")
        for inner in config.fused:
            if inner.op == "PAD":
                given[0] = self._folded(inner, given[0], number)
        self._apply(config, given, number)
        for inner in config.fused:
            if inner.op != "PAD":
                self._folded(inner, self._last[inner.outputs[0].dtype], number)
        if config.op == "RESHAPE":
            made = self._last[config.outputs[0].dtype]
            self._last[made.dtype] = self._copied(made, f"row{number}/after")

    def keep_for(self, number: int, config: OpConfig) -> None:
        """Make all but the last of the data of a later row now."""
        for place in _data_places(config)[:-1]:
            value = self._fed(config.inputs[place], f"row{number}/in{place}")
            if value in self._last.values() and not self._as_network:
                value = self._copied(value, f"row{number}/kept{place}")
            self._kept.setdefault(number, {})[place] = value

    def flush(self, size: int, dtype: str) -> None:
        """Read so many bytes of weights, as a layer would."""
        depth = 1024
        units = max(size // depth // (4 if dtype == "float32" else 1), 1)
        scheme = "int8" if dtype == "int8" else "float32"
        weights = TensorConfig((units, depth), "float32", "constant")
        row = OpConfig(
            "FULLY_CONNECTED",
            (TensorConfig((1, depth), "float32"), weights),
            (TensorConfig((1, units), "float32"),),
            (("fused_activation_function", "NONE"),),
        )
        self.add(-1, with_dtype(row, scheme))
        self._rows.clear()

    def finish(self) -> Chain:
        """The file; what nothing reads is an output."""
        self._graph.output(*self._unread)
        self._model.signature(self._graph)
        return Chain(self._model.to_bytes(), self._rows)

    def _fed(self, wanted: TensorConfig, name: str) -> _Value:
        """Data of this shape, made by the operator just before: from what the last row made."""
        last = self._last.get(wanted.dtype)
        if last is None:
            scale = quantisation_of(wanted.dtype, None)
            # One too many, so that the first kernel, which costs a few instructions less, is none of the rows.
            size = (math.prod(wanted.shape) + 1,)
            index = self._graph.input(f"{name}/begin", size, wanted.dtype, scale)
            last = _Value(index, size, wanted.dtype, scale)
        return self._fitted(last, wanted.shape, name)

    def _image(self, wanted: TensorConfig, name: str) -> _Value:
        """An input of the model of its own."""
        if not self._ops:
            # The first kernel is none of the rows.
            self._fed(replace(wanted, shape=(1,)), f"{name}/before")
        scale = quantisation_of(wanted.dtype, None)
        index = self._graph.input(name, wanted.shape, wanted.dtype, scale)
        return _Value(index, wanted.shape, wanted.dtype, scale)

    def _fitted(self, value: _Value, shape: tuple[int, ...], name: str) -> _Value:
        have, want = math.prod(value.shape), math.prod(shape)
        if value.shape == shape:
            return value
        if have != want:
            flat = self._reshaped(value, (have,), f"{name}/flat")
            code, amounts = ("SLICE", [0]) if have > want else ("PAD", [[0, want - have]])
            value = self._moved(flat, code, (want,), amounts, f"{name}/fit")
        return self._reshaped(value, shape, f"{name}/shaped") if value.shape != shape else value

    def _copied(self, value: _Value, name: str) -> _Value:
        """The same data once more: what only renames it cannot be told from what only renames it beside it."""
        return self._moved(value, "SLICE", value.shape, [0] * len(value.shape), name)

    def _reshaped(self, value: _Value, shape: tuple[int, ...], name: str) -> _Value:
        if value.shape == shape:
            return value
        target = self._constants.integers(f"{name}/shape", shape)
        return self._emit("RESHAPE", [value, target], name, shape, value, {"new_shape": shape})

    def _moved(self, value: _Value, code: str, shape: tuple[int, ...], amounts: Any, name: str) -> _Value:
        given: list[_Value | int] = [value, self._constants.integers(f"{name}/amounts", amounts)]
        if code == "SLICE":
            given.append(self._constants.integers(f"{name}/size", shape))
        return self._emit(code, given, name, shape, value, {})

    def _emit(
        self,
        code: str,
        inputs: Sequence[_Value | int],
        name: str,
        shape: tuple[int, ...],
        like: _Value,
        options: dict[str, Any],
    ) -> _Value:
        """Add an operator of one output whose type and scale are those of ``like``."""
        index = self._graph.tensor(name, shape, like.dtype, like.scale)
        self._connect(code, inputs, [index], options)
        made = _Value(index, shape, like.dtype, like.scale)
        self._unread[index] = made
        return made

    def _connect(
        self, code: str, inputs: Sequence[_Value | int], outputs: Sequence[int], options: dict[str, Any]
    ) -> None:
        indices = [value.index if isinstance(value, _Value) else value for value in inputs]
        types = [self._graph.dtypes[i] if i >= 0 else None for i in indices]
        self._graph.op(code, indices, outputs, options, operator_version(code, types, options))
        self._ops += 1
        for index in indices:
            self._unread.pop(index, None)

    def _folded(self, config: OpConfig, value: _Value, number: int) -> _Value:
        """An operator that the delegate does in the row's kernel."""
        return self._apply(config, {0: value}, number)

    def _apply(self, config: OpConfig, given: dict[int, _Value], number: int) -> _Value:
        name = f"row{number}/{config.op}"
        scales = {place: value.scale for place, value in given.items()}
        made = self._constants.of(config, scales, name)
        self._ops += made.operators
        inputs = list(self._inputs(config, given, made, name))
        first = next(iter(given.values()))
        values = []
        for place, output in enumerate(config.outputs):
            scale = self._scale(config, first)
            index = self._graph.tensor(f"{name}/out{place}", output.shape, output.dtype, scale)
            values.append(_Value(index, output.shape, output.dtype, scale))
        options = _all_options(config)
        self._rows[f"0/{self._ops}"] = number
        self._connect(config.op, inputs, [value.index for value in values], options)
        for value in values:
            self._unread[value.index] = value
        self._last[values[0].dtype] = values[0]
        return values[0]

    def _inputs(
        self, config: OpConfig, given: dict[int, _Value], made: Made, name: str
    ) -> Iterator[_Value | int]:
        for place in range(len(config.inputs)):
            yield given[place] if place in given else made.tensors[place]
        if config.op == "RESHAPE" and len(config.inputs) == 1:
            yield self._constants.integers(f"{name}/shape", config.outputs[0].shape)

    def _scale(self, config: OpConfig, first: _Value) -> Quantisation | None:
        dtype = config.outputs[0].dtype
        if config.op in _KEEPS_SCALE and first.dtype == dtype:
            return first.scale
        return quantisation_of(dtype, config.op)


def _all_options(config: OpConfig) -> dict[str, Any]:
    """Options as the schema has them, with those that a configuration leaves to its shapes."""
    options: dict[str, Any] = {name: value for name, value in config.options if name != "sparse"}
    shape = config.outputs[0].shape
    if config.op == "RESHAPE":
        options["new_shape"] = shape
    elif config.op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
        options["keep_dims"] = len(shape) == len(config.inputs[0].shape)
    elif config.op in ("SPLIT", "SPLIT_V"):
        options["num_splits"] = len(config.outputs)
    elif config.op == "PACK":
        options["values_count"] = len(config.inputs)
    elif config.op == "SOFTMAX":
        options["beta"] = 1.0
    return options

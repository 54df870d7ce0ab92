"""Where integers meet real values: the conversions that run in addition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tflprof.compress.interface import Coupling, Knob, Option
from tflprof.model.graph import Subgraph, Tensor
from tflprof.op_config import OpConfig, TensorConfig

_MOST_TAKERS = 4


def boundary(tensor: TensorConfig, before: str, after: str) -> OpConfig | None:
    """What converts a tensor between layers of two schemes; None if they agree.

    Only ``int8`` layers exchange integers: ``float32``, ``float16`` and ``dynamic`` ones exchange real values.
    """
    if (before == "int8") == (after == "int8"):
        return None
    real = replace(tensor, dtype="float32", quantisation=None, role="computed", values=None)
    integer = replace(real, dtype="int8", quantisation="tensor")
    if after == "int8":
        return OpConfig("QUANTIZE", (real,), (integer,))
    return OpConfig("DEQUANTIZE", (integer,), (real,))


def scheme_of_option(option: Option) -> str:
    """The scheme that an option of a quantisation knob gives its layers."""
    return "float32" if option.change is None else str(option.change.parameters["scheme"])


@dataclass(frozen=True)
class _Junction:
    """One tensor between knobs.

    Attributes:
        tensor: what it holds.
        maker: place of the knob that makes it, None for an input of the model or a layer that stays real.
        users: places of the knobs that take it.
        real_user: whether something that stays real takes it, such as the model's caller.
    """

    tensor: TensorConfig
    maker: int | None
    users: tuple[int, ...]
    real_user: bool

    def __call__(self, options: tuple[Option, ...]) -> tuple[OpConfig, ...]:
        schemes = [scheme_of_option(option) for option in options]
        before = "float32" if self.maker is None else schemes[self.maker]
        after = {schemes[place] for place in self.users} | ({"float32"} if self.real_user else set())
        converted = (boundary(self.tensor, before, scheme) for scheme in ("int8", "float32", "dynamic"))
        # Whoever needs the other form takes it from one conversion.
        needed = [
            config
            for scheme, config in zip(("int8", "float32", "dynamic"), converted, strict=True)
            if scheme in after and config is not None
        ]
        return tuple(needed[:1])


def couplings(graph: Subgraph, knobs: Sequence[Knob], loaded: Collection[str] = ()) -> list[Coupling]:
    """One per tensor of real values whose maker and takers do not all hang on one knob.

    Args:
        graph: the main subgraph.
        knobs: those of quantisation.
        loaded: ids of layers that work when the model is loaded: what they make is a constant.
    """
    owner = {layer: knob.name for knob in knobs for layer in knob.layers}
    makers = {tensor: op.id for op in graph.ops for tensor in op.outputs}
    users: dict[int, list[str]] = {}
    for op in graph.ops:
        for index in dict.fromkeys(op.inputs):
            users.setdefault(index, []).append(op.id)
    return [
        coupling
        for tensor in graph.tensors
        if tensor.dtype == "float32" and makers.get(tensor.index) not in loaded and not tensor.is_constant
        for coupling in _coupling(graph, tensor, makers, users.get(tensor.index, []), owner)
    ]


def _coupling(
    graph: Subgraph,
    tensor: Tensor,
    makers: Mapping[int, str],
    users: Sequence[str],
    owner: Mapping[str, str],
) -> Iterator[Coupling]:
    if tensor.index not in makers and tensor.index not in graph.inputs:
        return
    maker = owner.get(makers.get(tensor.index, ""))
    takers = list(dict.fromkeys(owner[user] for user in users if user in owner))
    real_user = tensor.index in graph.outputs or any(user not in owner for user in users)
    config = TensorConfig(tensor.shape, "float32")
    # Beyond a few takers, each is reckoned to convert for itself: combinations of many are too many to look at.
    parts = [takers] if len(takers) <= _MOST_TAKERS else [[taker] for taker in takers]
    for part in parts:
        names = tuple(dict.fromkeys([*([maker] if maker else []), *part]))
        if names and (len(names) > 1 or maker is None or real_user):
            place = None if maker is None else names.index(maker)
            yield Coupling(names, _Junction(config, place, tuple(map(names.index, part)), real_user))

"""Numbers of the stages of one layer as a file stores them: made once per form and ranks, and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank.factors import MADE, READ, Decomposition, Factor, Floats, kept
from tflprof.compress.low_rank.quantise import (
    QuantisedFactor,
    convolved,
    kept_chain,
    missing,
    quantised_chain,
    quantised_weights,
)
from tflprof.compress.low_rank.samples import Inflow
from tflprof.compress.low_rank.sites import Site, real_layer
from tflprof.model.graph import Model, Quantisation

_MOST_BYTES = 1 << 24
"""Of stages that are kept per layer."""


@dataclass(frozen=True)
class Stored:
    """Numbers of one stage.

    Attributes:
        weights: (outputs, rows, columns, inputs), in the type that is stored.
        bias: (outputs).
        weights_steps, bias_steps: of integers.
        output: quantisation of the result; None if it is real, or the last stage's.
    """

    weights: npt.NDArray[Any]
    bias: npt.NDArray[Any]
    weights_steps: Quantisation | None = None
    bias_steps: Quantisation | None = None
    output: Quantisation | None = None


class Numbers:
    """What is known of one layer.

    Args:
        found: the layer.
        model: that it is of.
        inflow: what comes into it.
    """

    def __init__(self, found: Site, model: Model, inflow: Inflow) -> None:
        self._found = found
        self._model = model
        self._inflow = inflow
        self._made: dict[str, list[Stored]] = {}
        self._bytes = 0
        self._decomposed: dict[bool, Decomposition] = {}

    def stages(self, parameters: Mapping[str, Any]) -> list[Stored]:
        """Numbers of the stages; ``parameters``: ``form``, ``ranks`` and ``weighting``."""
        key = json.dumps(dict(parameters), sort_keys=True)
        if key in self._made:
            return self._made[key]
        made = self._stages(
            parameters["form"],
            parameters["ranks"],
            parameters.get("weighting", "activations") == "activations",
        )
        size = sum(one.weights.nbytes for one in made)
        if self._bytes + size <= _MOST_BYTES:
            self._made[key] = made
            self._bytes += size
        return made

    def forget(self) -> None:
        """Drop what is large and can be worked out again; stages that were made stay."""
        self._decomposed.clear()
        for name in ("_target", "_wanted"):
            self.__dict__.pop(name, None)

    @cached_property
    def _target(self) -> Factor:
        return real_layer(self._found, self._model.subgraphs[0], partial(self._model.data, 0))

    @cached_property
    def _wanted(self) -> Floats:
        return convolved(self._inflow.windows, self._target)

    def _stages(self, form: str, ranks: Sequence[int], weighted: bool) -> list[Stored]:
        integers = self._found.form in ("int8", "uint8")
        if integers and (whole := self._kept(form, ranks)):
            return whole
        if weighted not in self._decomposed:
            moments = self._inflow.moments if weighted else None
            self._decomposed[weighted] = Decomposition(self._target.weights, self._target.bias, moments)
        factors = self._decomposed[weighted].factors(form, ranks)
        if integers:
            return self._integers(factors, refit=weighted)
        if weighted:
            factors = self._centred(factors)
        if self._found.form == "dynamic":
            return [self._dynamic(factor) for factor in factors]
        dtype = np.float16 if self._found.form == "float16" else np.float32
        return [Stored(one.weights.astype(dtype), one.bias.astype(dtype)) for one in factors]

    def _centred(self, factors: Sequence[Factor]) -> list[Factor]:
        """With what is missing on average in the last bias."""
        seen = self._inflow.windows
        for factor in factors:
            seen = convolved(seen, factor)
        last = factors[-1]
        return [*factors[:-1], Factor(last.weights, last.bias + missing(self._wanted, seen))]

    def _dynamic(self, factor: Factor) -> Stored:
        weights = quantised_weights(factor.weights, "int8", self._kind())
        return Stored(weights.values, factor.bias.astype(np.float32), weights.quantisation)

    def _kept(self, form: str, ranks: Sequence[int]) -> list[Stored] | None:
        """At full rank nothing need be rounded twice."""
        found = kept(form, ranks, self._target)
        if found is None:
            return None
        factors, what = found
        between = {READ: self._x, MADE: self._found.y.quantisation}.get(what)
        if between is None:
            return self._integers(factors, refit=False, turn=False)
        return _stored(kept_chain(factors, between, self._x.scale[0], self._found.form, self._kind()))

    def _integers(self, factors: Sequence[Factor], *, refit: bool, turn: bool = True) -> list[Stored]:
        chain = quantised_chain(
            factors,
            self._wanted,
            self._inflow.windows,
            self._x.scale[0],
            self._found.form,
            self._kind(),
            refit=refit,
            turn=turn,
        )
        return _stored(chain)

    @cached_property
    def _x(self) -> Quantisation:
        found = self._found.x.quantisation
        if found is None:
            raise ValueError(f"{self._found.op.id} reads integers without a scale")
        return found

    def _kind(self) -> str:
        """Convolutions of integers have a kernel with a scale per channel wherever they have one at all."""
        stored = self._found.stored.quantisation
        if self._found.form == "int8" and self._found.op.code == "CONV_2D":
            return "channel"
        return "tensor" if stored is None or self._found.form == "uint8" else stored.kind


def _stored(chain: Sequence[QuantisedFactor]) -> list[Stored]:
    return [
        Stored(
            one.weights.values, one.bias.values, one.weights.quantisation, one.bias.quantisation, one.output
        )
        for one in chain
    ]

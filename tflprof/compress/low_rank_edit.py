"""Factorised layers written into a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tflprof.compress.low_rank_configs import geometry
from tflprof.compress.low_rank_factors import Factor, Floats, factorise
from tflprof.compress.low_rank_quantise import (
    QuantisedFactor,
    convolved,
    missing,
    quantised_chain,
    quantised_weights,
)
from tflprof.compress.low_rank_samples import Inflow
from tflprof.compress.low_rank_sites import Site, real_bias, real_weights, weights_scale
from tflprof.compress.low_rank_stages import Stage, stages
from tflprof.model.edit import ModelEditor, NewOp
from tflprof.model.graph import Quantisation


def write_factors(editor: ModelEditor, found: Site, parameters: Mapping[str, Any], inflow: Inflow) -> None:
    """Put the stages of a layer in its place.

    Args:
        editor: the model.
        found: the layer, as it is in the editor now.
        parameters: ``form``, ``ranks`` and ``weighting`` (``activations`` or ``plain``).
        inflow: what comes into it.
    """
    parts = stages(parameters["form"], parameters["ranks"], found.stage)
    if len(parts) == 1:
        return  # ranks that are full
    values = editor.constant_values
    target = Factor(
        real_weights(found, values), real_bias(found, editor.graph(), values, weights_scale(found))
    )
    weighted = parameters.get("weighting", "activations") == "activations"
    factors = factorise(
        parameters["form"],
        parameters["ranks"],
        target.weights,
        target.bias,
        inflow.moments if weighted else None,
    )
    if weighted and found.form not in ("int8", "uint8"):
        factors = _centred(factors, target, inflow.windows)
    _Writer(editor, found, parts, weighted).write(factors, target, inflow)


def _centred(factors: list[Factor], target: Factor, windows: Floats) -> list[Factor]:
    """With what is missing on average in the last bias."""
    seen = windows
    for factor in factors:
        seen = convolved(seen, factor)
    last = factors[-1]
    return [*factors[:-1], Factor(last.weights, last.bias + missing(windows, target, seen))]


@dataclass
class _Writer:
    editor: ModelEditor
    found: Site
    parts: Sequence[Stage]
    weighted: bool

    def write(self, factors: Sequence[Factor], target: Factor, inflow: Inflow) -> None:
        quantised = self._quantised(factors, target, inflow.windows)
        ops: list[NewOp] = []
        x = self.found.op.inputs[0]
        size = self.found.rows_columns
        for place, (part, factor) in enumerate(zip(self.parts, factors, strict=True)):
            name = f"{self.found.y.name}/low_rank_{place}"
            integers = quantised[place] if quantised else None
            inputs = [x, *self._constants(name, factor, integers, ops)]
            size = part.size(size, self.found.padding)
            last = place == len(self.parts) - 1
            output = None if integers is None else integers.output
            x = self.found.op.outputs[0] if last else self._between(name, part, size, output)
            ops.append(
                NewOp(self.found.op.code, tuple(inputs), (x,), self._options(part, last), self._version())
            )
        self.editor.replace_op(self.found.op.id, ops)

    def _quantised(
        self, factors: Sequence[Factor], target: Factor, windows: Floats
    ) -> list[QuantisedFactor] | None:
        x = self.found.x.quantisation
        if self.found.form == "dynamic":
            stored = [quantised_weights(factor.weights, "int8", self._kind()) for factor in factors]
            return [QuantisedFactor(weights, None, None) for weights in stored]
        if self.found.form not in ("int8", "uint8") or x is None:
            return None
        return quantised_chain(
            factors, target, windows, x.scale[0], self.found.form, self._kind(), refit=self.weighted
        )

    def _kind(self) -> str:
        """Convolutions of integers have a kernel with a scale per channel wherever they have one at all."""
        stored = self.found.stored.quantisation
        if self.found.form == "int8" and self.found.op.code == "CONV_2D":
            return "channel"
        return "tensor" if stored is None or self.found.form == "uint8" else stored.kind

    def _constants(
        self, name: str, factor: Factor, integers: QuantisedFactor | None, ops: list[NewOp]
    ) -> tuple[int, int]:
        shape = factor.weights.shape
        flat = (shape[0], shape[3]) if self.found.op.code == "FULLY_CONNECTED" else shape
        add = self.editor.add_constant
        if integers is None:
            weights = self._real(f"{name}/weights", factor.weights.reshape(flat), ops)
        else:
            stored = integers.weights
            weights = add(f"{name}/weights", stored.values.reshape(flat), stored.quantisation)
        if integers is None or integers.bias is None:
            return weights, self._real(f"{name}/bias", factor.bias, ops)
        return weights, add(f"{name}/bias", integers.bias.values, integers.bias.quantisation)

    def _real(self, name: str, values: Floats, ops: list[NewOp]) -> int:
        """A real constant, behind a DEQUANTIZE if the layer's own is stored so."""
        if self.found.form != "float16":
            return self.editor.add_constant(name, values.astype(np.float32))
        stored = self.editor.add_constant(f"{name}_half", values.astype(np.float16))
        widened = self.editor.add_tensor(name, values.shape)
        ops.append(NewOp("DEQUANTIZE", (stored,), (widened,)))
        return widened

    def _between(self, name: str, part: Stage, size: tuple[int, int], range_: Quantisation | None) -> int:
        y = self.found.y.shape
        dense = self.found.op.code == "FULLY_CONNECTED"
        shape = (*y[:-1], part.outputs) if dense else (y[0], *size, part.outputs)
        return self.editor.add_tensor(name, shape, self.found.x.dtype, range_)

    def _options(self, part: Stage, last: bool) -> dict[str, Any]:
        options = dict(self.found.op.options)
        if not last:
            options["fused_activation_function"] = "NONE"
        return options if self.found.op.code == "FULLY_CONNECTED" else options | geometry(part)

    def _version(self) -> int:
        return self.found.op.version

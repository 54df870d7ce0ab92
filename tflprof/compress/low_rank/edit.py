"""Factorised layers written into a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress.low_rank.configs import geometry
from tflprof.compress.low_rank.numbers import Numbers, Stored
from tflprof.compress.low_rank.sites import Site
from tflprof.compress.low_rank.stages import Stage, stages
from tflprof.model.edit import ModelEditor, NewOp
from tflprof.model.graph import Quantisation


def write_factors(editor: ModelEditor, found: Site, parameters: Mapping[str, Any], numbers: Numbers) -> None:
    """Put the stages of a layer in its place.

    Args:
        editor: the model.
        found: the layer, as it is in the editor now.
        parameters: ``form``, ``ranks`` and ``weighting`` (``activations`` or ``plain``).
        numbers: of the layer.
    """
    parts = stages(parameters["form"], parameters["ranks"], found.stage)
    if len(parts) > 1:  # else ranks are full
        _Writer(editor, found, parts).write(numbers.stages(parameters))


@dataclass
class _Writer:
    editor: ModelEditor
    found: Site
    parts: Sequence[Stage]

    def write(self, numbers: Sequence[Stored]) -> None:
        ops: list[NewOp] = []
        x = self.found.op.inputs[0]
        size = self.found.rows_columns
        for place, (part, stored) in enumerate(zip(self.parts, numbers, strict=True)):
            name = f"{self.found.y.name}/low_rank_{place}"
            inputs = [x, *self._constants(name, stored, ops)]
            size = part.size(size, self.found.padding)
            last = place == len(self.parts) - 1
            x = self.found.op.outputs[0] if last else self._between(name, part, size, stored.output)
            ops.append(
                NewOp(self.found.op.code, tuple(inputs), (x,), self._options(part, last), self._version())
            )
        self.editor.replace_op(self.found.op.id, ops)

    def _constants(self, name: str, stored: Stored, ops: list[NewOp]) -> tuple[int, int]:
        shape = stored.weights.shape
        flat = (shape[0], shape[3]) if self.found.op.code == "FULLY_CONNECTED" else shape
        weights = self._constant(f"{name}/weights", stored.weights.reshape(flat), stored.weights_steps, ops)
        return weights, self._constant(f"{name}/bias", stored.bias, stored.bias_steps, ops)

    def _constant(
        self, name: str, values: npt.NDArray[Any], steps: Quantisation | None, ops: list[NewOp]
    ) -> int:
        """A constant; one of halves behind a DEQUANTIZE, as the layer's own is stored."""
        if values.dtype != np.float16:
            return self.editor.add_constant(name, values, steps)
        stored = self.editor.add_constant(f"{name}_half", values)
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

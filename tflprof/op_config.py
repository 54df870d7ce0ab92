"""What decides the cost of one operator: its kind, shapes, element types and options. The key of a latency table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

Scalar = bool | int | float | str


@dataclass(frozen=True)
class TensorConfig:
    """One input or output.

    Attributes:
        shape: its dimensions; images are NHWC, weights as the file has them. Empty for an absent input.
        dtype: schema type in lower case; empty for an absent input.
        role: ``computed``, ``constant`` or ``absent``.
        quantisation: None, ``tensor``, ``channel`` or ``block``; None for biases, whose scales follow from others.
        values: of small integer constants that shape the work (axes, paddings, sizes); else None.
    """

    shape: tuple[int, ...]
    dtype: str
    role: str = "computed"
    quantisation: str | None = None
    values: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data without what is None."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}
        return {name: value for name, value in lists.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TensorConfig:
        """The inverse of :meth:`to_json`. Raises KeyError, TypeError or ValueError for what it is not."""
        values = data.get("values")
        return cls(
            shape=tuple(int(size) for size in data["shape"]),
            dtype=str(data["dtype"]),
            role=str(data["role"]),
            quantisation=data.get("quantisation"),
            values=None if values is None else tuple(int(value) for value in values),
        )


ABSENT = TensorConfig((), "", "absent")
"""An optional input that is not there."""


@dataclass(frozen=True)
class OpConfig:
    """One operator as far as its cost is concerned; two of one key cost the same in the same place.

    Attributes:
        op: builtin operator (``CONV_2D``), or the code of a custom one.
        inputs: in the operator's order; CONV_2D has (x, weights OHWI, bias), as TFLite has them. Where a PAD is
            folded into it, x is what the PAD reads.
        outputs: likewise.
        options: what of its options matters to cost, sorted by name.
        fused: operators whose work the delegate does in the same kernel: a folded PAD before, an activation after.
    """

    op: str
    inputs: tuple[TensorConfig, ...]
    outputs: tuple[TensorConfig, ...]
    options: tuple[tuple[str, Scalar], ...] = ()
    fused: tuple[OpConfig, ...] = ()

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits that stand for the configuration, the same on every machine."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def option(self, name: str, default: Scalar | None = None) -> Any:
        """The option of this name, or ``default``."""
        return dict(self.options).get(name, default)

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold, in one form only."""
        data: dict[str, Any] = {
            "op": self.op,
            "inputs": [tensor.to_json() for tensor in self.inputs],
            "outputs": [tensor.to_json() for tensor in self.outputs],
            "options": dict(self.options),
        }
        if self.fused:
            data["fused"] = [config.to_json() for config in self.fused]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OpConfig:
        """The inverse of :meth:`to_json`. Raises KeyError, TypeError or ValueError for what it is not."""
        return cls(
            op=str(data["op"]),
            inputs=tuple(TensorConfig.from_json(tensor) for tensor in data["inputs"]),
            outputs=tuple(TensorConfig.from_json(tensor) for tensor in data["outputs"]),
            options=tuple(sorted(data["options"].items())),
            fused=tuple(cls.from_json(config) for config in data.get("fused", ())),
        )

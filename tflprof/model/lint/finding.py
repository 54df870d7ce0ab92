"""What a lint says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gain:
    """What is won by doing as a lint says, counted from the file: a prediction, never a measurement.

    Attributes:
        value: how much, in ``unit``; exact for the graph as it stands.
        unit: ``MACs``, ``bytes`` (moved per inference), ``operators`` or ``partitions`` saved.
        share: the same as a part of the model's predicted work (:mod:`tflprof.model.lint.work`), 0-1; the
            common scale on which lints are put in order. None if it cannot be told.
    """

    value: float
    unit: str
    share: float | None


@dataclass(frozen=True)
class Lint:
    """One thing that stands out in a model, and what can be done about it.

    Attributes:
        code: kind of lint, stable: ``channels``, ``float-island``, ``quantise-pair``, ``refused``, ``pad``,
            ``activation``, ``constant``, ``pointwise``, ``copy``.
        severity: ``advice`` (something can be won) or ``note`` (worth knowing).
        layers: ids of the layers it is about, in file order.
        message: what stands out and why it costs, one sentence without the layers' names.
        gain: what can be won; None if nothing is known to be.
        remedy: what to do.
    """

    code: str
    severity: str
    layers: tuple[str, ...]
    message: str
    gain: Gain | None
    remedy: str

"""What must be equal before two profiles may be compared.

The model is what may differ, and what comes with it (its subgraphs, the shapes of its inputs). Of two profiles of
one structure these must agree too: another subgraph or another size of the input is other work. The data of the
inputs count where counts repeat exactly, since that holds for fixed inputs only; measured times are not held to it.
Predicted times must come from one cost model of one core: else their difference is that of two models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tflprof.profile.meta import ProfileMeta

ESSENTIAL = (
    *("kind", "provenance", "source", "unit", "target", "target.abi", "threads", "kernels", "weight_cache"),
    "runtime.version",
)
"""Conditions that every measurement has: where both profiles do not know one, it cannot be said to be equal."""


PREDICTION = "prediction."
"""How the keys begin that say how times were predicted."""


@dataclass(frozen=True)
class Mismatch:
    """A condition in which two profiles differ, with both values; None is unknown, in both: it may differ."""

    key: str
    a: Any
    b: Any


def shown_value(value: Any) -> str:
    """A condition's value as text; of a hash its beginning tells enough."""
    if value is None:
        return "unknown"
    if isinstance(value, tuple | list):
        return " ".join(map(shown_value, value)) or "none"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def conditions_of(meta: ProfileMeta) -> dict[str, Any]:
    """Everything but the model that changes its speed, by key."""
    target, options = meta.target, meta.options
    runtime = {f"runtime.{key}": meta.runtime.get(key) for key in ("version", "platform", "sha256")}
    details = {f"target.{key}": value for key, value in target.details.items()}
    return {
        "kind": meta.kind,
        "provenance": meta.provenance,
        "source": meta.source,
        "unit": meta.unit,
        "target": f"{target.kind}:{target.name}",
        "target.abi": target.abi,
        **details,
        "core": _parts(meta),
        "cpus": options.cpus,
        "clocks": _clocks(meta),
        "threads": options.threads,
        "kernels": options.kernels,
        "xnnpack_flags": options.xnnpack_flags,
        "weight_cache": options.weight_cache,
        "rate": options.rate,
        "sustained": meta.schedule.sustain_seconds is not None,
        **runtime,
        **_prediction(meta),
    }


def mismatches(a: ProfileMeta, b: ProfileMeta) -> tuple[Mismatch, ...]:
    """Every condition in which two profiles differ, or may differ; empty if they may be compared."""
    one, other = conditions_of(a), conditions_of(b)
    if a.model.fingerprint is not None and a.model.fingerprint == b.model.fingerprint:
        one, other = one | _work_of(a), other | _work_of(b)
    if None not in (units := (_unit(a), _unit(b))):
        # Two phones of one model. One phone with two serials looks like two: better refused than mixed up.
        one, other = one | {"target.unit": units[0]}, other | {"target.unit": units[1]}
    if a.deterministic and b.deterministic:
        one, other = one | _data_of(a), other | _data_of(b)
    if a.prediction is None or b.prediction is None:
        # That one of them is no prediction is what its provenance says.
        one, other = _without_prediction(one), _without_prediction(other)
    return tuple(
        Mismatch(key, one.get(key), other.get(key))
        for key in {**one, **other}
        if one.get(key) != other.get(key) or (key in ESSENTIAL and _unknown(key, one))
    )


def _unknown(key: str, conditions: dict[str, Any]) -> bool:
    # The same library is of the same version, whichever that is.
    told_by = "runtime.sha256" if key == "runtime.version" and conditions.get("runtime.sha256") else key
    return conditions.get(told_by) is None


def _prediction(meta: ProfileMeta) -> dict[str, Any]:
    """What makes of counts the times of a phone."""
    if meta.prediction is None:
        return {}
    names = ("mode", "core", "hertz", "scale", "costs_sha256", "sharing")
    return {f"{PREDICTION}{name}": getattr(meta.prediction, name) for name in names}


def _without_prediction(conditions: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in conditions.items() if not key.startswith(PREDICTION)}


def _unit(meta: ProfileMeta) -> str | None:
    """Which phone of its model it was, as far as profiles tell: what is made of its serial; None if unknown."""
    unit = _start(meta).get("unit")
    return None if unit is None else str(unit)


def _clocks(meta: ProfileMeta) -> tuple[str, ...]:
    """What was set of a phone's clocks: governors and frequencies."""
    done = (_start(meta).get("quiet") or {}).get("done") or ()
    clocks = (what for what in done if what.startswith(("governor ", "frequency ")))
    return tuple(sorted(what.removesuffix(": it was already") for what in clocks))


def _start(meta: ProfileMeta) -> Mapping[str, Any]:
    """The device's state when measuring began, as far as it told."""
    return (meta.conditions.get("device") or {}).get("start") or {}


def _work_of(meta: ProfileMeta) -> dict[str, Any]:
    """What of a model ran, and at which size."""
    return {
        "subgraph": meta.model.subgraph,
        "input_shapes": tuple(sorted(port.shape for port in meta.model.inputs)),
    }


def _data_of(meta: ProfileMeta) -> dict[str, Any]:
    """Where the inputs' data came from; of files the name, since folders differ from machine to machine."""
    files = {name: PurePath(path).name for name, path in meta.options.inputs.items()}
    return {"seed": meta.options.seed, "inputs": tuple(sorted(files.items()))}


def _parts(meta: ProfileMeta) -> tuple[str | None, ...] | None:
    if meta.options.cpus is None:
        return None
    parts = {cpu.index: cpu.part for cpu in meta.target.cpus}
    return tuple(sorted({parts.get(cpu) for cpu in meta.options.cpus}, key=str))

"""What must be equal before two profiles may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tflprof.profile.meta import ProfileMeta


@dataclass(frozen=True)
class Mismatch:
    """A condition in which two profiles differ, with both values."""

    key: str
    a: Any
    b: Any


def conditions_of(meta: ProfileMeta) -> dict[str, Any]:
    """Everything but the model that changes its speed, by key."""
    target, options = meta.target, meta.options
    runtime = {f"runtime.{key}": meta.runtime.get(key) for key in ("version", "platform", "sha256")}
    details = {f"target.{key}": value for key, value in target.details.items()}
    return {
        "provenance": meta.provenance,
        "source": meta.source,
        "unit": meta.unit,
        "target": f"{target.kind}:{target.name}",
        "target.abi": target.abi,
        **details,
        "core": _parts(meta),
        "cpus": options.cpus,
        "threads": options.threads,
        "kernels": options.kernels,
        "xnnpack_flags": options.xnnpack_flags,
        "weight_cache": options.weight_cache,
        "rate": options.rate,
        "sustained": meta.schedule.sustain_seconds is not None,
        **runtime,
    }


def mismatches(a: ProfileMeta, b: ProfileMeta) -> tuple[Mismatch, ...]:
    """Every condition in which two profiles differ; empty if they may be compared."""
    one, other = conditions_of(a), conditions_of(b)
    return tuple(
        Mismatch(key, one.get(key), other.get(key))
        for key in {**one, **other}
        if one.get(key) != other.get(key)
    )


def _parts(meta: ProfileMeta) -> tuple[str | None, ...] | None:
    if meta.options.cpus is None:
        return None
    parts = {cpu.index: cpu.part for cpu in meta.target.cpus}
    return tuple(sorted({parts.get(cpu) for cpu in meta.options.cpus}, key=str))

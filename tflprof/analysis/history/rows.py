"""A profile as rows of the index: what its own summary says, made safe for JSON and a database."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from tflprof.errors import ProfileError
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import conditions_of
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary

MARKED = ("runtime.version", "runtime.sha256")
"""Conditions whose change is marked in a series; a change of any other begins a series of its own."""


def profile_row(profile: Profile) -> dict[str, Any]:
    """The row of table ``profiles``, without what the file itself tells. Raises ProfileError: it has no date."""
    meta, summary = profile.meta, profile.summary
    row = {
        "created": _timestamp(meta.created),
        "series": series_key(meta),
        **_model(meta),
        **_conditions(meta),
        "verdict": meta.verdict,
        "findings": [finding.code for finding in meta.findings],
        "complete": meta.schedule.complete,
        "reached": meta.schedule.reached,
        "processes": meta.schedule.processes,
        "total": summary.total.typical,
        "total_median": summary.total.median,
        "total_lo": summary.total.lo,
        "total_hi": summary.total.hi,
        "inferences": summary.total.n,
        "instructions": None if profile.counts is None else profile.counts.summary.total.typical,
        "noise_floor": meta.noise_floor.total,
        "unattributed": summary.unattributed.typical,
        "overhead": summary.overhead,
        "init": summary.init.typical,
        "init_lo": summary.init.lo,
        "init_hi": summary.init.hi,
        "first": summary.first.typical,
        "peak_memory_bytes": summary.peak_memory_bytes,
        "layers": len(meta.model.layers),
        "tool_version": meta.tool_version,
        "conditions": json.dumps(conditions_of(meta), default=str),
    }
    return {name: storable(value) for name, value in row.items()}


def layer_rows(profile: Profile) -> list[dict[str, Any]]:
    """The rows of table ``layers``, without the path."""
    floors = profile.meta.noise_floor.layers
    return [
        _layer(layer, floors.get(layer.info.id), count)
        for layer, count in zip(profile.summary.layers, profile.layer_counts, strict=True)
    ]


def target_name(meta: ProfileMeta) -> str:
    """The target as the user names it: ``host``, ``emulated:pixel2``."""
    target = meta.target
    return target.kind if target.kind in ("host", "interpreter") else f"{target.kind}:{target.name}"


def series_key(meta: ProfileMeta) -> str:
    """The same for profiles that belong to one series: of one model by name, and comparable.

    The model's content and the runtime's version may change within a series: these are what its steps come from.
    """
    options = meta.options
    conditions = {key: value for key, value in conditions_of(meta).items() if key not in MARKED}
    conditions["model"] = meta.model.name
    conditions["signature"] = options.signature
    conditions["shapes"] = options.shapes
    if meta.deterministic:
        # Counts depend on the data, too; folders differ from machine to machine.
        files = {name: PurePath(path).name for name, path in options.inputs.items()}
        conditions["seed"], conditions["inputs"] = options.seed, files
    text = json.dumps(conditions, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def storable(value: Any) -> Any:
    """A value as JSON and the database take it: no NaN, no infinity, no lone surrogates, no NUL."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def _model(meta: ProfileMeta) -> dict[str, Any]:
    model = meta.model
    return {
        "model": model.name,
        "sha256": model.sha256,
        "fingerprint": model.fingerprint,
        "model_bytes": model.size_bytes,
        "signature": model.signature,
    }


def _conditions(meta: ProfileMeta) -> dict[str, Any]:
    target, options, runtime = meta.target, meta.options, meta.runtime
    return {
        "target": target_name(meta),
        "soc": target.soc if target.kind != "host" else target.name,
        "os": target.os,
        "abi": target.abi,
        "core": options.core,
        "cpus": options.cpus,
        "threads": options.threads,
        "kernels": options.kernels,
        "xnnpack_flags": options.xnnpack_flags,
        "weight_cache": options.weight_cache,
        "rate": options.rate,
        "runtime": runtime.get("name"),
        "runtime_version": runtime.get("version"),
        "runtime_sha256": runtime.get("sha256"),
        "provenance": meta.provenance,
        "source": meta.source,
        "kind": meta.kind,
        "unit": meta.unit,
        "deterministic": meta.deterministic,
        **_prediction(meta),
    }


def _prediction(meta: ProfileMeta) -> dict[str, Any]:
    prediction = meta.prediction
    return {
        "cost": None if prediction is None else prediction.mode,
        "scale": None if prediction is None else prediction.scale,
        "costs_sha256": None if prediction is None else prediction.costs_sha256,
    }


def _layer(layer: LayerSummary, floor: float | None, count: float | None) -> dict[str, Any]:
    info, estimate = layer.info, layer.estimate
    row = {
        "layer": info.id,
        "position": info.index,
        "op": info.op,
        "name": info.name,
        "kernel": layer.kernel,
        "leader": layer.group,
        "note": layer.note,
        "typical": estimate.typical,
        "median": estimate.median,
        "lo": estimate.lo,
        "hi": estimate.hi,
        "inferences": estimate.n,
        "share": layer.share,
        "instructions": count,
        "noise_floor": floor,
        "macs": info.macs,
        "parameters": info.parameters,
        "weight_bytes": info.weight_bytes,
        "activation_bytes": info.activation_bytes,
    }
    return {name: storable(value) for name, value in row.items()}


def _timestamp(created: str) -> str:
    """ISO 8601 as UTC without a zone, as the index keeps it."""
    try:
        moment = datetime.fromisoformat(created)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"its date {created!r} cannot be read") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")

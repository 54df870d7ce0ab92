"""A profile as JSON (docs/json.md): stable keys, raw numbers in the profile's unit, null for unknown."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from tflprof.profile.profile import Profile
from tflprof.profile.summary import Estimate, Summary
from tflprof.report.endurance import endurance_document
from tflprof.report.plain_json import without_nan
from tflprof.report.view import LayerRow, OpRow, View, make_view

DOCUMENT_VERSION = 1


def profile_document(profile: Profile) -> dict[str, Any]:
    """The summary of a profile as JSON-ready values; NaN never occurs in it."""
    meta, summary, view = profile.meta, profile.summary, make_view(profile)
    counts = None if profile.counts is None else profile.counts.summary
    document = {
        "schema_version": DOCUMENT_VERSION,
        "tool_version": meta.tool_version,
        "created": meta.created,
        "kind": meta.kind,
        "model": _model(view),
        "target": meta.target.to_json(),
        "runtime": {**meta.runtime, "runner_build": meta.runner_build},
        "provenance": meta.provenance,
        "source": meta.source,
        "unit": meta.unit,
        "deterministic": meta.deterministic,
        "options": asdict(meta.options),
        "schedule": asdict(meta.schedule),
        "clock": asdict(meta.clock),
        "conditions": dict(meta.conditions),
        "prediction": None if meta.prediction is None else asdict(meta.prediction),
        "total": _counted(summary.total, counts, "total"),
        "layers": [_layer(row) for row in view.rows],
        "ops": [_op(op) for op in view.ops],
        "unattributed": {
            "typical": summary.unattributed.typical,
            "share": summary.unattributed_share,
            "instructions": None if counts is None else counts.unattributed.typical,
        },
        "overhead": {"per_inference": summary.overhead, "share": summary.overhead_share},
        "init": _counted(summary.init, counts, "init"),
        "init_warm": _counted(summary.init_warm, counts, "init_warm"),
        "first": _counted(summary.first, counts, "first"),
        "peak_memory_bytes": summary.peak_memory_bytes,
        "counters": None if profile.counters is None else asdict(profile.counters),
        "sustained": endurance_document(profile),
        "noise_floor": asdict(meta.noise_floor),
        "trust": {"verdict": meta.verdict, "findings": [asdict(finding) for finding in meta.findings]},
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def to_text(document: Any) -> str:
    """A document as indented JSON text, ASCII only so that any terminal and pipe takes it."""
    return json.dumps(document, indent=2, allow_nan=False)


def estimate_document(estimate: Estimate) -> dict[str, Any]:
    """``typical``, ``median``, ``ci95`` (null if unknown) and ``n`` of an estimate."""
    interval = None if estimate.lo is None or estimate.hi is None else [estimate.lo, estimate.hi]
    return {"typical": estimate.typical, "median": estimate.median, "ci95": interval, "n": estimate.n}


def _counted(estimate: Estimate, counts: Summary | None, name: str) -> dict[str, Any]:
    """An estimate with the exact count of the same beside it, null if there is none."""
    count = None if counts is None else getattr(counts, name).typical
    return {**estimate_document(estimate), "instructions": count}


def _model(view: View) -> dict[str, Any]:
    model = view.profile.meta.model
    return {
        "path": model.path,
        "name": model.name,
        "sha256": model.sha256,
        "size_bytes": model.size_bytes,
        "fingerprint": model.fingerprint,
        "signature": model.signature,
        "macs": view.work.macs,
        "unknown_macs": view.work.unknown,
        "parameters": view.parameters,
        "inputs": [asdict(port) for port in model.inputs],
        "outputs": [asdict(port) for port in model.outputs],
    }


def _layer(row: LayerRow) -> dict[str, Any]:
    layer, info = row.layer, row.layer.info
    return {
        "id": info.id,
        "index": info.index,
        "op": info.op,
        "name": info.name,
        "kernel": layer.kernel,
        "group": layer.group,
        "note": layer.note,
        **estimate_document(layer.estimate),
        "instructions": row.instructions,
        "share": layer.share,
        "rank": row.rank,
        "cumulative_share": row.cumulative,
        "rate": row.rate,
        "macs": info.macs,
        "parameters": info.parameters,
        "weight_bytes": info.weight_bytes,
        "activation_bytes": info.activation_bytes,
        "shape": info.shape,
        "dtype": info.dtype,
    }


def _op(op: OpRow) -> dict[str, Any]:
    return asdict(op)

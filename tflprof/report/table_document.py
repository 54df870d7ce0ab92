"""A prediction by a latency table as JSON, in the shape of a profile's (docs/json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tflprof.analysis.table_model import PredictedLayer, TablePrediction, widened
from tflprof.model.graph import Model
from tflprof.profile.latency_rows import TableMeta
from tflprof.profile.meta import LayerInfo
from tflprof.report.plain_json import without_nan

DOCUMENT_VERSION = 1
NOTES = {
    "exact": "exact",
    "interpolated": "interpolated",
    "extrapolated": "extrapolated",
    "missing": "missing",
}
_UNKNOWN = {"typical": None, "median": None, "ci95": None, "n": 0, "instructions": None}
MOST_OUTSIDE = 0.05
"""Share of the total that may be extrapolated without a doubt."""


def prediction_document(
    prediction: TablePrediction,
    infos: Sequence[LayerInfo],
    model: Model,
    meta: TableMeta,
    table: tuple[str, int],
) -> dict[str, Any]:
    """A prediction as JSON-ready values.

    Args:
        prediction: of the model by the table.
        infos: of the same layers.
        model: the model.
        meta: of the table.
        table: file of the table, and how many rows it has.
    """
    macs = [info.macs for info in infos]
    layers = _layers(prediction, infos, 0.0 if meta.prediction is None else meta.prediction.layer_error)
    document = {
        "schema_version": DOCUMENT_VERSION,
        "tool_version": meta.tool_version,
        "created": meta.created,
        "kind": "table",
        "model": {
            "path": model.path,
            "name": model.path.replace("\\", "/").rpartition("/")[2],
            "sha256": model.sha256,
            "size_bytes": model.size_bytes,
            "fingerprint": model.fingerprint,
            "macs": sum(known for known in macs if known is not None),
            "unknown_macs": macs.count(None),
            "parameters": sum(info.parameters or 0 for info in infos),
        },
        "target": meta.target.to_json(),
        "runtime": {**meta.runtime, "runner_build": meta.runner_build},
        "provenance": "predicted",
        "source": "table",
        "unit": meta.unit,
        "deterministic": meta.deterministic,
        "options": asdict(meta.options),
        "prediction": None if meta.prediction is None else asdict(meta.prediction),
        "table": _table(prediction, meta, table),
        "total": _total(prediction),
        "layers": layers,
        "ops": _ops(layers, prediction.total),
        "unattributed": {
            "typical": prediction.overhead,
            "share": _share(prediction.overhead, prediction.total),
            "instructions": prediction.overhead_instructions,
        },
        **{name: dict(_UNKNOWN) for name in ("init", "init_warm", "first")},
        "trust": trust_of(prediction),
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def _table(prediction: TablePrediction, meta: TableMeta, table: tuple[str, int]) -> dict[str, Any]:
    bounds = None if prediction.lo is None else [prediction.lo, prediction.hi]
    return {
        "path": table[0],
        "rows": table[1],
        "provenance": meta.provenance,
        "kinds": prediction.kinds,
        "missing": [layer.id for layer in prediction.missing],
        "ci95": bounds,
    }


def _total(prediction: TablePrediction) -> dict[str, Any]:
    interval = prediction.interval
    return {
        "typical": prediction.total,
        "median": prediction.total,
        "ci95": None if interval is None else list(interval),
        "n": 0,
        "instructions": prediction.instructions,
    }


def _layers(prediction: TablePrediction, infos: Sequence[LayerInfo], error: float) -> list[dict[str, Any]]:
    """Layers; ``error`` is what predicted times of one may be off by on a phone."""
    ranked = ranking(prediction)
    return [
        {**_layer(layer, info, prediction, ranked.get(layer.id)), **_numbers(layer, error)}
        for layer, info in zip(prediction.layers, infos, strict=True)
    ]


def ranking(prediction: TablePrediction) -> dict[str, tuple[int, float | None]]:
    """Rank and cumulative share of every layer that has a cost, by id; the most expensive is first."""
    known = [layer for layer in prediction.layers if layer.estimate is not None and layer.estimate.known]
    found: dict[str, tuple[int, float | None]] = {}
    cumulated = 0.0
    for rank, layer in enumerate(sorted(known, key=lambda one: -_value(one)), 1):
        cumulated += _value(layer)
        found[layer.id] = (rank, _share(cumulated, prediction.total))
    return found


def _value(layer: PredictedLayer) -> float:
    return layer.estimate.value if layer.estimate is not None and layer.estimate.known else 0.0


def _layer(
    layer: PredictedLayer, info: LayerInfo, prediction: TablePrediction, rank: tuple[int, float | None] | None
) -> dict[str, Any]:
    estimate = layer.estimate
    known = estimate is not None and estimate.known
    value = estimate.value if estimate is not None and known else None
    return {
        "id": info.id,
        "index": info.index,
        "op": info.op,
        "name": info.name,
        "kernel": None,
        "group": host_of(layer),
        "note": note_of(layer),
        "share": _share(value, prediction.total),
        "rank": None if rank is None else rank[0],
        "cumulative_share": None if rank is None else rank[1],
        "rate": None if not value or info.macs is None else info.macs / value,
        "macs": info.macs,
        "parameters": info.parameters,
        "weight_bytes": info.weight_bytes,
        "activation_bytes": info.activation_bytes,
        "shape": info.shape,
        "dtype": info.dtype,
        "reason": layer.uncosted if estimate is None else estimate.reason,
    }


def _numbers(layer: PredictedLayer, error: float) -> dict[str, Any]:
    estimate = layer.estimate
    if estimate is None or not estimate.known:
        return dict(_UNKNOWN)
    return {
        "typical": estimate.value,
        "median": estimate.value,
        "ci95": list(widened(estimate.value, estimate.lo, estimate.hi, error)),
        "n": 0,
        "instructions": estimate.instructions,
    }


def note_of(layer: PredictedLayer) -> str:
    """How a layer was predicted; of those without a cost of their own ``fused`` or ``static``."""
    if layer.estimate is not None:
        return NOTES[layer.estimate.kind]
    return "fused" if host_of(layer) else "static" if "loaded" in (layer.uncosted or "") else "unseen"


def host_of(layer: PredictedLayer) -> str | None:
    """The layer whose entry has the cost of this one, None if there is none."""
    before, done, host = (layer.uncosted or "").partition("done in ")
    return host if done and not before else None


def _ops(layers: Sequence[dict[str, Any]], total: float | None) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for layer in layers:
        if layer["typical"] is not None:
            found.setdefault(layer["op"], []).append(layer)
    ops = [_op(op, members, total) for op, members in found.items()]
    return sorted(ops, key=lambda one: -one["typical"])


def _op(op: str, members: Sequence[dict[str, Any]], total: float | None) -> dict[str, Any]:
    value = sum(member["typical"] for member in members)
    macs = [member["macs"] for member in members]
    counts = [member["instructions"] for member in members]
    known = None not in macs
    return {
        "op": op,
        "layers": len(members),
        "typical": value,
        "share": _share(value, total),
        "macs": sum(one for one in macs if one is not None) if any(one is not None for one in macs) else None,
        "unknown_macs": macs.count(None),
        "rate": sum(macs) / value if known and value else None,
        "instructions": None if None in counts else sum(counts),
    }


def trust_of(prediction: TablePrediction) -> dict[str, Any]:
    """Whether a prediction deserves belief, as a profile says it."""
    findings = []
    if prediction.missing:
        names = ", ".join(layer.id for layer in prediction.missing[:5]) + (
            "…" if len(prediction.missing) > 5 else ""
        )
        message = f"the table has nothing for {len(prediction.missing)} of {len(prediction.layers)} layers ({names})"
        remedy = "add them: tflprof table build --from MODEL --target … -o TABLE"
        findings.append({"code": "table-missing", "severity": "taint", "message": message, "remedy": remedy})
    outside = [
        one for one in prediction.layers if one.estimate is not None and one.estimate.kind == "extrapolated"
    ]
    share = sum(map(_value, outside)) / max(sum(map(_value, prediction.layers)), 1.0) if outside else 0.0
    if outside:
        message = f"{len(outside)} layers with {share:.0%} of the cost lie outside of the table's rows"
        remedy = "add them: tflprof table build --from MODEL --target … -o TABLE"
        severity = "doubt" if share > MOST_OUTSIDE else "note"
        findings.append(
            {"code": "table-extrapolated", "severity": severity, "message": message, "remedy": remedy}
        )
    severities = {finding["severity"] for finding in findings}
    verdict = "tainted" if "taint" in severities else "doubtful" if "doubt" in severities else "ok"
    return {"verdict": verdict, "findings": findings}


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None

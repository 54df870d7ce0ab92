"""A comparison as JSON (docs/json.md): stable keys, raw numbers, null for unknown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tflprof.analysis.comparison import Comparison, Difference, Part
from tflprof.profile.meta import ProfileMeta
from tflprof.report.compare_words import verdict_sentence
from tflprof.report.plain_json import without_nan

COMPARISON_VERSION = 1


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON-ready values; NaN never occurs in it."""
    document = {
        "schema_version": COMPARISON_VERSION,
        "verdict": verdict_sentence(comparison),
        "method": comparison.method,
        "matching": comparison.matching,
        "unit": comparison.unit if comparison.a.unit == comparison.b.unit else None,
        "threshold": comparison.threshold,
        "alpha": comparison.alpha,
        "pairs": comparison.pairs,
        "looks": comparison.looks,
        "a": _profile(comparison.a),
        "b": _profile(comparison.b),
        "total": _difference(comparison.total),
        "layers": [_difference(row) for row in comparison.layers],
        "unattributed": None if comparison.unattributed is None else _difference(comparison.unattributed),
        "forced": comparison.forced,
        "mismatches": [asdict(found) for found in comparison.mismatches],
        "doubted": list(comparison.doubted),
        "notes": list(comparison.notes),
        "prediction": _prediction(comparison),
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def _prediction(comparison: Comparison) -> dict[str, Any] | None:
    """What a comparison of predicted times says of the phone; None for other times."""
    if comparison.a.prediction is None or comparison.b.prediction is None:
        return None
    ratio = comparison.phone_ratio
    return {
        "ratio_error": comparison.ratio_error,
        "ratio_interval": None if ratio is None else list(ratio),
    }


def _profile(meta: ProfileMeta) -> dict[str, Any]:
    model = meta.model
    return {
        "model": {
            key: getattr(model, key)
            for key in ("path", "name", "sha256", "size_bytes", "fingerprint", "signature")
        },
        "created": meta.created,
        "kind": meta.kind,
        "target": f"{meta.target.kind}:{meta.target.name}",
        "core": meta.options.core,
        "threads": meta.options.threads,
        "kernels": meta.options.kernels,
        "runtime": dict(meta.runtime),
        "provenance": meta.provenance,
        "unit": meta.unit,
        "prediction": None if meta.prediction is None else asdict(meta.prediction),
        "trust": {"verdict": meta.verdict, "findings": [asdict(finding) for finding in meta.findings]},
    }


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "match": found.match,
        "status": found.status,
        "reason": found.reason,
        "a": _part(found.a),
        "b": _part(found.b),
        "difference": found.difference,
        "interval": _interval(found.lo, found.hi),
        "ratio": found.ratio,
        "ratio_interval": _interval(found.ratio_lo, found.ratio_hi),
        "p": found.p,
        "threshold": found.threshold,
    }


def _part(part: Part | None) -> dict[str, Any] | None:
    return None if part is None else asdict(part)


def _interval(lo: float | None, hi: float | None) -> list[float] | None:
    return None if lo is None or hi is None else [lo, hi]

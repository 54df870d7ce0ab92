"""A gate's result as JSON (docs/json.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult
from tflprof.report.compare_document import comparison_document
from tflprof.report.plain_json import without_nan

DOCUMENT_VERSION = 1


def gate_document(result: GateResult) -> dict[str, Any]:
    """JSON-ready values with stable keys; null for unknown."""
    document = {
        "schema_version": DOCUMENT_VERSION,
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "inconclusive_as": result.inconclusive_as,
        "cases": [_case(result, case) for case in result.cases],
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def _case(result: GateResult, case: GateCase) -> dict[str, Any]:
    return {
        "name": case.name,
        "model": case.model,
        "target": case.target,
        "verdict": case.verdict,
        "taken_as": result.taken(case),
        "measured": case.measured,
        "budgets": [_budget(one) for one in case.results],
        "notes": list(case.notes),
        "hint": case.hint if case.error is None else None,
        "error": _error(case),
        "profile": _profile(case),
        "comparison": _comparison(case),
    }


def _budget(one: BudgetResult) -> dict[str, Any]:
    return {
        "budget": one.limit_text,
        "subject": one.subject,
        "verdict": one.verdict,
        "reason": one.reason,
        "unit": one.unit,
        "value": one.value,
        "interval": None if one.lo is None or one.hi is None else [one.lo, one.hi],
        "limit": one.limit,
        "baseline": one.baseline,
    }


def _error(case: GateCase) -> dict[str, Any] | None:
    if case.error is None:
        return None
    return {"message": case.error, "hint": case.hint, "exit_code": case.error_code}


def _profile(case: GateCase) -> dict[str, Any] | None:
    meta = case.meta
    if meta is None:
        return None
    return {
        "created": meta.created,
        "provenance": meta.provenance,
        "unit": meta.unit,
        "deterministic": meta.deterministic,
        "prediction": None if meta.prediction is None else asdict(meta.prediction),
        "fingerprint": meta.model.fingerprint,
        "sha256": meta.model.sha256,
        "runtime": dict(meta.runtime),
        "trust": {"verdict": meta.verdict, "findings": [asdict(one) for one in meta.findings]},
    }


def _comparison(case: GateCase) -> dict[str, Any] | None:
    if case.comparison is None:
        return None
    return comparison_document(case.comparison)

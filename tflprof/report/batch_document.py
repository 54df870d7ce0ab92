"""A batch as JSON (docs/json.md): what ``tflprof profile DIR --json`` prints and ``summary.json`` holds."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import asdict
from typing import Any

from tflprof.analysis.batch import BatchEntry, BatchResult, Digest
from tflprof.report.plain_json import without_nan

BATCH_VERSION = 1
BATCH_KIND = "batch"


def batch_document(result: BatchResult) -> dict[str, Any]:
    """The result of a batch as JSON-ready values."""
    document: dict[str, Any] = without_nan(
        {
            "schema_version": BATCH_VERSION,
            "kind": BATCH_KIND,
            "tool_version": importlib.metadata.version("tflprof"),
            "folder": result.folder,
            "finished": result.finished,
            "stopped": result.stopped,
            "hint": result.hint,
            "exit_code": result.exit_code,
            "models": [_entry(entry, result.folder) for entry in result.entries],
        }
    )
    return document


def _entry(entry: BatchEntry, folder: str) -> dict[str, Any]:
    failed = entry.error is not None
    return {
        "model": entry.model,
        "status": entry.status,
        "exit_code": entry.exit_code,
        "error": {"message": entry.error, "hint": entry.hint} if failed else None,
        "reason": entry.reason,
        "profile": _inside(entry.profile, folder),
        "page": _inside(entry.page, folder),
        "result": None if entry.digest is None else _digest(entry.digest),
    }


def _inside(path: str | None, folder: str) -> str | None:
    """Relative to the folder, which may be moved."""
    return None if path is None else os.path.relpath(path, folder)


def _digest(digest: Digest) -> dict[str, Any]:
    known = digest.lo is not None and digest.hi is not None
    layer = {
        "id": digest.layer_id,
        "op": digest.layer_op,
        "name": digest.layer,
        "share": digest.layer_share,
    }
    plain = {name: value for name, value in asdict(digest).items() if name in _PLAIN}
    return {
        **plain,
        "total": {
            "typical": digest.total,
            "ci95": [digest.lo, digest.hi] if known else None,
            "instructions": digest.instructions,
        },
        "slowest": None if digest.layer_id is None else layer,
        "trust": {"verdict": digest.verdict, "findings": list(digest.findings)},
    }


_PLAIN = ("created", "target", "unit", "provenance", "sha256")

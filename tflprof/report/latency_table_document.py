"""A latency table as JSON (docs/json.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tflprof.profile.latency_rows import StoredTable, TableMeta
from tflprof.profile.mismatch import Mismatch
from tflprof.report.plain_json import without_nan

DOCUMENT_VERSION = 1


def table_document(table: StoredTable) -> dict[str, Any]:
    """A table as JSON-ready values."""
    rows = [
        {
            "key": row.config.key,
            "config": row.config.to_json(),
            "value": row.value,
            "ci95": [row.lo, row.hi],
            "samples": row.samples,
            "instructions": row.instructions,
            "context": row.context,
            "first": row.first,
            "source": row.source,
            "refetch": row.refetch,
        }
        for row in table.rows
    ]
    document: dict[str, Any] = without_nan({**_head(table.meta), "rows": rows})
    return document


def built_document(
    table: StoredTable, path: str | None, measured: int, missing: Mapping[str, str]
) -> dict[str, Any]:
    """What building gave, without the rows."""
    document: dict[str, Any] = without_nan(
        {
            **_head(table.meta),
            "path": path,
            "rows": len(table.rows),
            "measured": measured,
            "missing": [{"key": key, "reason": reason} for key, reason in missing.items()],
        }
    )
    return document


def check_document(table: StoredTable, differences: Sequence[Mismatch]) -> dict[str, Any]:
    """Whether a table holds for what was asked, and where not."""
    return {
        **_head(table.meta),
        "rows": len(table.rows),
        "holds": not differences,
        "differences": [{"key": one.key, "table": one.a, "asked": one.b} for one in differences],
    }


def _head(meta: TableMeta) -> dict[str, Any]:
    target = meta.target.to_json()
    return {"schema_version": DOCUMENT_VERSION, "kind": "latency table", **asdict(meta), "target": target}

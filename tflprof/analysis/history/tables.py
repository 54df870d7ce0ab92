"""The tables of the index, which are also what users query (docs/history.md)."""

from __future__ import annotations

FORMAT = 2
"""Grows with every change of the tables or of what their values mean: an older index is made anew."""

PROFILES: dict[str, str] = {
    "path": "VARCHAR",
    "created": "TIMESTAMP",
    "series": "VARCHAR",
    "model": "VARCHAR",
    "sha256": "VARCHAR",
    "fingerprint": "VARCHAR",
    "model_bytes": "BIGINT",
    "signature": "VARCHAR",
    "target": "VARCHAR",
    "soc": "VARCHAR",
    "os": "VARCHAR",
    "abi": "VARCHAR",
    "core": "VARCHAR",
    "cpus": "INTEGER[]",
    "threads": "INTEGER",
    "kernels": "VARCHAR",
    "xnnpack_flags": "BIGINT",
    "weight_cache": "BOOLEAN",
    "rate": "DOUBLE",
    "runtime": "VARCHAR",
    "runtime_version": "VARCHAR",
    "runtime_sha256": "VARCHAR",
    "provenance": "VARCHAR",
    "source": "VARCHAR",
    "kind": "VARCHAR",
    "unit": "VARCHAR",
    "deterministic": "BOOLEAN",
    "cost": "VARCHAR",
    "scale": "DOUBLE",
    "costs_sha256": "VARCHAR",
    "verdict": "VARCHAR",
    "findings": "VARCHAR[]",
    "complete": "BOOLEAN",
    "reached": "BOOLEAN",
    "processes": "INTEGER",
    "total": "DOUBLE",
    "total_median": "DOUBLE",
    "total_lo": "DOUBLE",
    "total_hi": "DOUBLE",
    "inferences": "BIGINT",
    "instructions": "DOUBLE",
    "noise_floor": "DOUBLE",
    "unattributed": "DOUBLE",
    "overhead": "DOUBLE",
    "init": "DOUBLE",
    "init_lo": "DOUBLE",
    "init_hi": "DOUBLE",
    "first": "DOUBLE",
    "peak_memory_bytes": "BIGINT",
    "layers": "INTEGER",
    "tool_version": "VARCHAR",
    "conditions": "VARCHAR",
    "file_bytes": "BIGINT",
    "mtime_ns": "BIGINT",
}
"""One row per profile."""

LAYERS: dict[str, str] = {
    "path": "VARCHAR",
    "layer": "VARCHAR",
    "position": "INTEGER",
    "op": "VARCHAR",
    "name": "VARCHAR",
    "kernel": "VARCHAR",
    "leader": "VARCHAR",
    "note": "VARCHAR",
    "typical": "DOUBLE",
    "median": "DOUBLE",
    "lo": "DOUBLE",
    "hi": "DOUBLE",
    "inferences": "BIGINT",
    "share": "DOUBLE",
    "instructions": "DOUBLE",
    "noise_floor": "DOUBLE",
    "macs": "BIGINT",
    "parameters": "BIGINT",
    "weight_bytes": "BIGINT",
    "activation_bytes": "BIGINT",
}
"""One row per layer of each profile."""

SKIPPED: dict[str, str] = {
    "path": "VARCHAR",
    "reason": "VARCHAR",
    "file_bytes": "BIGINT",
    "mtime_ns": "BIGINT",
    "again": "BOOLEAN",
}
"""One row per Parquet file that is not a profile that can be read; ``again``: it is tried again every time."""

TABLES = {"profiles": PROFILES, "layers": LAYERS, "skipped": SKIPPED}


def column_list(columns: dict[str, str]) -> str:
    """Columns as they stand in CREATE TABLE."""
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def struct_of(columns: dict[str, str]) -> str:
    """Columns as read_json wants them."""
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items()) + "}"

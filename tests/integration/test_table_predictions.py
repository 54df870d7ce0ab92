"""A latency table measured on the emulated core predicts a network it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.model.build import build_network
from tflprof.workflow.profile import profile_model
from tflprof.workflow.table import build_table
from tflprof.workflow.table_predict import predict_model

pytestmark = pytest.mark.emulated


def test_a_network_between_those_of_the_table(tmp_path: Path) -> None:
    paths = {}
    for size in (32, 64, 96):
        paths[size] = tmp_path / f"{size}.tflite"
        paths[size].write_bytes(build_network("mobilenet_v1", size=size, width=0.25, classes=10))
    table = tmp_path / "table.parquet"
    build_table("emulated:pixel2", models=[paths[32], paths[96]], path=table)
    found = predict_model(table, paths[64], target="emulated:pixel2").prediction
    profile = profile_model(paths[64], target="emulated:pixel2")
    total = profile.summary.total.typical
    assert profile.counts is not None
    count = profile.counts.summary.total.typical
    assert found.kinds.get("interpolated", 0) + found.kinds.get("extrapolated", 0) > 10
    assert found.total == pytest.approx(total, rel=0.1)
    assert found.instructions == pytest.approx(count, rel=0.05)
    assert found.lo is not None
    assert found.hi is not None
    assert total is not None
    assert found.lo < total < found.hi
    # What the table was made of is known exactly.
    again = predict_model(table, paths[96]).prediction
    assert set(again.kinds) == {"exact"}

"""Measured rows beside the reference model, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.analysis.latency_table import LatencyTable
from tflprof.model.build import build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.workflow.table import build_table
from tflprof.workflow.table_check import check_table
from tflprof.workflow.table_reference import profile_beside, reference_sha256


@pytest.mark.parametrize("target", ["host", "interpreter"])
def test_rows_and_a_whole_model_in_one_clock(target: str, tmp_path: Path) -> None:
    network, path = tmp_path / "net.tflite", tmp_path / "t.parquet"
    network.write_bytes(build_network("mobilenet_v1", size=64, width=0.25))
    table = build_table(target, models=[network], path=path, chains=True, max_seconds=1.0).table
    reference = table.meta.reference
    assert reference is not None
    assert reference.sha256 == reference_sha256()
    assert len(reference.seen) == 2
    assert {row.context for row in table.rows} == {"network", "chain"}
    assert check_table(path, target)[1] == ()
    whole = profile_beside(network, target, max_seconds=1.0)
    assert whole.profile.summary.total.typical is not None
    predicted = LatencyTable(table).predict_layers(layer_configs(read_model(network))).total
    assert predicted is not None
    # Other work on the machine is in both, but not in equal parts.
    measured = whole.profile.summary.total.typical * reference.value / whole.reference
    assert 0.3 < predicted / measured < 3

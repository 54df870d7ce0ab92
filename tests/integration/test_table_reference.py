"""Measured rows beside the reference model, on this machine."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from tests.phone import VirtualPhone
from tflprof.analysis.latency_table import LatencyTable
from tflprof.model.build import build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import read_table
from tflprof.workflow.table import build_table
from tflprof.workflow.table_check import check_table
from tflprof.workflow.table_reference import profile_beside, reference_sha256


@pytest.fixture(autouse=True)
def few_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the chains that tell what weights cost, for which tables otherwise measure nine."""
    monkeypatch.setattr("tflprof.workflow.table_refetch._SHARES", (0.06, 0.12, 1.25))


@pytest.mark.parametrize("target", ["host", "interpreter"])
def test_rows_and_a_whole_model_in_one_clock(target: str, tmp_path: Path) -> None:
    network, path = tmp_path / "net.tflite", tmp_path / "t.parquet"
    network.write_bytes(build_network("mobilenet_v1", size=64, width=0.25))
    table = build_table(target, models=[network], path=path, chains=True, max_seconds=1.0).table
    reference = table.meta.reference
    assert reference is not None
    assert reference.sha256 == reference_sha256()
    assert table.meta.refetch is not None
    assert len(reference.seen) == 2 + len(table.meta.refetch.touched)
    assert reference.value == median(reference.seen)
    assert {row.context for row in table.rows} == {"network", "chain"}
    assert check_table(path, target)[1] == ()
    whole = profile_beside(network, target, max_seconds=1.0)
    assert whole.profile.summary.total.typical is not None
    predicted = LatencyTable(table).predict_layers(layer_configs(read_model(network))).total
    assert predicted is not None
    # Other work on the machine is in both, but not in equal parts.
    measured = whole.profile.summary.total.typical * reference.value / whole.reference
    assert 0.3 < predicted / measured < 3


def test_rows_of_a_phone(
    phone: VirtualPhone, small_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "t.parquet"
    build_table("adb", models=[small_network], path=path, max_seconds=0.5)
    meta = read_table(path).meta
    assert (meta.target.kind, meta.provenance) == ("adb", "measured")
    assert meta.reference is not None
    assert meta.reference.value == median(meta.reference.seen)

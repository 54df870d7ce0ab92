"""Devices that tables are built on, and a network, for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories import make_profile
from tests.unit.workflow.table_devices import REFETCH, Device, DriftingDevice, counted_meta
from tflprof.model.build import build_network
from tflprof.profile.latency_rows import meta_of


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setattr("tflprof.workflow.table_builder.profile_model", device)
    monkeypatch.setattr("tflprof.workflow.table.expected_meta", lambda *_a, **_k: counted_meta())
    return device


@pytest.fixture
def drifting(monkeypatch: pytest.MonkeyPatch) -> DriftingDevice:
    drifting = DriftingDevice()
    monkeypatch.setattr("tflprof.workflow.table_builder.profile_model", drifting)
    monkeypatch.setattr("tflprof.workflow.table_builder.profile_beside", drifting.beside)
    monkeypatch.setattr("tflprof.workflow.table_builder.measure_refetch", lambda *_: REFETCH)
    monkeypatch.setattr(
        "tflprof.workflow.table.expected_meta", lambda *_a, **_k: meta_of(make_profile().meta)
    )
    return drifting


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.1))
    return path

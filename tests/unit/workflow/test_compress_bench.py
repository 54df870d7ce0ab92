"""What trying plans leaves in a latency table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile, part
from tflprof.model.build import build_network
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.workflow.compress_bench import LiveBench


def test_changed_models_of_several_runs_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profiled(path: Path, **_how: Any) -> Profile:
        return make_profile([part(op.type, str(op.index), 1000.0) for op in read_model(path).ops()])

    monkeypatch.setattr("tflprof.workflow.compress_bench.profile_model", profiled)
    path = tmp_path / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.1))
    sources = set()
    for width in (0.2, 0.3):
        bench = LiveBench(read_model(path), None, {}, lambda _: None)
        bench.measure_before()
        bench.measure(build_network("mobilenet_v1", size=32, width=width))
        sources |= {source for row in bench.stored.rows for source in row.source.split(", ")}
    assert sorted(source.split("@")[0] for source in sources) == ["changed1", "changed1", "net"]

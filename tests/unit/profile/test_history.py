"""Files of every schema version that there was are read by this version; they are never written anew."""

from __future__ import annotations

from pathlib import Path

from tflprof.profile.schema import SCHEMA_VERSION
from tflprof.profile.store import read_profile

DATA = Path(__file__).parents[2] / "data"


def test_there_is_a_file_of_every_version() -> None:
    assert all((DATA / f"profile_v{version}.parquet").is_file() for version in range(1, SCHEMA_VERSION + 1))


def test_version_1() -> None:
    profile = read_profile(DATA / "profile_v1.parquet")
    assert profile.meta.model.name == "mobilenet_v1_1.0_224"
    assert profile.meta.unit == "ns"
    assert len(profile.samples()) == 960
    summary = profile.summary
    assert summary.total.n == 100
    assert summary.total.median == 3260824.0
    assert [layer.group for layer in summary.layers] == [None, None, "0/2", "0/2", None, None, None, None]

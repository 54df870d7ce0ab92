"""The real compiler: the same sources give the same bytes, wherever they lie and whatever is cached."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[2] / "android_runner"


def build(root: Path) -> dict[str, bytes]:
    """Builds a copy of the sources with a cache of its own; returns the files written."""
    sources, cache = root / "android_runner", root / "cache"
    shutil.copytree(RUNNER, sources, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    command = [sys.executable, str(sources / "build.py"), "--out", str(root / "out")]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in (root / "out").iterdir()}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_builds_are_byte_identical(tmp_path: Path) -> None:
    one = build(tmp_path / "one")
    other = build(tmp_path / "a" / "much" / "longer" / "way" / "to" / "the" / "sources")
    assert one == other
    assert len(json.loads(one["build.json"])["sha256"]) == len(one) - 1
    for name, content in one.items():
        assert str(tmp_path).encode() not in content, name

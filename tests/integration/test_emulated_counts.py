"""Emulated cores count exactly: whatever surrounds a run, and the right core's kernels."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_sessions import blocks, run, short
from tflprof.model.build import build_network
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.records import Init


def counts(runner: Runner, request: RunRequest) -> list[tuple[object, ...]]:
    records = run(runner, request)
    inits: list[tuple[object, ...]] = [(item.v, item.value) for item in records if isinstance(item, Init)]
    return inits + [(item.v, item.phase, item.value, item.events) for item in blocks(records)]


@pytest.mark.emulated
@pytest.mark.parametrize("target", ["emulated:pixel2", "emulated:rpi4"])
def test_counts_are_equal_from_run_to_run(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = build_network("mobilenet_v1", size=32, width=0.25)
    seen = []
    for length in (1, 40, 90):
        place = tmp_path / ("d" * length)
        place.mkdir()
        copy = place / f"{'m' * length}.tflite"
        copy.write_bytes(content)
        monkeypatch.chdir(place)
        monkeypatch.setenv("SOME_VARIABLE", "v" * length * 50)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        opened = open_runner(target)
        seen += [counts(opened, short(copy)), counts(opened, short(copy))]
        opened.close()
    assert all(one == seen[0] for one in seen)


@pytest.mark.emulated
def test_big_and_little_cores_have_different_kernels(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=64, width=0.5))
    opened = open_runner("emulated:pixel2")
    totals = {}
    for core in ("big", "little", None):
        records = run(opened, replace(short(path), core=core, variants=("plain",)))
        totals[core] = blocks(records, phase="steady")[-1].value[0]
    opened.close()
    assert totals[None] == totals["big"]
    assert totals["little"] > 1.2 * totals["big"]

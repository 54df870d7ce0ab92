"""What is remembered of losses, and when it is not believed."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflprof.compress.interface import Change
from tflprof.compress.planning import proxies
from tflprof.compress.planning.proxies import Losses, LossMemory, sources_version

CHANGE = Change("prune", ("0/1",), {"keep": 8})


class Runs(Losses):
    """Losses that are found without running anything."""

    def __init__(self, folder: Path | None) -> None:
        subject: Any = SimpleNamespace()
        super().__init__(subject, {}, LossMemory(folder, "m" * 64, "c" * 64))

    def _found(self, changes: Any) -> float:
        self.runs += 1
        return 0.5


def remembered(folder: Path) -> Path:
    losses = Runs(folder)
    assert losses.together([CHANGE]) == 0.5
    (path,) = folder.glob("*.jsonl")
    return path


def test_a_loss_is_found_once(tmp_path: Path) -> None:
    remembered(tmp_path)
    again = Runs(tmp_path)
    assert again.together([CHANGE]) == 0.5
    assert again.runs == 0


def test_other_code_finds_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered(tmp_path)
    monkeypatch.setattr(proxies, "sources_version", lambda: "another")
    again = Runs(tmp_path)
    again.together([CHANGE])
    assert again.runs == 1


def test_the_version_follows_from_the_sources(tmp_path: Path) -> None:
    folder = tmp_path / "compress"
    folder.mkdir()
    seen = set()
    for text in ("one", "two", "one"):
        (folder / "prune.py").write_text(text)
        seen.add(sources_version.__wrapped__(folder))
    assert len(seen) == 2
    assert sources_version() == sources_version.__wrapped__(Path(proxies.__file__).parents[1])


def test_methods_in_folders_count_and_planning_does_not(tmp_path: Path) -> None:
    seen = [sources_version.__wrapped__(tmp_path)]
    for place in ("low_rank/stages.py", "prune/cut.py", "clean_up/method.py", "quantise/sub/x.py"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("new")
        seen.append(sources_version.__wrapped__(tmp_path))
    assert len(set(seen)) == len(seen)
    (tmp_path / "planning").mkdir()
    (tmp_path / "planning" / "solver.py").write_text("new")
    assert sources_version.__wrapped__(tmp_path) == seen[-1]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\x00\xfe",
        b"null\n[]\n7\n",
        b"[" * 100_000,
        b'{"key": "KEY", "loss": 1' + b"0" * 400 + b"}\n",
        b'{"key": "KEY", "loss": NaN}\n',
        b'{"key": "KEY", "loss": -1}\n',
        b'{"key": "KEY", "loss": "much"}\n',
        b'{"key": "KEY"',
    ],
)
def test_what_cannot_be_read_is_found_anew(tmp_path: Path, broken: bytes) -> None:
    path = remembered(tmp_path)
    key = path.read_bytes().split(b'"')[3]
    path.write_bytes(broken.replace(b"KEY", key))
    again = Runs(tmp_path)
    assert again.together([CHANGE]) == 0.5
    assert again.runs == 1


def test_a_memory_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    path = remembered(tmp_path)
    path.unlink()
    path.mkdir()
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file", tmp_path / "file" / "below", None):
        assert Runs(folder).together([CHANGE]) == 0.5


def test_what_does_not_run_is_remembered(tmp_path: Path) -> None:
    LossMemory(tmp_path, "m" * 64, "c" * 64).keep("key", math.inf)
    assert LossMemory(tmp_path, "m" * 64, "c" * 64).get("key") == math.inf

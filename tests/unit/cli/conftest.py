from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.factories import make_profile
from tflprof.cli.main import app
from tflprof.profile.profile import Profile

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own, where ``m.tflite`` stands for a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "m.tflite").write_bytes(b"not really")
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run a command line in this process."""

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args])

    return run


class Workflow:
    """Stands for :func:`tflprof.workflow.profile.profile_model`: keeps how it was called, returns or raises."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.profile = make_profile()
        self.error: BaseException | None = None

    def __call__(self, model: Path, **options: Any) -> Profile:
        self.calls.append({"model": model, **options})
        if self.error is not None:
            raise self.error
        return self.profile


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch) -> Workflow:
    fake = Workflow()
    monkeypatch.setattr("tflprof.workflow.profile.profile_model", fake)
    return fake

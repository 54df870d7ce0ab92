"""``tflprof clean``, and what SIGTERM does to the verbs that work on a phone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def unheard() -> Iterator[list[int]]:
    """Signals that nobody but the test heard, which would have ended the process."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


def terminated(*_args: object, **_options: object) -> NoReturn:
    signal.raise_signal(signal.SIGTERM)
    raise AssertionError(f"process {os.getpid()} went on")


@pytest.mark.parametrize(
    ("arguments", "function"),
    [
        (["clean"], "tflprof.workflow.clean.clean"),
        (["targets"], "tflprof.workflow.targets.list_targets"),
        (["targets", "--record", "dump.json"], "tflprof.workflow.targets.record_phone"),
    ],
)
def test_sigterm_interrupts_as_ctrl_c_does(
    run: Run, monkeypatch: pytest.MonkeyPatch, unheard: list[int], arguments: list[str], function: str
) -> None:
    monkeypatch.setattr(function, terminated)
    result = run(*arguments)
    assert (result.exit_code, unheard) == (130, [])
    assert result.stderr == "interrupted\n"

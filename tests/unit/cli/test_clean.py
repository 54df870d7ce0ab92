"""``tflprof clean``, and what SIGTERM does to the verbs that work on a phone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.unit.cli.conftest import Run
from tflprof.errors import TargetError, TflprofError
from tflprof.targets.adb.clean import Cleaned
from tflprof.targets.adb.client import AdbServer, Phone


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


def test_one_phone_and_all_phones_exclude_each_other(run: Run) -> None:
    result = run("clean", "--target", "adb:AAA", "--all")
    assert result.exit_code == 2
    assert "--target adb:AAA and --all exclude each other" in result.stderr


def test_all_goes_on_past_phones_that_fail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = [Phone("A", "device", "One"), Phone("B", "unauthorized"), Phone("C", "device", "Three")]

    def clean(_server: AdbServer, phone: Phone) -> Cleaned:
        if phone.serial == "A":
            raise TargetError("the phone One (A) is in use by another tflprof", "wait for it to end")
        return Cleaned(phone.serial, "Three", 2048)

    monkeypatch.setattr(AdbServer, "phones", lambda _self: phones)
    monkeypatch.setattr("tflprof.targets.adb.clean._clean", clean)
    monkeypatch.setenv("ANDROID_SERIAL", "B")
    result = run("clean", "--all")
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        "One (A): not cleaned",
        "B (B): not cleaned",
        "Three (C): freed 2.00 KiB",
    ]
    assert "One (A) is in use" in result.stderr
    assert "the phone B cannot be used: unauthorized" in result.stderr
    monkeypatch.setattr(AdbServer, "phones", lambda _self: phones[2:])
    assert run("clean", "--all").exit_code == 0


def test_all_ends_with_the_worst_status(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [TflprofError("odd"), TargetError("gone")]
    results = [Cleaned("A", "One", None, error) for error in errors]
    monkeypatch.setattr("tflprof.workflow.clean.clean", lambda *_args, **_options: results)
    assert run("clean", "--all").exit_code == 70

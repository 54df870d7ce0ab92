"""Performance counters in Python: what is a count, what is not, and why there is none."""

from __future__ import annotations

import os
import platform
import struct
from pathlib import Path

import pytest

from tflprof.runner import inprocess_pmu
from tflprof.runner.inprocess_pmu import Counters, counted


def test_what_ran_all_the_time_is_a_count() -> None:
    assert counted([(5, 10, 10)], [(105, 30, 30)]) == (100,)


@pytest.mark.parametrize(
    ("before", "after"),
    [((5, 10, 10), (105, 30, 29)), ((5, 10, 10), (5, 30, 10)), (None, (5, 1, 1)), ((5, 1, 1), None)],
)
def test_what_did_not_is_unknown(before: inprocess_pmu.Reading, after: inprocess_pmu.Reading) -> None:
    assert counted([before], [after]) == (-1,)


def test_a_system_without_them_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    told = Counters().record()
    assert told.counters == ()
    assert "Darwin" in told.error
    assert "for cycles, instructions, cache_refills" in told.error


def test_some_that_are_there_and_some_that_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {0: (7, 20, 20), 1: (9, 20, 0)}

    def opened(number: int) -> tuple[int, str | None]:
        if number not in files:
            return -1, "perf_event_open: No such file or directory"
        path = tmp_path / str(number)
        path.write_bytes(struct.pack("<QQQ", *files[number]) * 2)
        return os.open(path, os.O_RDONLY), None

    monkeypatch.setattr(inprocess_pmu, "_open", opened)
    counters = Counters()
    assert counters.names == ("cycles", "instructions")
    assert "No such file or directory for cache_refills" in counters.error
    assert counters.error.endswith("not counting at the start: instructions")
    assert counters.read() == ((7, 20, 20), (9, 20, 0))


def test_a_counter_that_every_linux_has() -> None:
    """The time this thread ran: software, since virtual machines often have no others."""
    file, error = inprocess_pmu._open(1, kind=1)
    if file < 0:
        pytest.skip(error)
    before = inprocess_pmu._read(file)
    sum(range(100_000))
    (spent,) = counted([before], [inprocess_pmu._read(file)])
    os.close(file)
    assert spent > 1000

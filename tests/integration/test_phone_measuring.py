"""Endurance, periodic runs and counters on a phone over adb, as a user asks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.phone.product import Command, Fault


def test_a_periodic_endurance_run_that_gets_hot(used: Fault, tmp_path: Path) -> None:
    command = Command(used.phone, used.model, tmp_path, ["--sustain", "0.25", "--rate", "10", "--pmu"])
    command.until_runner()
    used.phone.facts.set_temperature(58.0, status=2)
    for cpu in range(4, 8):
        used.phone.facts.set_frequency(cpu, 1_000_000)
    ending = command.finish()
    assert ending.status == 0, ending.stderr
    profile = ending.profile
    assert profile is not None
    assert profile.meta.schedule.sustain_seconds == 15.0
    assert profile.meta.options.rate == 10.0
    assert profile.sustained is not None
    course = profile.sustained.course
    assert course.seconds[-1] > 5.0
    assert np.nanmax(course.celsius) == 58.0
    assert profile.meta.conditions["device"]["end"]["thermal_status"] == 2
    assert profile.meta.conditions["deadlines"] > 0
    # No counters behind an emulator: that is said, and the run goes on.
    assert {"thermal-throttled", "pmu-unavailable"} <= set(ending.findings)
    assert "on end: " in ending.stdout
    frame = profile.samples()
    assert not frame[frame.kind == "inference"].tainted.any()

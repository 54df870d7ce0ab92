"""A phone that changes while it measures: clock, cores, heat, power."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.phone.facts import Facts
from tests.phone.product import Fault

CORE = 7
SLOWER = 30

CHANGES: dict[str, tuple[Callable[[Facts], None], str | None]] = {
    "clock jumps a month ahead": (lambda facts: facts.shift_clock(30 * 86400), None),
    "clock jumps a month back": (lambda facts: facts.shift_clock(-30 * 86400), None),
    "measured core taken offline": (lambda facts: facts.set_online(CORE, False), "core-migrated"),
    "cpuset without the measured core": (lambda facts: facts.set_cpuset(range(4)), "core-migrated"),
    "thermal status rises": (lambda facts: facts.set_temperature(58.0, status=3), "thermal-throttled"),
    "unplugged from power": (lambda facts: facts.set_battery(plugged=None), "unplugged-in-run"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_a_run_is_told(used: Fault, change: str) -> None:
    act, finding = CHANGES[change]
    command = used.start("--core", str(CORE))
    command.until_runner(2)
    act(used.phone.facts)
    ending = command.finish()
    used.tell(f"{change}, during a run", "second session at work", ending, finding)
    assert ending.status == 0, ending.stderr
    if finding:
        assert finding in ending.findings
    total = ending.profile and ending.profile.summary.total.typical
    assert total is not None
    assert 0 < total < 5e9


def test_a_drop_of_frequency_is_told_by_every_clock(used: Fault) -> None:
    command = used.start("--core", str(CORE))
    command.until_runner(2)
    used.phone.facts.throttle_cores(SLOWER)
    ending = command.finish()
    used.tell("frequency drops, during a run", "cores 30 times slower", ending, "frequency-changed")
    assert ending.status == 0, ending.stderr
    assert "frequency-changed" in ending.findings
    assert ending.profile
    for clock in ("khz", "chain_khz"):
        told = ending.profile.samples()[clock].dropna()
        # The machine's own clock changes by less.
        assert told.max() > 3 * told.min()

"""A phone whose link breaks: cable, server, daemon, reboot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.phone.product import SESSIONS, STORE, Fault, fill_store
from tests.phone.virtual_phone import VirtualPhone

AWAY_SECONDS = 1.0
SLOW_LINK = 1_500_000


def part_files(phone: VirtualPhone) -> list[str]:
    return [name for name in phone.files(STORE) if ".part-" in name] if (phone.root / STORE).exists() else []


def pull_cable(phone: VirtualPhone) -> None:
    phone.cut_link()
    phone.later(AWAY_SECONDS, phone.restore_link)


def kill_daemon(phone: VirtualPhone) -> None:
    phone.kill_daemon()
    phone.later(AWAY_SECONDS, phone.start_daemon)


def reboot(phone: VirtualPhone) -> None:
    phone.reboot(AWAY_SECONDS)


BREAKS: dict[str, tuple[str, Callable[[VirtualPhone], None]]] = {
    "cable": ("cable pulled, plugged in again a second later", pull_cable),
    "server": ("adb server killed", VirtualPhone.kill_adb_server),
    "daemon": ("adbd killed with all it started, back a second later", kill_daemon),
    "reboot": ("phone restarts", reboot),
}


@pytest.mark.parametrize("cause", BREAKS)
def test_a_link_that_breaks_in_a_run_costs_one_session(used: Fault, cause: str) -> None:
    title, act = BREAKS[cause]
    command = used.start("--quiet")
    command.until_runner(2)
    act(used.phone)
    ending = command.finish()
    used.tell(f"{title}, during a run", "--quiet; second session at work", ending)
    assert ending.status == 0, ending.stderr
    assert "reconnected" in ending.findings
    assert ending.profile
    # The one that broke gave less than the others, and is counted if it gave anything.
    assert ending.profile.meta.schedule.processes >= SESSIONS
    kept = set(ending.profile.samples()["process"])
    assert {0, ending.profile.meta.schedule.processes - 1} <= kept
    # That it was restored says something only because it had been changed.
    assert used.phone.facts.log()


@pytest.mark.parametrize("cause", ["cable", "server"])
def test_a_link_that_breaks_between_sessions_costs_nothing(used: Fault, cause: str) -> None:
    title, act = BREAKS[cause]
    command = used.start()
    command.until_runner()
    command.until(lambda: not command.sessions(), "the session does not end")
    act(used.phone)
    ending = command.finish()
    used.tell(f"{title}, between sessions", "after the first session", ending)
    assert ending.status == 0, ending.stderr
    assert ending.profile
    # The next session may have begun when it broke: then it cost that one, and is told. Nothing else may be lacking.
    kept = set(ending.profile.samples()["process"])
    lost = ending.profile.meta.conditions["reconnects"]
    assert len(kept) >= ending.profile.meta.schedule.processes - lost
    assert 0 in kept
    assert len(kept) >= SESSIONS - lost


def test_a_cable_pulled_while_a_model_is_pushed(used: Fault) -> None:
    model = used.directory / "larger.tflite"
    model.write_bytes(used.model.read_bytes() + bytes(3_000_000))
    used.model = model
    used.phone.throttle(SLOW_LINK)
    command = used.start()
    command.until(lambda: part_files(used.phone), "nothing is pushed")
    pull_cable(used.phone)
    used.phone.throttle(0)
    ending = command.finish()
    used.tell("cable pulled, plugged in again a second later, during a push", "model half sent", ending)
    assert ending.status == 0, ending.stderr
    assert part_files(used.phone) == []


def test_a_phone_that_stays_away_is_given_up(used: Fault) -> None:
    patience = "from tflprof.targets.adb import device; device.RECOVERY_SECONDS = 2.0"
    command = used.start("--quiet", before=patience)
    command.until_runner(2)
    used.phone.cut_link()
    ending = command.finish()
    used.phone.restore_link()
    # What lies about there goes with the next run.
    next_one = used.start("--force").finish()
    used.tell("cable pulled for good during a run", "--quiet; second session at work", ending)
    assert ending.status == 3
    assert "did not come back" in ending.stderr
    assert ending.samples > 0
    assert "partial-run" in ending.findings
    assert next_one.status == 0, next_one.stderr


def test_a_wireless_phone_out_of_reach_for_a_moment(used: Fault) -> None:
    command = used.start()
    command.until_runner(2)
    used.phone.change(silent=True)
    used.phone.later(2 * AWAY_SECONDS, lambda: used.phone.change(silent=False))
    ending = command.finish()
    used.tell("wireless link silent for two seconds during a run", "nothing passes, nothing breaks", ending)
    assert ending.status == 0, ending.stderr


def test_a_wireless_phone_out_of_reach_for_long(used: Fault) -> None:
    """The link never breaks by itself: asking now and then notices."""
    patience = (
        "from tflprof.targets.adb import link, process; process._PING_SECONDS = 0.5;"
        "ping = link.AdbLink.ping; link.AdbLink.ping = lambda self, timeout=1.0: ping(self, timeout)"
    )
    command = used.start(before=patience)
    command.until_runner(2)
    used.phone.change(silent=True)

    def return_to_reach() -> None:
        used.phone.change(silent=False)
        pull_cable(used.phone)  # the connection of before is no good any more

    used.phone.later(4 * AWAY_SECONDS, return_to_reach)
    ending = command.finish()
    used.tell("wireless link silent for long during a run", "back after four seconds", ending)
    assert ending.status == 0, ending.stderr
    assert "reconnected" in ending.findings


def test_a_cable_pulled_in_a_first_push(fault: Fault, probed: Path) -> None:
    """The library is pushed before the first session: it is tried on this phone first."""
    fault.phone.throttle(SLOW_LINK)
    command = fault.start()
    command.until(lambda: part_files(fault.phone), "nothing is pushed")
    assert not probed.exists()
    pull_cable(fault.phone)
    fault.phone.throttle(0)
    ending = command.finish()
    fault.tell(
        "cable pulled during the very first push", "the library half sent; back after a second", ending
    )
    assert ending.status == 0, ending.stderr
    assert len(list(probed.iterdir())) == 1


def test_a_cable_pulled_again_and_again_in_a_first_push(fault: Fault, probed: Path) -> None:
    """Given up in the end, but not before nothing half sent is left."""
    loose = """
from tflprof.errors import DeviceLost
from tflprof.targets.adb.link import AdbLink
def cut(self, source, remote, *rest):
    if "LiteRt" not in getattr(source, "name", ""):
        return push(self, source, remote, *rest)
    push(self, source.read(10), remote)
    self.lost = True
    raise DeviceLost("the cable is loose")
push, AdbLink.push = AdbLink.push, cut
"""
    (fault.directory / "earlier").mkdir()
    (fault.directory / "earlier" / ("0" * 64)).touch()
    fill_store(fault.phone, fault.directory / "earlier")
    ending = fault.start(before=loose).finish()
    fault.tell("a loose cable: each first push of the library breaks", "the phone answers in between", ending)
    assert ending.status == 3
    assert "the cable is loose, 4 times in a row" in ending.message
    assert not probed.exists()
    assert part_files(fault.phone) == []

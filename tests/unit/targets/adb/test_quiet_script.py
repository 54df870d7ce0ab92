"""The program that keeps a phone quiet, run by this machine's shell on a file tree like a phone's."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.guarded_tree import DEXOPT_OFF, DEXOPT_ON, STAY_ON, Guard, Tree
from tflprof.targets.adb.quiet_script import PID, RECORD, RUNNING
from tflprof.targets.adb.setup import PhoneSetup


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


EVERYTHING = PhoneSetup(quiet=True, governor="performance", frequency_khz=1000000)
UNCHANGED = ("schedutil", "400000", "1900000")


@pytest.fixture
def guard(tree: Tree) -> Iterator[Guard]:
    guard = tree.start(EVERYTHING)
    guard.ready()
    yield guard
    guard.close()


def test_everything_is_done_on_the_chosen_cores_alone(tree: Tree, guard: Guard) -> None:
    assert guard.said == [
        "done stays awake while plugged in",
        "done background dexopt is off",
        "done wake lock",
        "done governor performance of CPU 2 3",
        "done frequency 1000000 kHz of CPU 2 3",
    ]
    assert tree.setting(STAY_ON) == "15"
    assert tree.clock(2) == ("performance", "1000000", "1000000")
    assert tree.clock(0) == UNCHANGED
    assert tree.log() == DEXOPT_OFF
    assert (tree.power / "wake_lock").read_text().strip() == "tflprof-quiet-ab-1"


def assert_restored(tree: Tree) -> None:
    assert tree.setting(STAY_ON) == "3"
    assert tree.clock(2) == UNCHANGED
    assert tree.log() == [*DEXOPT_OFF, DEXOPT_ON]
    assert (tree.power / "wake_unlock").read_text().strip() == "tflprof-quiet-ab-1"
    assert not tree.directory.exists()


def test_everything_is_restored_at_the_end_of_input(tree: Tree, guard: Guard) -> None:
    said = guard.end()
    assert said[-1] == "end"
    assert [line.split()[0] for line in said[:-1]] == ["restored"] * 6
    assert_restored(tree)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_everything_is_restored_on_a_signal(tree: Tree, guard: Guard, number: signal.Signals) -> None:
    guard.process.send_signal(number)
    assert guard.rest()[-1] == "end"
    assert_restored(tree)


def test_nobody_needs_to_listen(tree: Tree, guard: Guard) -> None:
    guard.output.close()
    assert guard.process.stdin is not None
    guard.process.stdin.close()
    guard.process.wait(10)
    assert_restored(tree)


def test_what_a_killed_guard_left_is_restored_later(tree: Tree, guard: Guard) -> None:
    guard.process.kill()
    guard.process.wait(10)
    assert tree.clock(2) != UNCHANGED
    said = tree.restore_leftover(mine=False)
    assert said[-1] == "end"
    assert "restored setting stay_on_while_plugged_in: 3" in said
    assert_restored(tree)
    assert tree.restore_leftover(mine=False) == []


def test_a_restoration_cut_short_is_done_again(tree: Tree, guard: Guard) -> None:
    guard.process.kill()
    guard.process.wait(10)
    (tree.directory / RECORD).rename(tree.directory / RUNNING)
    assert tree.restore_leftover(mine=False)[-1] == "end"
    assert_restored(tree)


def test_an_orphaned_guard_of_ours_is_ended(tree: Tree, guard: Guard) -> None:
    assert tree.restore_leftover(mine=True) == ["restored what an earlier run had changed", "end"]
    assert_restored(tree)


def test_a_guard_of_somebody_else_is_left_alone(tree: Tree, guard: Guard) -> None:
    assert tree.restore_leftover(mine=False) == ["busy"]
    assert tree.clock(2) != UNCHANGED
    assert guard.process.poll() is None


def test_what_cannot_be_restored_is_kept_for_the_next_time(tree: Tree, guard: Guard) -> None:
    """Root is gone: here, the file became a folder."""
    governor = tree.cpus / "cpu2/cpufreq/scaling_governor"
    governor.unlink()
    governor.mkdir()
    said = guard.end()
    assert [line for line in said if line.startswith("failed")] == [
        f"failed {governor}: it is , was schedutil"
    ]
    assert tree.setting(STAY_ON) == "3"
    assert (tree.directory / RECORD).exists()
    governor.rmdir()
    governor.write_text("performance\n")
    assert f"restored {governor}: schedutil" in tree.restore_leftover(mine=False)
    assert not tree.directory.exists()


@pytest.fixture
def waiting(tree: Tree) -> Iterator[Guard]:
    """A guard that was not told yet that the phone is cool."""
    guard = tree.start(EVERYTHING)
    guard.until_ready()
    yield guard
    guard.close()


def test_clocks_are_neither_read_nor_changed_before_the_phone_is_cool(tree: Tree, waiting: Guard) -> None:
    assert "done wake lock" in waiting.said
    assert tree.clock(2) == UNCHANGED
    assert "scaling" not in (tree.directory / RECORD).read_text()
    (tree.cpus / "cpu2/cpufreq/scaling_max_freq").write_text("1800000\n")
    waiting.go()
    assert "scaling_max_freq 1800000" in (tree.directory / RECORD).read_text()


def test_what_was_changed_before_the_wait_is_restored_in_it(tree: Tree, waiting: Guard) -> None:
    assert waiting.end()[-1] == "end"
    assert_restored(tree)


def test_limits_of_a_phone_that_throttles_are_not_touched(tree: Tree) -> None:
    setup = PhoneSetup(governor="performance", frequency_khz=1000000)
    assert said_by(tree, setup, cpus=(0, 1, 2, 3), hot="thermal status 2") == [
        "done governor performance of CPU 0 1",
        "done governor performance of CPU 2 3",
        "refused frequency 1000000 kHz: the phone throttles, thermal status 2",
    ]


def warm(path: Path, told: str) -> Thread:
    """The kernel's file of a limit: it takes one value and tells another."""
    path.unlink()
    os.mkfifo(path)

    def answer() -> None:
        path.read_text()
        path.write_text(told + "\n")

    thread = Thread(target=answer, daemon=True)
    thread.start()
    return thread


def test_a_limit_that_heat_holds_down_is_restored_all_the_same(tree: Tree, guard: Guard) -> None:
    limit = tree.cpus / "cpu2/cpufreq/scaling_max_freq"
    thread = warm(limit, "1500000")
    assert f"restored {limit}: 1900000" in guard.end()
    thread.join(10)
    assert not tree.directory.exists()


@pytest.mark.parametrize(
    ("name", "told"), [("scaling_max_freq", "1950000"), ("scaling_governor", "powersave")]
)
def test_another_value_than_the_one_written_is_not_restored(
    tree: Tree, guard: Guard, name: str, told: str
) -> None:
    path = tree.cpus / "cpu2/cpufreq" / name
    thread = warm(path, told)
    assert any(line.startswith(f"failed {path}: it is {told}, was ") for line in guard.end())
    thread.join(10)


def test_a_policy_that_went_away_needs_no_restoring(tree: Tree, guard: Guard) -> None:
    for path in (tree.cpus / "cpu2/cpufreq").iterdir():
        path.unlink()
    assert not [line for line in guard.end() if line.startswith("failed")]
    assert not tree.directory.exists()


def test_after_a_reboot_only_settings_are_restored(tree: Tree, guard: Guard) -> None:
    guard.process.kill()
    guard.process.wait(10)
    record = tree.directory / RECORD
    first, *rest = record.read_text().splitlines()
    assert first.startswith("b ")
    record.write_text("\n".join(["b another-boot", *rest]) + "\n")
    assert tree.restore_leftover(mine=False) == ["restored setting stay_on_while_plugged_in: 3", "end"]
    assert tree.clock(2) == ("performance", "1000000", "1000000")
    assert tree.log() == DEXOPT_OFF


def test_a_folder_without_a_record_is_removed(tree: Tree) -> None:
    tree.directory.mkdir()
    assert tree.restore_leftover(mine=True) == []
    assert not tree.directory.exists()


def said_by(
    tree: Tree, setup: PhoneSetup, cpus: tuple[int, ...] = (2, 3), level: int | None = 33, hot: str = ""
) -> list[str]:
    guard = tree.start(setup, cpus, level)
    try:
        said = guard.ready(hot)
        assert not [line for line in guard.end() if line.startswith("failed")]
    finally:
        guard.close()
    assert not tree.directory.exists()
    return said


def test_nothing_is_changed_that_was_not_asked_for(tree: Tree) -> None:
    assert said_by(tree, PhoneSetup()) == []
    assert tree.log() == []
    assert said_by(tree, PhoneSetup(governor="powersave")) == ["done governor powersave of CPU 2 3"]
    assert tree.log() == []
    assert tree.setting(STAY_ON) == "3"


def test_a_setting_that_was_not_there_is_removed_again(tree: Tree) -> None:
    (tree.root / "settings" / STAY_ON).unlink()
    assert "done stays awake while plugged in" in said_by(tree, PhoneSetup(quiet=True))
    assert tree.setting(STAY_ON) is None


def test_what_is_so_already_is_not_touched(tree: Tree) -> None:
    tree.set(STAY_ON, "15")
    setup = PhoneSetup(quiet=True, governor="schedutil")
    said = said_by(tree, setup)
    assert "done stays awake: it did already" in said
    assert "done governor schedutil of CPU 2 3: it was already" in said


@pytest.mark.parametrize(
    ("setup", "refused"),
    [
        (PhoneSetup(governor="turbo"), "governor turbo: there are performance powersave schedutil"),
        (PhoneSetup(frequency_khz=5), "frequency 5 kHz of CPU 2 3: it goes from 300000 to 2000000 kHz"),
        (
            PhoneSetup(frequency_khz=2000001),
            "frequency 2000001 kHz of CPU 2 3: it goes from 300000 to 2000000 kHz",
        ),
    ],
)
def test_what_the_kernel_does_not_offer(tree: Tree, setup: PhoneSetup, refused: str) -> None:
    (line,) = said_by(tree, setup)
    assert line.strip() == f"refused {refused}"
    assert tree.clock(2) == UNCHANGED


def test_a_governor_that_the_kernel_does_not_list_is_tried(tree: Tree) -> None:
    (tree.cpus / "cpu2/cpufreq/scaling_available_governors").unlink()
    assert said_by(tree, PhoneSetup(governor="performance")) == ["done governor performance of CPU 2 3"]


def test_a_phone_without_clock_control(tree: Tree) -> None:
    assert said_by(tree, PhoneSetup(governor="performance"), cpus=(9,)) == [
        "refused governor performance: CPU 9 shows no clock"
    ]


def test_every_policy_once(tree: Tree) -> None:
    assert said_by(tree, PhoneSetup(governor="performance"), cpus=(0, 1, 2, 3)) == [
        "done governor performance of CPU 0 1",
        "done governor performance of CPU 2 3",
    ]


@pytest.mark.parametrize(
    ("level", "said", "log"),
    [
        (36, "done background dexopt is off", [*DEXOPT_OFF, DEXOPT_ON]),
        (34, "done background dexopt is off", [*DEXOPT_OFF, DEXOPT_ON]),
        (33, "done background dexopt is off", [*DEXOPT_OFF, DEXOPT_ON]),
        (31, "done background dexopt under way is cancelled", ["package cancel-bg-dexopt-job"]),
        (29, "refused stopping background dexopt: Android 12 is the first that can", []),
    ],
)
def test_background_dexopt_by_version(tree: Tree, level: int, said: str, log: list[str]) -> None:
    assert said in said_by(tree, PhoneSetup(quiet=True), level=level)
    assert tree.log() == log


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo 'Error: Unknown option: --disable'; exit 1", "stopping background dexopt"),
        ("echo 'Error: Unknown option: --disable'", "stopping background dexopt"),
        ("case $* in *--cancel) exit 255 ;; esac", "stopping background dexopt under way"),
    ],
)
def test_an_android_that_does_not_stop_dexopt(tree: Tree, body: str, why: str) -> None:
    (tree.root / "bin" / "cmd").write_text(f"#!/bin/sh\n{body}\n")
    assert f"refused {why}: this Android refuses" in said_by(tree, PhoneSetup(quiet=True), level=34)


def test_a_board_has_no_android_services(tree: Tree) -> None:
    assert said_by(tree, PhoneSetup(quiet=True), level=None) == ["done wake lock"]
    assert tree.log() == []


def test_a_wake_lock_that_is_refused_needs_no_restoring(tree: Tree) -> None:
    """The kernel refuses the name, and to give back what it does not hold: here, both files are folders."""
    for name in ("wake_lock", "wake_unlock"):
        (tree.power / name).unlink()
        (tree.power / name).mkdir()
    assert said_by(tree, PhoneSetup(quiet=True), level=None) == ["refused wake lock: refused"]


@pytest.mark.parametrize("held", ["{} another", "another {}"])
def test_a_wake_lock_among_others_is_given_back(tree: Tree, guard: Guard, held: str) -> None:
    (tree.power / "wake_lock").write_text(held.format("tflprof-quiet-ab-1") + "\n")
    assert "restored wake lock" in guard.end()
    assert_restored(tree)


def test_a_wake_lock_that_cannot_be_given_back_is_kept_for_the_next_time(tree: Tree, guard: Guard) -> None:
    (tree.power / "wake_unlock").unlink()
    (tree.power / "wake_unlock").mkdir()
    assert "failed wake lock tflprof-quiet-ab-1" in guard.end()
    assert (tree.directory / RECORD).exists()


def test_a_phone_whose_commands_fail(tree: Tree) -> None:
    for name in ("settings", "cmd"):
        (tree.root / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
    assert said_by(tree, PhoneSetup(quiet=True)) == [
        "refused staying awake: the setting cannot be read",
        "refused stopping background dexopt: this Android refuses",
        "done wake lock",
    ]


def test_hostile_names_are_only_names(tree: Tree) -> None:
    setup = PhoneSetup(governor="x; touch $TREE/bad; '`touch $TREE/bad`'")
    (line,) = said_by(tree, setup)
    assert line.startswith("refused governor x; touch $TREE/bad")
    assert not (tree.root / "bad").exists()


def test_its_number_is_told(tree: Tree, guard: Guard) -> None:
    assert (tree.directory / PID).read_text().strip() == str(guard.process.pid)

"""A phone that cannot be used, or fails: storage, transfers, programs, libraries, several users."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.phone.product import Fault
from tests.phone.server import AdbServer
from tests.phone.virtual_phone import VirtualPhone

SLOW_LINK = 1_500_000


def larger(fault: Fault) -> None:
    """Have a model that is on no phone yet and takes seconds to push."""
    model = fault.directory / "larger.tflite"
    model.write_bytes(fault.model.read_bytes() + bytes(3_000_000))
    fault.model = model


def half_pushed(fault: Fault) -> bool:
    return any(".part-" in name for name in fault.phone.files())


@pytest.mark.parametrize("session", [1, 2])
def test_a_killed_runner_is_told_and_what_came_before_is_kept(used: Fault, session: int) -> None:
    command = used.start("--quiet")
    command.until_runner(session)
    assert command.kill_runner()
    ending = command.finish()
    used.tell(f"runner killed (as if out of memory) in session {session}", "--quiet; SIGKILL", ending)
    assert ending.status == 3, ending.stderr
    assert "SIGKILL" in ending.stderr
    assert "memory" in ending.stderr
    if session == 2:
        assert ending.samples > 0
        assert "partial-run" in ending.findings


def test_a_runner_that_hangs_is_ended(used: Fault) -> None:
    patience = (
        "from tflprof.runner import native; native._silence = lambda request: 2.0;"
        "from tflprof.targets.adb import process; process._PING_SECONDS = 0.5"
    )
    command = used.start("--quiet", before=patience)
    command.until_runner(2)
    assert command.kill_runner(signal.SIGSTOP)
    ending = command.finish()
    used.tell("runner hangs in session 2", "--quiet; SIGSTOP", ending)
    assert ending.status == 3, ending.stderr
    assert "wrote nothing" in ending.stderr
    assert ending.samples > 0


def test_a_full_storage_is_seen_before_anything_is_pushed(used: Fault) -> None:
    larger(used)
    used.phone.fill_storage(leave=2_000_000)
    ending = used.start().finish()
    used.phone.free_storage()
    used.tell("storage full", "2 MB left for a model of 5 MB", ending)
    assert ending.status == 3
    assert "is full" in ending.stderr
    assert "tflprof clean" in ending.stderr


def test_a_storage_that_fills_during_a_push(used: Fault) -> None:
    larger(used)
    used.phone.throttle(SLOW_LINK)
    command = used.start()
    command.until(lambda: half_pushed(used), "nothing is pushed")
    used.phone.fill_storage()
    used.phone.throttle(0)
    ending = command.finish()
    used.phone.free_storage()
    used.tell("storage full during a push", "another program takes all that is left", ending)
    assert ending.status == 3
    assert "is full" in ending.stderr


def test_a_corrupted_transfer_is_repeated(used: Fault) -> None:
    larger(used)
    used.phone.change(corrupt_pushes=1)
    ending = used.start().finish()
    used.tell("corrupted transfer", "one byte of the model arrives wrong", ending)
    assert ending.status == 0, ending.stderr


def test_transfers_that_stay_corrupted_are_given_up(used: Fault) -> None:
    larger(used)
    used.phone.change(corrupt_pushes=1000)
    ending = used.start().finish()
    used.tell("corrupted transfers", "one byte of every file arrives wrong", ending)
    assert ending.status == 3
    assert "corrupted" in ending.stderr


def test_a_read_only_storage(used: Fault) -> None:
    used.phone.set_read_only()
    ending = used.start().finish()
    used.phone.set_read_only(False)
    used.tell("read-only /data/local/tmp", "storage mounted read-only", ending)
    assert ending.status == 3
    assert "Read-only file system" in ending.stderr


def test_a_library_of_another_machine(used: Fault) -> None:
    import ai_edge_litert

    library = Path(ai_edge_litert.__path__[0]) / "libLiteRt.so"
    ending = used.start("--runtime", str(library)).finish()
    used.tell("wrong-ABI library", "--runtime with this machine's libLiteRt.so (x86-64)", ending)
    assert ending.status == 3
    assert "x86_64" in ending.stderr
    assert "aarch64" in ending.stderr


def test_an_unauthorized_phone(adb_server: AdbServer, fault: Fault) -> None:
    fault.phone.close()
    with VirtualPhone(server=adb_server, authorized=False) as phone:
        ending = fault.on(phone).start().finish()
        fault.tell("unauthorized", "the question about USB debugging was not answered", ending)
    assert ending.status == 3
    assert "unlock the phone" in ending.stderr


def test_two_phones_and_none_chosen(adb_server: AdbServer, fault: Fault) -> None:
    with VirtualPhone("pixel3a", server=adb_server) as other:
        ending = fault.start().finish()
        fault.tell("two phones and none chosen", "--target adb", ending)
        assert ending.status == 3
        assert fault.phone.serial in ending.stderr
        assert other.serial in ending.stderr
        assert other.processes() == []
        assert other.files() == []


def test_two_tflprof_on_one_phone(used: Fault) -> None:
    first = used.start()
    first.until_runner()
    # It stands still, so that it cannot end before the second does.
    first.until(lambda: first.kill_runner(signal.SIGSTOP), "no session begins")
    impatient = "from tflprof.targets.adb import lock; lock.WAIT_SECONDS = 0.1"
    ending = used.start("-o", str(used.directory / "second.parquet"), before=impatient).finish()
    assert first.kill_runner(signal.SIGCONT)
    first_ending = first.finish()
    used.tell("two tflprof processes on one phone", "the second begins while the first measures", ending)
    assert ending.status == 3
    assert str(first.process.pid) in ending.stderr
    assert first_ending.status == 0, first_ending.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_tflprof_itself_ends(used: Fault, number: signal.Signals) -> None:
    command = used.start("--quiet")
    command.until_runner(2)
    command.process.send_signal(number)
    ending = command.finish()
    if number == signal.SIGKILL:
        # Its folder goes with the next run; the phone's state does not wait for that.
        used.phone.wait_until(lambda: not used.phone.processes(), "the runner lives on")
        assert used.phone.facts.settings() == used.settings
        assert used.start("--force").finish().status == 0
    used.tell(f"tflprof ended by {number.name}", "--quiet; second session at work", ending)
    if number == signal.SIGINT:
        assert ending.status == 130
        assert ending.samples > 0

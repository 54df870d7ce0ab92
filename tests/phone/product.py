"""tflprof at work on a virtual phone, as a user starts it, and what must be so when it has ended."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.phone.machine import PROJECT
from tests.phone.processes import GuestProcess
from tests.phone.virtual_phone import VirtualPhone
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile

STORE = "data/local/tmp/tflprof/store"
SHELL_USER = 2000
FINISH_SECONDS = 120.0
STORED = re.compile(r"tflprof/store/([0-9a-f]{64}|[0-9a-f]{32}\.group(/[\w.+-]+)?)")
# What the emulated runner is called in its command line.
RUNNER = "tflprof-runner"
SESSIONS = 4
# A run of so many short sessions, however busy this machine is. All else is as a user has it.
SHORT_RUN = f"""
from tflprof.measure import pipeline, schedule
schedule.Plan.seconds_for_next = lambda *_: 0.1
pipeline.is_look = lambda done: done >= {SESSIONS}
pipeline.relative_half_width = lambda *_: 0.0
"""
# Findings that a fault may bring about. Others come from the emulation: above all, the core that runs it all
# changes its frequency.
NOTABLE = {
    *("core-migrated", "on-battery", "partial-run", "pin-failed", "quiet-incomplete", "reconnected"),
    *("thermal-throttled", "unplugged-in-run"),
}


@dataclass(frozen=True)
class Ending:
    """How a command ended: status, what it wrote, and its profile if it saved one."""

    status: int
    stdout: str
    stderr: str
    profile: Profile | None

    @property
    def message(self) -> str:
        """The error's first line, else the last line of standard error."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("tflprof: error:")]
        return (errors or lines or [""])[-1].removeprefix("tflprof: error: ")

    @property
    def findings(self) -> dict[str, str]:
        """Messages of the trust findings by code."""
        assert self.profile, self.stderr
        return {finding.code: finding.message for finding in self.profile.meta.findings}

    @property
    def samples(self) -> int:
        """Steady inferences without profiling that were kept."""
        total = self.profile.summary.total if self.profile else None
        return total.n if total else 0


class Command:
    """``tflprof profile MODEL --target adb`` on a phone.

    Args:
        phone: the only one that its adb server has, unless arguments say which.
        model: the file.
        directory: for the profile it is to save.
        arguments: more of them.
        before: Python code to run in its process before it begins.
    """

    def __init__(
        self,
        phone: VirtualPhone,
        model: Path,
        directory: Path,
        arguments: Sequence[str] = (),
        before: str = "",
    ) -> None:
        self.phone = phone
        self.output = directory / "profile.parquet"
        command = ["profile", str(model), "--target", "adb", "-o", str(self.output), "--top", "1", *arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{before}\nfrom tflprof.cli.main import run\nrun()", *command],
            cwd=PROJECT,
            env={**os.environ, **phone.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._seen: set[int] = set()

    def until_runner(self, number: int = 1) -> None:
        """Wait until so many of its sessions have begun on the phone; those before the last are collected."""

        def count() -> bool:
            self._seen |= {process.number for process in self.sessions()}
            return len(self._seen) >= number or self.process.poll() is not None

        self.phone.wait_until(count, f"session {number} did not begin", FINISH_SECONDS)
        assert self.process.poll() is None, self._early_end()

    def sessions(self) -> list[GuestProcess]:
        """The runner's processes that measure; one that only tries a library does not."""
        return [each for each in self.phone.running(RUNNER) if each.argv[-1].endswith("/options")]

    def kill_runner(self, number: int = signal.SIGKILL) -> bool:
        """Signal the program of the session at work, not the shell around it; True if there is one."""
        programs = [each for each in self.sessions() if not each.argv[0].startswith("/system/")]
        for program in programs:
            os.kill(program.number, number)
        return bool(programs)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so on the phone, while the command runs."""
        self.phone.wait_until(lambda: condition() or self.process.poll() is not None, what, FINISH_SECONDS)
        assert self.process.poll() is None, self._early_end()

    def _early_end(self) -> str:
        stdout, stderr = self.process.communicate()
        return f"it ended before, with {self.process.returncode}:\n{stdout}\n{stderr}"

    def finish(self) -> Ending:
        """Wait for its end."""
        try:
            stdout, stderr = self.process.communicate(timeout=FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            raise
        profile = read_profile(self.output) if self.output.exists() else None
        return Ending(self.process.returncode, stdout, stderr, profile)


class Fault:
    """A phone to break, a network to profile on it meanwhile, and the row of reports/faults.md that tells of it.

    Args:
        phone, model: which.
        directory: for files.
        record_property: pytest's.
    """

    def __init__(
        self,
        phone: VirtualPhone,
        model: Path,
        directory: Path,
        record_property: Callable[[str, object], None],
    ) -> None:
        self.phone = phone
        self.model = model
        self.directory = directory
        self._record = record_property
        self.settings = phone.facts.settings()
        self._commands: list[Command] = []

    def on(self, phone: VirtualPhone) -> Fault:
        """Go on with another phone."""
        self.phone, self.settings = phone, phone.facts.settings()
        return self

    def start(self, *arguments: str, before: str = "") -> Command:
        """Begin to profile for SESSIONS sessions; ``before`` is code to run in its process first."""
        command = Command(self.phone, self.model, self.directory, arguments, SHORT_RUN + before)
        self._commands.append(command)
        return command

    def close(self) -> None:
        """End what a failed test left running."""
        for command in self._commands:
            with command.process as process:
                process.kill()

    def tell(self, fault: str, done: str, ending: Ending, finding: str | None = None) -> None:
        """Record the row, then check that the phone is as it was; ``finding`` is one that the fault is to make."""
        meta = ending.profile.meta if ending.profile else None
        kept = (
            f"{ending.samples} inferences of {meta.schedule.processes} sessions"
            if meta
            else "nothing to keep"
        )
        if meta and not meta.schedule.complete:
            kept += ", marked partial"
        notable = (
            [code for code in ending.findings if code in NOTABLE or code == finding] if ending.profile else []
        )
        said = ending.message if ending.status else ", ".join(sorted(notable))
        for name, value in (
            ("fault", fault),
            ("done", done),
            ("status", ending.status),
            ("said", said),
            ("kept", kept),
        ):
            self._record(name, value)
        assert "internal error" not in ending.stderr, ending.stderr
        check_clean(self.phone, self.settings)


def check_clean(phone: VirtualPhone, settings: Mapping[str, str]) -> None:
    """Nothing runs, nothing lies about, nothing is changed, nothing is locked."""
    phone.wait_until(lambda: not phone.processes(), f"these run on: {phone.processes()}")
    assert [name for name in phone.files() if not STORED.fullmatch(name)] == []
    assert phone.facts.settings() == settings
    assert phone.facts.read("phone/dexopt") == "enabled"
    assert [lock.name for lock in (phone.server.home / "run").rglob("*.lock") if _is_held(lock)] == []


def _is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def save_store(phone: VirtualPhone, directory: Path) -> None:
    """Keep what was pushed, for other phones."""
    shutil.copytree(phone.root / STORE, directory, symlinks=True, dirs_exist_ok=True)


def fill_store(phone: VirtualPhone, directory: Path) -> None:
    """Put on the phone what ``save_store`` kept: as if tflprof had been used on it before."""
    store = phone.root / STORE
    shutil.copytree(directory, store, symlinks=True)
    for path in (store.parent, store, *store.iterdir()):
        os.chown(path, SHELL_USER, SHELL_USER)

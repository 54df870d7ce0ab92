"""A mistake or an accident, done to ``tflprof`` as a user starts it, and what must be so when it has ended."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile

PROJECT = Path(__file__).resolve().parents[2]
TARGETS = ("host", "emulated:pixel2", "interpreter")
LONG = "--max-seconds 60 --precision 0.0025"
PROFILE = "p.parquet"
FILLING = "filling"
FINISH_SECONDS = 60.0
LONGEST_LINE = 1000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class NotHere(Exception):
    """This machine does not let the case happen."""


@dataclass
class Place:
    """Where a case happens.

    Attributes:
        folder: the command's working directory.
        temporary: its TMPDIR.
        target: what it measures on.
        environment: more of its variables.
        before: words before the command, such as those of a program that runs it with less.
        undo: what is to be undone when all is over.
    """

    folder: Path
    temporary: Path
    target: str
    environment: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    undo: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


@dataclass(frozen=True)
class Running:
    """A command at work."""

    process: subprocess.Popen[bytes]
    place: Place

    def sessions(self) -> set[int]:
        """Processes that it started to measure: those that are in its temporary folder, or were given files there."""
        return {pid for pid in processes_of(self.place.temporary) if pid != self.process.pid}

    def wait_for_session(self, number: int, seconds: float = 60.0) -> int:
        """Wait until so many sessions have begun; the last one's process."""
        seen: list[int] = []
        deadline = time.monotonic() + seconds
        while len(seen) < number:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"only {len(seen)} of {number} sessions began")
            seen += sorted(self.sessions() - set(seen))
            time.sleep(0.005)
        return seen[-1]

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to all of the foreground."""
        os.killpg(self.process.pid, number)


Prepare = Callable[[Place], object]


@dataclass(frozen=True)
class Case:
    """What is wrong, and what is to come of it.

    Attributes:
        room: under which heading it stands.
        wrong: what is wrong.
        words: the command without ``tflprof``; ``{target}`` is replaced.
        status: exit status.
        says: what standard error must contain; all of it.
        prepare: makes it wrong.
        during: done while it runs.
        kept: ``partial`` or ``whole``: the profile there must be; empty: none.
        rescued: whether the profile must be in the temporary folder, because its own place could not take it.
        made: other files that it may make.
        targets: on which it is seen; the test takes one of them in turn.
        heavy: for the benchmark only.
        hint: whether the next thing to try must be said.
        closed: standard output is a pipe that nobody reads.
    """

    room: str
    wrong: str
    words: str
    status: int
    says: tuple[str, ...]
    prepare: Prepare | None = None
    during: Callable[[Running], object] | None = None
    kept: str = ""
    rescued: bool = False
    made: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("host",)
    heavy: bool = False
    hint: bool = True
    closed: bool = False

    def command(self, target: str) -> str:
        return self.words.replace("{target}", target)


@dataclass(frozen=True)
class Seen:
    """How it ended: status, the message's first line, what was kept, and what was not as it should be."""

    status: int
    message: str
    stderr: str
    kept: str
    problems: tuple[str, ...]


def see(case: Case, target: str, folder: Path) -> Seen:
    """Do it, in a new folder. Raises NotHere where it cannot be done."""
    place = Place(folder / "here", folder / "temporary", target)
    place.folder.mkdir(parents=True)
    place.temporary.mkdir()
    with place.undo:
        if case.prepare:
            case.prepare(place)
        before = _names(place.folder)
        status, stdout, stderr = _run(case, place)
        made = _names(place.folder) - before
        kept, problems = _kept(case, place)
        stderr = stderr.replace(str(place.temporary), "$TMPDIR").replace(f"{place.folder}/", "")
        problems += _ending(case, status, stderr) + _left(place, made - {PROFILE} - set(case.made))
        if "Traceback" in stdout:
            problems.append("a traceback on standard output")
    return Seen(status, _message(stderr), stderr, kept, tuple(problems))


def _run(case: Case, place: Place) -> tuple[int, str, str]:
    words = [*place.before, sys.executable, "-m", "tflprof", *shlex.split(case.command(place.target))]
    environment = {
        **os.environ,
        "TMPDIR": str(place.temporary),
        "PYTHONPATH": str(PROJECT),
        **place.environment,
    }
    with subprocess.Popen(
        words,
        cwd=place.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            if case.closed and process.stdout:
                process.stdout.close()
                process.stdout = None
            if case.during:
                case.during(Running(process, place))
            stdout, stderr = process.communicate(timeout=FINISH_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"it did not end within {FINISH_SECONDS:g} s") from error
        finally:
            if process.poll() is None:
                process.kill()
    return process.returncode, (stdout or b"").decode("utf-8", "replace"), stderr.decode("utf-8", "replace")


def _message(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(tflprof: (internal )?error|Error):", line)]
    return (
        (errors or lines or [""])[-1]
        .removeprefix("tflprof: ")
        .removeprefix("error: ")
        .removeprefix("Error: ")
    )


def _ending(case: Case, status: int, stderr: str) -> list[str]:
    said = " ".join(stderr.split())
    problems = [f"does not say {part!r}" for part in case.says if part not in said]
    if status != case.status:
        problems.append(f"ended with {status}, not {case.status}")
    for word in ("Traceback", "internal error", "Warning:"):
        if word in stderr:
            problems.append(f"says {word!r}")
    if case.hint and case.status in (2, 3) and "→" not in stderr and "Try 'tflprof" not in stderr:
        problems.append("does not say what to try next")
    if any(len(line) > LONGEST_LINE for line in stderr.splitlines()):
        problems.append("says too much in one line")
    if _CONTROL.search(stderr):
        problems.append("writes control characters")
    return problems


def _kept(case: Case, place: Place) -> tuple[str, list[str]]:
    path = place.folder / PROFILE
    if case.rescued:
        path = next(place.temporary.glob("tflprof-*/*.parquet"), path)
    if not path.exists():
        return "–", ["kept nothing"] if case.kept or case.rescued else []
    try:
        profile = read_profile(path)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is what is told
        return "–", [] if not case.kept else [f"what it kept cannot be read: {error}"]
    problems = _profile_problems(case, profile)
    if case.rescued:
        shutil.rmtree(path.parent)
        return f"{_told(profile)}, elsewhere", problems
    return _told(profile), problems


def _told(profile: Profile) -> str:
    total = profile.summary.total
    sessions = profile.meta.schedule.processes
    kept = f"{total.n if total else 0} inferences of {sessions} session{'s' if sessions != 1 else ''}"
    return kept if profile.meta.schedule.complete else f"{kept}, marked partial"


def _profile_problems(case: Case, profile: Profile) -> list[str]:
    partial = not profile.meta.schedule.complete
    problems = []
    if not (case.kept or case.rescued):
        problems.append("there is a profile")
    elif partial != (case.kept == "partial"):
        problems.append(f"the profile is {'partial' if partial else 'whole'}")
    if partial != ("partial-run" in [finding.code for finding in profile.meta.findings]):
        problems.append("the finding partial-run does not fit")
    if not (profile.summary.total and profile.summary.total.n):
        problems.append("the profile has no inference")
    return problems


def _left(place: Place, made: set[str]) -> list[str]:
    """What lies about or runs on."""
    problems = [f"left {name}" for name in sorted(made)]
    problems += [
        f"left {name} in the temporary folder" for name in sorted(_names(place.temporary) - {FILLING})
    ]
    deadline = time.monotonic() + 2
    while (running := processes_of(place.temporary)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return problems + [f"process {pid} runs on" for pid in running]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def processes_of(folder: Path) -> set[int]:
    """Processes that work in a folder or name a file of it in their command lines."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            named = str(folder).encode() in (entry / "cmdline").read_bytes()
            if named or (entry / "cwd").readlink().is_relative_to(folder):
                found.add(int(entry.name))
    return found


def writes(**contents: bytes | Callable[[], bytes]) -> Prepare:
    """Make files: their names, with ``_`` for a dot, and their contents."""

    def prepare(place: Place) -> None:
        for name, content in contents.items():
            data = content if isinstance(content, bytes) else content()
            (place.folder / name.replace("_", ".")).write_bytes(data)

    return prepare


def together(*steps: Prepare) -> Prepare:
    """One after the other."""

    def prepare(place: Place) -> None:
        for step in steps:
            step(place)

    return prepare


def unprivileged(place: Place) -> None:
    """Run without the right to pass over permissions, which root has. Raises NotHere."""
    if os.geteuid() == 0:
        setpriv = "/usr/bin/setpriv"
        if not Path(setpriv).exists():
            raise NotHere("root passes over all permissions here, and there is no setpriv")
        place.before += [setpriv, "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]

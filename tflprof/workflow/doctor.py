"""What works on this machine, what is missing, and the command that mends it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from tflprof.errors import TflprofError
from tflprof.targets.spec import DEFAULT_TARGET
from tflprof.workflow.checkup.check import Check, failed

__all__ = ["Check", "examine", "working_targets"]

Finding = Check | Sequence[Check]
Tell = Callable[[str], object]


@dataclass(frozen=True)
class Probe:
    """Something to look at: where it belongs, its name if it fails, what looks, and for how long, in seconds."""

    group: str
    name: str
    look: Callable[[], Finding]
    seconds: float


_MACHINE = (
    ("this machine", "cores", "host.check_cores", 5.0),
    ("this machine", "clock", "host.check_clock", 5.0),
    ("this machine", "frequency", "host.check_frequency", 5.0),
    ("this machine", "neighbours", "host.check_neighbours", 5.0),
    ("this machine", "counters (--pmu)", "host.check_counters", 5.0),
)
_LOOKS = (
    ("installation", "Python", "install.check_python", 10.0),
    ("installation", "packages", "install.check_packages", 10.0),
    ("installation", "runner", "install.check_binaries", 20.0),
    ("installation", "LiteRT", "install.check_library", 60.0),
    ("emulated phones", "emulator", "emulation.check_emulator", 60.0),
    ("emulated phones", "emulator's tools", "storage.check_build_tools", 30.0),
    ("emulated phones", "arm64 system libraries", "emulation.check_guest_libraries", 10.0),
    ("emulated phones", "arm64 LiteRT", "emulation.check_arm64_library", 40.0),
    ("phones", "adb", "phones.check_adb", 20.0),
    ("phones", "Android LiteRT", "phones.check_android_library", 10.0),
    ("files", "temporary files", "storage.check_temporary", 10.0),
    ("files", "cache", "storage.check_cache", 10.0),
    ("files", "HTML reports", "storage.check_reports", 10.0),
    ("files", "tensorflow", "storage.check_tensorflow", 10.0),
)
_RUNS = ("host", "interpreter", DEFAULT_TARGET)
_RUN_SECONDS = 120.0


def examine(tell: Tell | None = None) -> list[Check]:
    """Look at everything; each look has a time limit, and whatever goes wrong in one is a check, too.

    Nothing of the machine is changed, nothing is installed, no adb server started. On the host, in Python
    and on an emulated core a tiny model is run.

    Args:
        tell: told what is looked at.
    """
    say = tell or (lambda _: None)
    with _scratch() as folder:
        machine = _look_at(_MACHINE, say)
        # Their processes take the longest: they run while the rest is looked at, and after how busy the machine is.
        trials = [_Look(_trial(name, folder)) for name in _RUNS]
        rest = _look_at(_LOOKS, say)
        tried: list[Check] = []
        for name, trial in zip(_RUNS, trials, strict=True):
            say(f"{name}: a tiny run")
            tried += trial.found()
    return [*tried, *machine, *rest]


def _look_at(looks: Sequence[tuple[str, str, str, float]], say: Tell) -> list[Check]:
    found: list[Check] = []
    for group, name, place, seconds in looks:
        say(name)
        found += _Look(Probe(group, name, _Lazy(place), seconds)).found()
    return found


def working_targets(checks: Sequence[Check]) -> list[str]:
    """The targets that something can be measured on."""
    return [check.target for check in checks if check.target is not None and check.works]


@dataclass(frozen=True)
class _Lazy:
    """A look by its place: a module that cannot even be loaded is a finding like any other."""

    place: str

    def __call__(self) -> Finding:
        module, _, name = self.place.partition(".")
        found: Finding = getattr(import_module(f"tflprof.workflow.checkup.{module}"), name)()
        return found


class _Look:
    """A look under way, in a thread that is left behind if it takes too long."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._found: list[Check] = []
        self._end = time.monotonic() + probe.seconds
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def found(self) -> list[Check]:
        """What it found, in its group."""
        self._thread.join(max(0.0, self._end - time.monotonic()))
        if self._thread.is_alive():
            told = f"gave no answer within {self._probe.seconds:.0f} s"
            return [Check(self._probe.name, "limited", told, group=self._probe.group)]
        return [replace(check, group=self._probe.group) for check in self._found]

    def _work(self) -> None:
        try:
            found = self._probe.look()
            self._found = [found] if isinstance(found, Check) else list(found)
        except TflprofError as error:
            self._found = [failed(self._probe.name, error)]
        except Exception as error:  # noqa: BLE001 - a look that fails must not hide the others
            told = f"could not be looked at: {type(error).__name__}: {error}"
            self._found = [Check(self._probe.name, "limited", told)]


def _trial(target: str, folder: Path | None) -> Probe:
    def run() -> Check:
        from tflprof.workflow.checkup.emulation import is_ready
        from tflprof.workflow.checkup.runs import try_target

        if folder is None:
            return Check(target, "missing", "there is no temporary folder to try it in", target=target)
        if target == DEFAULT_TARGET and not is_ready():
            told = "not tried: the arm64 LiteRT would have to be fetched first"
            return Check(target, "missing", told, f"tflprof profile MODEL --target {target}", target)
        return try_target(target, folder)

    return Probe("targets", target, run, _RUN_SECONDS)


@contextmanager
def _scratch() -> Iterator[Path | None]:
    """A temporary folder; None if there cannot be one, which is said elsewhere."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="tflprof-", ignore_cleanup_errors=True)
    except OSError:
        yield None
        return
    with folder as name:
        yield Path(name)

"""A phone kept quiet while it measures, and put back as it was, whatever happens."""

from __future__ import annotations

import logging
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from tflprof.errors import DeviceLost, EnvironmentFault, TflprofError
from tflprof.targets.adb.facts import State, state_of
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.probe import read_state
from tflprof.targets.adb.process import AdbProcess
from tflprof.targets.adb.quiet_script import (
    DONE,
    END,
    FAILED,
    GUARD,
    READY,
    REFUSED,
    RESTORED,
    guard_script,
    leftover_script,
)
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT

_LOG = logging.getLogger(__name__)
_PREFIX = "quiet-"
_SILENCE_SECONDS = 60.0
_RESTORE_SECONDS = 60.0
_POLL_SECONDS = 2.0

Tell = Callable[[str, float | None, str], object]
"""Told what takes long: a stage, how far it is (0-1, None if unknown), a detail."""


class QuietDevice:
    """What a setup wishes, for as long as the context lasts.

    A program on the phone does the changing and, when its standard input ends, the restoring: also when the
    link breaks or this process dies. What it cannot restore (the phone was switched off) the next contact does.

    Attributes:
        done: what was done, in words.
        refused: what could not be done, and why.

    Args:
        link: the phone.
        setup: what is wished.
        cpus: those that are to measure.
        api_level: of Android, None off Android.
        owner: tells this user of this machine from others.
        tell: told while something takes long.
    """

    def __init__(
        self,
        link: AdbLink,
        setup: PhoneSetup,
        cpus: Sequence[int],
        api_level: int | None,
        owner: str,
        tell: Tell,
    ) -> None:
        self.done: list[str] = []
        self.refused: list[str] = []
        self._link = link
        self._setup = setup
        self._cpus = cpus
        self._api_level = api_level
        self._owner = owner
        self._tell = tell
        self._directory = ""
        self._guard: AdbProcess | None = None

    def __enter__(self) -> QuietDevice:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def to_json(self) -> dict[str, list[str]]:
        """What was done and what not, for a profile's conditions."""
        lost = self._guard is not None and self._guard.ended
        early = ["staying so: the program that keeps it so was ended"] if lost else []
        return {"done": list(self.done), "refused": [*self.refused, *early]}

    def begin(self) -> None:
        """Change what is to be changed; the clocks when the phone is cool. Raises DeviceLost, EnvironmentFault."""
        try:
            self._change()
            self._wait_until_cool()
            self._change_clocks()
        except BaseException:
            self.end()
            raise

    def renew(self) -> None:
        """Begin again after a broken link: the guard restored everything, or is made to. Raises DeviceLost."""
        if not self._setup.changes_device:
            return
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        if self._directory:
            _warn(self._link, restore_folder(self._link, self._directory, mine=True))
        self._change()
        self._change_clocks()

    def _change(self) -> None:
        """Change all but the clocks. Raises DeviceLost, EnvironmentFault."""
        self.done.clear()
        self.refused.clear()
        if not self._setup.changes_device:
            return
        self._tell("quieting", None, self._link.name)
        self._directory = f"{ROOT}/{_PREFIX}{self._owner}-{secrets.token_hex(4)}"
        script = guard_script(self._setup, self._cpus, self._directory, self._api_level)
        path = f"{self._directory}/{GUARD}"
        self._link.push(script.encode(), path)
        self._guard = AdbProcess(
            self._link,
            self._directory,
            f"cd {shlex.quote(self._directory)}",
            f"sh {shlex.quote(path)}",
            _SILENCE_SECONDS,
        )
        self._listen()

    def _change_clocks(self) -> None:
        """Change the clocks, but no limit of a phone that throttles: what is read then is not what is set."""
        if self._guard is None or not self._setup.changes_clocks:
            return
        why = self._setup.frequency_khz is not None and too_warm(state_of(read_state(self._link)), None)
        self._guard.write(f"go {why or ''}\n")
        self._listen()

    def _listen(self) -> None:
        """Take down what the guard tells until it is ready. Raises EnvironmentFault if it ends."""
        assert self._guard is not None
        for kind, text in self._said():
            if kind == DONE:
                self.done.append(text)
            elif kind == REFUSED:
                self.refused.append(text)
            elif kind == READY:
                return
        raise EnvironmentFault(
            f"{self._link.name} could not be made quiet: the program for it ended early: "
            f"{self._guard.stderr_tail() or 'it gave no reason'}",
            "leave --quiet, --governor and --frequency out",
        )

    def _said(self) -> Iterable[tuple[str, str]]:
        """Lines of the guard: what is told, and its text."""
        assert self._guard is not None
        for line in self._guard.lines():
            kind, _, text = line.decode("utf-8", "replace").strip().partition(" ")
            yield kind, text
            if kind == END:
                return

    def end(self) -> None:
        """Restore everything. What cannot be restored now is logged, and tried again at the next contact."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            if self._link.lost:
                raise DeviceLost("the link is lost")
            self._restore(guard)
        except TflprofError as error:
            _LOG.warning(
                "%s restores what --quiet changed by itself; what it cannot is done at the next contact (%s)",
                self._link.name,
                error,
            )
        finally:
            # Not killed: after a second Ctrl-C it is still restoring.
            guard.close()

    def _restore(self, guard: AdbProcess) -> None:
        guard.terminate()
        failed: list[str] = []
        self._guard = guard
        try:
            ended = False
            for kind, text in self._said():
                failed += [text] if kind == FAILED else []
                ended = kind == END
        finally:
            self._guard = None
        if ended:
            guard.wait()
        else:
            failed = restore_folder(self._link, self._directory, mine=True)
        _warn(self._link, failed)

    # Heat

    def _wait_until_cool(self) -> None:
        if not self._setup.waits:
            return
        began = time.monotonic()
        state = state_of(read_state(self._link))
        while (why := self._too_warm(state)) is not None:
            waited = time.monotonic() - began
            if waited >= self._setup.wait_seconds:
                self.refused.append(f"cooling down: after {waited:.0f} seconds still {why}")
                return
            self._tell("cooling", min(waited / self._setup.wait_seconds, 1.0), why)
            time.sleep(min(_POLL_SECONDS, self._setup.wait_seconds))
            state = state_of(read_state(self._link))
        known = (
            hottest(state) is not None if self._setup.cool_to is not None else state.heat.status is not None
        )
        if known:
            self.done.append(_cool(state, self._setup.cool_to))
        elif self._setup.cool_to is not None:
            self.refused.append("cooling down: the phone tells no temperature")

    def _too_warm(self, state: State) -> str | None:
        why = too_warm(state, self._setup.cool_to)
        # However cool it is: the limits of its cores are to be its user's.
        return too_warm(state, None) if why is None and self._setup.frequency_khz is not None else why


def hottest(state: State) -> float | None:
    """The temperature that counts for `--cool-to`: of battery or cores, whichever is warmer; None if unknown."""
    # Somebody made the battery report a fixed temperature: waiting for another would be in vain.
    battery = None if state.battery.frozen else state.battery.celsius
    return max((value for value in (battery, state.cores_celsius) if value is not None), default=None)


def too_warm(state: State, cool_to: float | None) -> str | None:
    """Why measuring should wait, in words; None if it need not.

    Args:
        state: of the phone.
        cool_to: the highest temperature in °C; None: the phone only must not be throttling.
    """
    if cool_to is None:
        status = state.heat.status
        return f"thermal status {status}" if status else None
    warmest = hottest(state)
    return f"{warmest:.1f} °C, wanted {cool_to:g} °C" if warmest is not None and warmest > cool_to else None


def _cool(state: State, cool_to: float | None) -> str:
    return "not throttling" if cool_to is None else f"cooled down to {hottest(state):.1f} °C"


def restore_leftovers(link: AdbLink, names: Iterable[str], owner: str) -> None:
    """Restore what earlier runs changed and could not restore, and say so.

    To be called while the phone is ours alone.

    Args:
        link: the phone.
        names: what lies in our root folder on it.
        owner: tells this user of this machine from others, whose running guards are left alone.

    Raises:
        DeviceLost: the link broke.
    """
    for name in sorted(names):
        if name.startswith(_PREFIX):
            mine = name.startswith(f"{_PREFIX}{owner}-")
            _warn(link, restore_folder(link, f"{ROOT}/{name}", mine=mine, tell_success=True))


def restore_folder(link: AdbLink, directory: str, *, mine: bool, tell_success: bool = False) -> list[str]:
    """Restore what a guard's folder records; what failed, in words. Raises DeviceLost."""
    lines = link.run(leftover_script(directory, mine), _RESTORE_SECONDS).text.splitlines()
    told = [line.partition(" ")[::2] for line in lines]
    restored = [text for kind, text in told if kind == RESTORED]
    if restored and tell_success:
        _LOG.warning("restored on %s what an earlier run had changed: %s", link.name, "; ".join(restored))
    return [text for kind, text in told if kind == FAILED]


def _warn(link: AdbLink, failed: Sequence[str]) -> None:
    if failed:
        _LOG.warning(
            "%s could not be put back as it was: %s; perhaps it needs `adb root` again. "
            "The next run tries it once more",
            link.name,
            "; ".join(failed),
        )

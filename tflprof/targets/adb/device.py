"""A phone behind an adb server as a device."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shlex
import time
from collections.abc import Callable, Mapping, Sequence

from tflprof.errors import DeviceLost, TargetError, TflprofError
from tflprof.targets.adb.android import parse_properties
from tflprof.targets.adb.client import AdbServer, choose_phone, is_network_serial
from tflprof.targets.adb.facts import inspect, state_of
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.lock import PhoneLock, owner_mark
from tflprof.targets.adb.probe import BOOT_ID, Dump, read_facts, read_state
from tflprof.targets.adb.process import kill_script, own_pattern, unseen
from tflprof.targets.adb.quiet import QuietDevice, restore_leftovers
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT, Store
from tflprof.targets.adb.workspace import AdbWorkspace, Folder
from tflprof.units import format_bytes

RECOVERY_SECONDS = 60.0
"""How long a phone may be out of adb's sight."""
STARTING_SECONDS = 240.0
"""How long a phone that adb sees may take until it can be used: one that restarts is seen early."""
_RETRIES = 2
_POLL_SECONDS = 0.5
_FRESH_SECONDS = 2.0
_CLEANING_SECONDS = 10.0

Tell = Callable[[str, float | None, str], object]
"""Told what takes long: a stage, how far it is (0-1, None if unknown), a detail."""


def unit_of(serial: str) -> str:
    """Tells phones of one model apart. Profiles are passed on: it does not name the phone."""
    return hashlib.sha256(serial.encode()).hexdigest()[:12]


def identity(dump: Dump) -> str | None:
    """What a phone has of its own, whatever serial adb knows it by: its serial number, else of its start."""
    number = parse_properties(dump.commands.get("getprop", "")).get("ro.serialno", "")
    # What makers leave on many phones says nothing.
    if number.lower() not in ("", "unknown", "0123456789abcdef"):
        return number
    return dump.files.get(BOOT_ID, "").strip() or None


def wait_for(link: AdbLink, attempt: Callable[[], object]) -> None:
    """Attempt to use a phone until it can be used. Raises TargetError if it does not come back."""
    began = seen = time.monotonic()
    while True:
        since, limit = seen, RECOVERY_SECONDS
        try:
            _reconnect(link)
            since, limit = began, STARTING_SECONDS
            seen = time.monotonic()
            attempt()
            return
        except TargetError as error:
            if time.monotonic() - since > limit:
                raise TargetError(
                    f"{link.name} did not come back within {limit:.0f} seconds: {error}", error.hint
                ) from error
        time.sleep(_POLL_SECONDS)


def _reconnect(link: AdbLink) -> None:
    """Raise TargetError unless adb sees the phone."""
    server, serial = link.server, link.serial
    phones = {phone.serial: phone for phone in server.phones()}
    if serial not in phones and is_network_serial(serial):
        server.ask(f"host:connect:{serial}")
        phones = {phone.serial: phone for phone in server.phones()}
    choose_phone(list(phones.values()), serial)


def _untold(_stage: str, _fraction: float | None, _detail: str) -> None:
    """Progress nobody asked for."""


class AdbDevice:
    """A phone as a device; the phone is locked for other tflprof processes until it is closed.

    Attributes:
        link: the link to the phone.
        inspection: what the phone told of itself.
    """

    provenance = "measured"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False

    def __init__(self, link: AdbLink, lock: PhoneLock, setup: PhoneSetup, tell: Tell) -> None:
        self.link = link
        self.setup = setup
        self._lock = lock
        owner = owner_mark()
        self._root = f"{ROOT}/run-{owner}-{secrets.token_hex(4)}"
        self._store = Store(link, owner)
        self._tell = tell
        self._free: list[Folder] = []
        self._count = 0
        dump = read_facts(link)
        # The serial is the server's; by USB and by network, one phone has two.
        lock.extend(identity(dump) or link.serial)
        self._remove_leftovers(owner)
        self.inspection = inspect(dump)
        self.facts = self.inspection.facts
        link.name = self.facts.name
        # Until it is chosen what runs on it (tflprof/runner/phone.py).
        self.platform = self.facts.abi
        self._told: tuple[float, Dump] | None = (time.monotonic(), dump)
        cpus = self.cpus_for(setup.core, setup.threads) if setup.changes_device else ()
        self._quiet = QuietDevice(link, setup, cpus, self.inspection.api_level, owner, tell)

    @classmethod
    def open(cls, serial: str | None, setup: PhoneSetup, tell: Tell | None = None) -> AdbDevice:
        """The phone with this serial, or the only one.

        Args:
            serial: as `adb devices` prints it; None: what ANDROID_SERIAL says, else the only phone.
            setup: what is to be done to it before it measures.
            tell: told what takes long.

        Raises:
            TargetError: there is none, several, it cannot be used, or another tflprof uses it.
            DeviceLost: the link broke.
        """
        server = AdbServer()
        phone = choose_phone(server.phones(), serial or os.environ.get("ANDROID_SERIAL") or None)
        lock = PhoneLock(phone.serial, phone.model or phone.serial)
        link = AdbLink(server, phone.serial, phone.model)
        try:
            device = cls._opened(link, lock, setup, tell or _untold)
        except BaseException:
            lock.release()
            raise
        try:
            device._quiet.begin()
        except BaseException:
            device.close()
            raise
        return device

    @classmethod
    def _opened(cls, link: AdbLink, lock: PhoneLock, setup: PhoneSetup, tell: Tell) -> AdbDevice:
        for _ in range(_RETRIES):
            try:
                return cls(link, lock, setup, tell)
            except DeviceLost:
                wait_for(link, link.ping)
        return cls(link, lock, setup, tell)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...]:
        """CPUs of a core choice; without one it is the big core."""
        return self.inspection.cpus_for(core, threads)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """Time is counted; the runner pins itself and reads the heat of the cores."""
        return [
            ("mode", "time"),
            ("cpus", ",".join(map(str, cpus or self.cpus_for(None, 1)))),
            ("chain", "1"),
            *(("thermal", path) for path in self.inspection.thermal),
        ]

    def workspace(self) -> AdbWorkspace:
        """A folder of its own, perhaps one that an earlier session used: then its links are there already."""
        if self._free:
            folder = self._free.pop()
        else:
            folder = Folder(f"{self._root}/{self._count:03}")
            self._count += 1
        return AdbWorkspace(self.link, self._store, folder, self._take_back, self._tell_push)

    def _tell_push(self, done: int, total: int) -> None:
        self._tell("pushing", done / total if total else None, f"{format_bytes(total)} to {self.link.name}")

    def _take_back(self, folder: Folder, clean: bool) -> None:
        if clean:
            self._free.append(folder)

    def conditions(self) -> Mapping[str, object]:
        """The phone's state now: battery, heat, screen, as far as it can be asked; what was done to keep it quiet."""
        setup = self.setup
        quiet = {"quiet": self._quiet.to_json()} if setup.changes_device or setup.waits else {}
        if self.link.lost:
            return quiet
        try:
            state = state_of(self._latest() or read_state(self.link))
        except TflprofError:
            return quiet
        return {**state.to_json(), "unit": unit_of(self.link.serial), **quiet}

    def _latest(self) -> Dump | None:
        """What the phone told when it was opened, once, and only if that was just now."""
        told, self._told = self._told, None
        return told[1] if told and time.monotonic() - told[0] < _FRESH_SECONDS else None

    def recover(self) -> None:
        """Wait until the phone answers again, and end what the broken link left running on it.

        Raises TargetError if it does not come back.
        """
        wait_for(self.link, self._come_back)
        self._free.clear()
        self._store.forget()

    def _come_back(self) -> None:
        """One attempt, while adb sees the phone. Raises TargetError."""
        result = self.link.run(f"{kill_script(self._root)}; getprop sys.boot_completed", _CLEANING_SECONDS)
        if self.inspection.api_level is not None and result.text.strip() != "1":
            raise DeviceLost(f"{self.link.name} is still starting")
        self.link.lost = False
        self._quiet.renew()

    def _remove_leftovers(self, owner: str) -> None:
        """What our earlier runs could not remove; nobody else of ours is at work while we hold the lock.

        Raises TargetError if somebody else's tflprof is at work: a lock of this machine does not tell.
        """
        names = self.link.entries(ROOT)
        others = [n for n in names if n.startswith(("run-", "quiet-")) and n.split("-")[1] != owner]
        if others:
            patterns = " ".join(f"-e {shlex.quote(own_pattern(f'{ROOT}/{name}'))}" for name in others)
            if self.link.run(f"grep -ql {patterns} /proc/[0-9]*/cmdline 2>/dev/null").status == 0:
                raise TargetError(
                    f"tflprof is at work on {self.link.name}, from another machine or user",
                    "wait for it to end; if it never does, restart the phone",
                )
        restore_leftovers(self.link, names, owner)
        stale = [name for name in names if name.startswith(f"run-{owner}-")]
        if stale:
            folders = " ".join(unseen(f"{ROOT}/{name}") for name in stale)
            self.link.run(f"{kill_script(f'{ROOT}/run-{owner}-')}; rm -rf {folders}")

    def close(self) -> None:
        """Put the phone back as it was, remove our folders and unlock it; gives up quickly if it is gone."""
        try:
            self._quiet.end()
            folders = [*([unseen(self._root)] if self._count else []), *self._store.leftovers]
            if folders and not self.link.lost:
                with contextlib.suppress(TflprofError):
                    self.link.run(f"rm -rf {' '.join(folders)}", _CLEANING_SECONDS)
        finally:
            self._lock.release()

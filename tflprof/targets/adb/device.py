"""A phone behind an adb server as a device."""

from __future__ import annotations

import contextlib
import platform as host
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256

from tflprof.errors import DeviceLost, TargetError, TflprofError
from tflprof.facts import Cpu, DeviceFacts
from tflprof.targets.adb.client import READY, AdbServer, choose_phone, is_network_serial
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.lock import PhoneLock, lock_directory
from tflprof.targets.adb.process import kill_script
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT, Store
from tflprof.targets.adb.workspace import AdbWorkspace, Folder
from tflprof.targets.cores import choose_cpus

RECOVERY_SECONDS = 60.0
_POLL_SECONDS = 0.5
_CLEANING_SECONDS = 10.0


def owner_mark() -> str:
    """Eight letters that tell this user of this machine from others who use the same phone."""
    return sha256(f"{host.node()}:{lock_directory()}".encode()).hexdigest()[:8]


class AdbDevice:
    """A phone as a device; the phone is locked for other tflprof processes until it is closed.

    Attributes:
        link: the link to the phone.
    """

    provenance = "measured"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False

    def __init__(self, link: AdbLink, lock: PhoneLock, setup: PhoneSetup) -> None:
        self.link = link
        self.setup = setup
        self._lock = lock
        owner = owner_mark()
        self._root = f"{ROOT}/run-{owner}-{secrets.token_hex(4)}"
        self._store = Store(link, owner)
        self._free: list[Folder] = []
        self._count = 0
        self.facts = _facts(link)
        self.platform = "linux-x86_64" if self.facts.abi == "x86_64" else "linux-aarch64"

    @classmethod
    def open(cls, serial: str | None, setup: PhoneSetup) -> AdbDevice:
        """The phone with this serial, or the only one.

        Raises:
            TargetError: there is none, several, it cannot be used, or another tflprof uses it.
            DeviceLost: the link broke.
        """
        server = AdbServer()
        phone = choose_phone(server.phones(), serial)
        lock = PhoneLock(phone.serial, phone.model or phone.serial)
        try:
            return cls(AdbLink(server, phone.serial, phone.model), lock, setup)
        except BaseException:
            lock.release()
            raise

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...]:
        """CPUs of a core choice; without one it is the big core."""
        return choose_cpus(self.facts.cpus, [cpu.index for cpu in self.facts.cpus], core or "big", threads)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """Time is counted; the runner pins itself."""
        return [("mode", "time"), ("cpus", ",".join(map(str, cpus or self.cpus_for(None, 1))))]

    def workspace(self) -> AdbWorkspace:
        """A folder of its own, perhaps one that an earlier session used: then its links are there already."""
        if self._free:
            folder = self._free.pop()
        else:
            folder = Folder(f"{self._root}/{self._count:03}")
            self._count += 1
        return AdbWorkspace(self.link, self._store, folder, self._take_back, lambda _done, _total: None)

    def _take_back(self, folder: Folder, clean: bool) -> None:
        if clean:
            self._free.append(folder)

    def conditions(self) -> Mapping[str, object]:
        """The phone's state now."""
        return {"serial": self.link.serial}

    def recover(self) -> None:
        """Wait until the phone answers again, and end what the broken link left running on it.

        Raises TargetError if it does not come back.
        """
        deadline = time.monotonic() + RECOVERY_SECONDS
        while True:
            try:
                self._come_back()
                break
            except TargetError as error:
                if time.monotonic() > deadline:
                    raise TargetError(
                        f"{self.link.name} did not come back within {RECOVERY_SECONDS:.0f} seconds: {error}",
                        error.hint,
                    ) from error
            time.sleep(_POLL_SECONDS)
        self._free.clear()
        self._store.forget()

    def _come_back(self) -> None:
        """One attempt. Raises TargetError."""
        server, serial = self.link.server, self.link.serial
        server.start()
        phones = {phone.serial: phone for phone in server.phones()}
        if serial not in phones and is_network_serial(serial):
            server.ask(f"host:connect:{serial}")
            phones = {phone.serial: phone for phone in server.phones()}
        if choose_phone(list(phones.values()), serial).state == READY:
            result = self.link.run(
                f"{kill_script(self._root)}; getprop sys.boot_completed", _CLEANING_SECONDS
            )
            if result.text.strip() == "0":
                raise DeviceLost(f"{self.link.name} is still starting")
            self.link.lost = False

    def close(self) -> None:
        """Remove our folders from the phone and unlock it; gives up quickly if it is gone."""
        try:
            if self._count and not self.link.lost:
                with contextlib.suppress(TflprofError):
                    self.link.run(f"rm -rf {shlex.quote(self._root)}", _CLEANING_SECONDS)
        finally:
            self._lock.release()


def _facts(link: AdbLink) -> DeviceFacts:
    result = link.run("getprop ro.product.model; uname -m; nproc")
    *model, machine, count = result.text.split("\n")[:-1]
    cpus = tuple(Cpu(number) for number in range(int(count)))
    return DeviceFacts(" ".join(model) or link.name, "adb", "Android", machine, cpus=cpus)

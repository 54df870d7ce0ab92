"""The adb server: finding adb, starting the server, the phones it knows and their states."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tflprof.errors import DeviceLost, TargetError

if TYPE_CHECKING:
    from adbutils import AdbConnection

READY = "device"
_SERIAL = "ANDROID_SERIAL"
_OLDEST_SERVER = 31
_START_SECONDS = 30.0
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|bootloader|recovery|sideload|rescue|host|"
    "no permissions.*?"
)
_TCP = re.compile(r"tcp:(?:(\[[^][]+\]|[^][:]+):)?([^][:]+)")
# Serials may hold blanks: `adb-1 (2)._adb-tls-connect._tcp`, `(no serial number)`.
_LINE = re.compile(rf"(.+?)\s+({_STATES})((?:\s+\w+:\S+)*)")
_STRANGE_LINE = re.compile(r"(\S+)\s+(\S.*?)((?:\s+\w+:\S+)*)")


@dataclass(frozen=True)
class Phone:
    """A device that the adb server knows.

    Attributes:
        serial: its serial number, ``IP:PORT`` or an mDNS name.
        state: ``device`` if it can be used, else ``unauthorized``, ``offline``, ``no permissions …`` and such.
        model: its model, None if the server does not know it.
    """

    serial: str
    state: str
    model: str | None = None

    def __str__(self) -> str:
        about = [part for part in (self.model, None if self.state == READY else self.state) if part]
        return self.serial + (f" ({', '.join(about)})" if about else "")


def parse_phones(listing: str) -> list[Phone]:
    """The phones of a long listing of the server (``adb devices -l``)."""
    phones = []
    for line in map(str.strip, listing.splitlines()):
        found = _LINE.fullmatch(line) or _STRANGE_LINE.fullmatch(line)
        if found is not None:
            serial, state, rest = found.groups()
            model = re.search(r"\smodel:(\S+)", rest)
            phones.append(Phone(serial, state, model[1].replace("_", " ") if model else None))
    return phones


def choose_phone(phones: Sequence[Phone], serial: str | None) -> Phone:
    """The phone with this serial, else the one that ANDROID_SERIAL names, else the only one.

    Raises TargetError if there is none, or it cannot be used.
    """
    named = os.environ.get(_SERIAL) or None
    serial = serial or named
    chosen = _the_only(phones) if serial is None else _the_named(phones, serial, by_variable=serial == named)
    if chosen.state != READY:
        raise unusable(chosen)
    return chosen


def _the_only(phones: Sequence[Phone]) -> Phone:
    if not phones:
        raise no_phone()
    if len(phones) > 1:
        raise TargetError(
            f"{len(phones)} phones are connected: {'; '.join(map(str, phones))}",
            f"choose with --target adb:SERIAL, such as {shlex.quote(f'adb:{phones[0].serial}')}",
        )
    return phones[0]


def _the_named(phones: Sequence[Phone], serial: str, *, by_variable: bool) -> Phone:
    found = next((phone for phone in phones if phone.serial == serial), None)
    if found is None:
        source, other = (f", which {_SERIAL} names", f", or unset {_SERIAL}") if by_variable else ("", "")
        raise TargetError(
            f"there is no phone {serial!r}{source}; {_listed(phones)}", _how_to_connect(serial) + other
        )
    return found


def no_phone() -> TargetError:
    """The error that says that there is none."""
    return TargetError(
        "no phone is connected",
        "connect one with USB debugging switched on (Settings, Developer options), or `adb connect IP:PORT`",
    )


def unusable(phone: Phone) -> TargetError:
    """The error that says why a phone cannot be used, and what to do about it."""
    return TargetError(f"the phone {phone.serial} cannot be used: {phone.state}", state_remedy(phone))


def _listed(phones: Sequence[Phone]) -> str:
    return f"connected: {'; '.join(map(str, phones))}" if phones else "none is connected"


def find_adb() -> str:
    """The path of the adb that is used here. Raises TargetError if there is none."""
    from adbutils import AdbError, adb_path

    try:
        path: str = adb_path()
    except AdbError as error:
        raise TargetError(
            f"adb was not found: {error}", "install it, or set ADBUTILS_ADB_PATH to its path"
        ) from None
    return path


def adb_command() -> str:
    """What a user types for the adb that is used here: the one that adbutils brings is not in the path."""
    try:
        path = find_adb()
    except TargetError:
        return "adb"
    return "adb" if path == shutil.which("adb") else shlex.quote(path)


def is_network_serial(serial: str) -> bool:
    """True for ``HOST:PORT``, which the server must be told to connect to."""
    return re.fullmatch(r"(\[[0-9A-Fa-f:.]+(%\w+)?\]|[^:\s]+):\d{1,5}", serial) is not None


def _how_to_connect(serial: str) -> str:
    if is_network_serial(serial):
        return f"`adb connect {serial}`; a phone with wireless debugging must be paired first (`adb pair`)"
    if "._adb-tls-connect._tcp" in serial:
        return "switch wireless debugging on, in the same network; pair once with `adb pair`"
    return "connect it, or choose another with --target adb:SERIAL"


_REMEDIES = {
    "unauthorized": "unlock the phone and accept the question about USB debugging; if none appears, "
    "revoke the authorizations in Developer options and plug it in again",
    "authorizing": "unlock the phone and accept the question about USB debugging",
    "offline": "plug the cable in again, or `adb reconnect`; a wireless phone: `adb disconnect`, `adb connect`",
    "no permissions": "let this user at the USB device: install the udev rules (Debian: apt install "
    "android-sdk-platform-tools-common), join the group plugdev, then plug the cable in again",
    "connecting": "wait a moment and try again",
    "bootloader": "start the phone's system: hold its power button, or `fastboot reboot`",
    "recovery": "start the phone's system: `adb reboot`",
    "sideload": "start the phone's system: `adb reboot`",
}


def state_remedy(phone: Phone) -> str:
    """What to do about a phone that cannot be used."""
    for state, remedy in _REMEDIES.items():
        if phone.state.startswith(state):
            return remedy
    return "plug the cable in again, or `adb reconnect`"


class AdbServer:
    """The adb server that adb's own environment variables name, by default this machine's on port 5037.

    Raises TargetError if a variable names none that can be reached.
    """

    def __init__(self) -> None:
        variable = "ADB_SERVER_SOCKET"
        address = os.environ.get(variable)
        if address:
            found = _TCP.fullmatch(address)
            if found is None:
                raise TargetError(
                    f"{variable} is {address!r}, which is no TCP socket",
                    "set it to tcp:HOST:PORT, or unset it for the server of this machine",
                )
            host, port = (found[1] or "").strip("[]"), found[2]
            self._chosen_by = variable
        else:
            hosts = ("ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_HOST")
            self._chosen_by = next((name for name in hosts if os.environ.get(name)), hosts[0])
            host = os.environ.get(self._chosen_by, "")
            variable = "ANDROID_ADB_SERVER_PORT"
            port = os.environ.get(variable) or "5037"
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise TargetError(f"{variable} is {address or port!r}, which is no port", "unset it")
        if ":" in host:
            raise TargetError(
                f"{self._chosen_by} names {host!r}, and IPv6 is not supported",
                "give an IPv4 address or a host name, or unset it",
            )
        self.host, self.port = host or "127.0.0.1", int(port)
        self._port_variable = variable

    def __str__(self) -> str:
        return f"the adb server at {self.host}:{self.port}"

    def phones(self) -> list[Phone]:
        """The phones it knows; it is started if it does not run. Raises TargetError."""
        self.start()
        return parse_phones(self.ask("host:devices-l"))

    def ask(self, request: str, timeout: float = 10.0) -> str:
        """The answer to a request. Raises DeviceLost if it fails or does not come in time."""
        from adbutils import AdbError

        try:
            connection = self.connect(timeout)
            with contextlib.closing(connection.conn):
                connection.send_command(request)
                connection.check_okay()
                answer: str = connection.read_string_block()
        except (AdbError, OSError, ValueError) as error:
            raise DeviceLost(
                f"{self} failed at {request!r}: {error}", "`adb kill-server`, then try again"
            ) from None
        return answer

    def connect(self, timeout: float) -> AdbConnection:
        """A connection to the running server; ``timeout`` holds for every single read and write.

        Raises DeviceLost if it does not run: a link that was there is gone.
        """
        from adbutils import AdbClient

        # Asked first, because adbutils would start the server itself, with its prose on our output.
        if not self._runs():
            raise DeviceLost(f"{self} does not run", "`adb start-server`")
        return AdbClient(self.host, self.port).make_connection(timeout)

    def start(self) -> None:
        """Start the server if it does not run. Raises TargetError if it cannot, or is none that we know."""
        if not self._runs():
            self._launch()
        try:
            version = int(self.ask("host:version"), 16)
        except (DeviceLost, ValueError) as error:
            raise TargetError(
                f"what listens at {self.host}:{self.port} does not answer like an adb server: {error}",
                f"end it, or choose another port with {self._port_variable}",
            ) from None
        if version < _OLDEST_SERVER:
            raise TargetError(
                f"{self} is of version {version}, older than {_OLDEST_SERVER}",
                "`adb kill-server`, and update adb (Android SDK platform tools)",
            )

    def _runs(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=3).close()
        except OSError:
            return False
        return True

    def _launch(self) -> None:
        if self.host not in ("127.0.0.1", "localhost", "::1"):
            raise TargetError(f"{self} does not run", f"start it there, or unset {self._chosen_by}")
        argv = [find_adb(), "-P", str(self.port), "start-server"]
        # Not pipes: the server that this leaves behind would hold them open.
        with tempfile.TemporaryFile() as said:
            status: object
            try:
                # A session of its own, so that a Ctrl-C meant for us does not end it.
                status = subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    timeout=_START_SECONDS,
                    check=False,
                    start_new_session=True,
                ).returncode
            except (OSError, subprocess.TimeoutExpired) as error:
                status = error
            if self._runs():
                return
            said.seek(0)
            words = " ".join(said.read(2000).decode("utf-8", "replace").split())
        raise TargetError(
            f"the adb server cannot be started ({argv[0]} ended with {status}){': ' + words if words else ''}",
            f"`adb -P {self.port} start-server` shows more; ADBUTILS_ADB_PATH chooses another adb",
        )

"""adb, its server, and the phones it knows. Nothing is started, and no phone is asked anything."""

from __future__ import annotations

from tflprof.errors import TflprofError
from tflprof.runtimes.store import newest
from tflprof.targets.adb.client import (
    READY,
    AdbServer,
    Phone,
    adb_command,
    find_adb,
    parse_phones,
    state_remedy,
)
from tflprof.workflow.checkup.check import Check, failed

_ANDROID = "android-aarch64"


def check_adb() -> list[Check]:
    """Adb and its server, then a check per phone; a phone that is not there is no fault."""
    try:
        # First the server: adb's own modules do not take all values of the variables that name it.
        server, program = AdbServer(), find_adb()
    except TflprofError as error:
        return [failed("adb", error)]
    own = ", which came with adbutils" if "adbutils" in program else ""
    try:
        phones = parse_phones(server.ask("host:devices-l"))
    except TflprofError as error:
        told = f"{program}{own}; {error.what}: phones are not known"
        return [Check("adb", "unused", told, f"{adb_command()} -P {server.port} start-server")]
    found = Check("adb", "ok", f"{program}{own}; {server} answers")
    return [found, *(map(_phone, phones) if phones else [_no_phone()])]


def _no_phone() -> Check:
    told = "none is connected; connect one with USB debugging switched on (docs/phones.md)"
    return Check("phones", "unused", told)


def _phone(phone: Phone) -> Check:
    name = f"adb:{phone.serial}"
    if phone.state != READY:
        return Check(name, "limited", f"{phone.model or 'a phone'}, {phone.state}", state_remedy(phone))
    return Check(name, "ok", f"{phone.model or 'a phone'}, can be used", target=name)


def check_android_library() -> Check:
    """The library for Android: added, or the arm64 one for Linux takes its place."""
    name = "Android LiteRT"
    added = newest(_ANDROID)
    if added is not None:
        return Check(name, "ok", f"{added.name} {added.version or 'of unknown version'} for arm64")
    told = "not there; phones run the arm64 Linux library with a C library of ours instead"
    return Check(name, "unused", told, "tflprof runtimes fetch android")

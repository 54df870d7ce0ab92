"""Removing from a phone what runs left on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tflprof.errors import EnvironmentFault, TargetError, TflprofError
from tflprof.targets.adb.client import READY, AdbServer, Phone, choose_phone, no_phone, unusable
from tflprof.targets.adb.device import identity
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.lock import PhoneLock, owner_mark
from tflprof.targets.adb.probe import read_facts
from tflprof.targets.adb.process import kill_script, own_pattern
from tflprof.targets.adb.quiet import restore_leftovers
from tflprof.targets.adb.store import ROOT, TMP

_SECONDS = 120.0
_BUSY = 75


@dataclass(frozen=True)
class Cleaned:
    """What came of cleaning a phone.

    Attributes:
        freed_bytes: how many were removed; None if the phone cannot count them, or ``error`` came.
        error: why it could not be cleaned, None if it was.
    """

    serial: str
    name: str
    freed_bytes: int | None
    error: TflprofError | None = None


def clean_phone(serial: str | None) -> Cleaned:
    """Remove all files of ours from the phone with this serial, or from the only one.

    Raises:
        TargetError: there is no such phone, or tflprof is at work on it.
        EnvironmentFault: it does not let them be removed.
    """
    server = AdbServer()
    return _clean(server, choose_phone(server.phones(), serial))


def clean_phones() -> Iterator[Cleaned]:
    """Remove all files of ours from every connected phone; one that fails does not keep the others from it.

    Raises TargetError if there is none.
    """
    server = AdbServer()
    phones = server.phones()
    if not phones:
        raise no_phone()
    for phone in phones:
        try:
            if phone.state != READY:
                raise unusable(phone)
            yield _clean(server, phone)
        except TflprofError as error:
            yield Cleaned(phone.serial, phone.model or phone.serial, None, error)


def _clean(server: AdbServer, phone: Phone) -> Cleaned:
    name = phone.model or phone.serial
    lock = PhoneLock(phone.serial, name)
    try:
        link = AdbLink(server, phone.serial, phone.model)
        lock.extend(identity(read_facts(link)) or phone.serial)
        # Under the lock, what still runs of ours is left over.
        owner = owner_mark()
        restore_leftovers(link, link.entries(ROOT), owner)
        patterns = " ".join(f"-e '{own_pattern(f'{ROOT}/{kind}-')}'" for kind in ("run", "quiet"))
        result = link.run(
            f"{kill_script(f'{ROOT}/run-{owner}')}; "
            f"grep -ql {patterns} /proc/[0-9]*/cmdline 2>/dev/null && exit {_BUSY}; "
            f"if [ -d {ROOT} ]; then du -sk {ROOT}; fi; rm -rf {ROOT} {TMP}/.tflprof-*",
            _SECONDS,
        )
    finally:
        lock.release()
    if result.status == _BUSY:
        raise TargetError(f"tflprof is at work on {name}, from another machine", "wait for it to end")
    if result.status != 0:
        raise EnvironmentFault(f"cannot remove {ROOT} from {name}: {result.words()}")
    return Cleaned(phone.serial, name, _freed(result.text))


def _freed(text: str) -> int | None:
    if not text.strip():
        return 0
    told = re.match(r"(\d+)\s", text)
    return int(told[1]) * 1024 if told else None

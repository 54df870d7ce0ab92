"""The connected phones, what they are, and why some cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tflprof.errors import TflprofError
from tflprof.facts import Cpu
from tflprof.targets.adb.client import READY, AdbServer, Phone, choose_phone, state_remedy
from tflprof.targets.adb.facts import Inspection, State, inspect, state_of
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.lock import PhoneLock
from tflprof.targets.adb.probe import Dump, read_all, read_facts
from tflprof.targets.adb.redact import redacted
from tflprof.targets.cores import core_groups
from tflprof.units import format_cpus


@dataclass(frozen=True)
class ListedPhone:
    """A phone that adb knows.

    Attributes:
        name: as it is given to ``--target``.
        model: None if it does not tell.
        inspection, state: what it told; None if it cannot be used.
        reason, remedy: why it cannot be used, and what to do about it.
    """

    name: str
    model: str | None
    inspection: Inspection | None = None
    state: State | None = None
    reason: str | None = None
    remedy: str | None = None


def list_phones() -> list[ListedPhone]:
    """Every phone that the adb server knows, or one that says why there is none."""
    try:
        server = AdbServer()
        phones = server.phones()
        if not phones:
            choose_phone(phones, None)
    except TflprofError as error:
        return [ListedPhone("adb", None, reason=error.what, remedy=error.hint)]
    return [_look_at(server, phone) for phone in phones]


def _look_at(server: AdbServer, phone: Phone) -> ListedPhone:
    name = f"adb:{phone.serial}"
    if phone.state != READY:
        return ListedPhone(name, phone.model, reason=phone.state, remedy=state_remedy(phone))
    try:
        # Who measures on it must not be disturbed.
        lock = PhoneLock(phone.serial, phone.model or phone.serial, wait=0.0)
        try:
            dump = read_facts(AdbLink(server, phone.serial, phone.model))
        finally:
            lock.release()
    except TflprofError as error:
        return ListedPhone(name, phone.model, reason=error.what, remedy=error.hint)
    return ListedPhone(name, phone.model, inspect(dump), state_of(dump))


def record_dump(serial: str | None) -> tuple[str, Dump]:
    """Everything that a phone tells of itself, without what names it or its owner; and the phone's model.

    Args:
        serial: as adb shows it; None: the only phone.

    Raises:
        TargetError: there is none, several, it cannot be used, or another tflprof uses it.
        DeviceLost: the link broke.
    """
    server = AdbServer()
    phone = choose_phone(server.phones(), serial)
    lock = PhoneLock(phone.serial, phone.model or phone.serial)
    try:
        dump = redacted(read_all(AdbLink(server, phone.serial, phone.model)), [phone.serial])
    finally:
        lock.release()
    return inspect(dump).facts.name, dump


def describe_phone(phone: ListedPhone) -> str:
    """Model, chip, system, instruction set, battery and temperature, as far as they are known."""
    if phone.inspection is None:
        return phone.model or "a phone"
    facts = phone.inspection.facts
    parts = [facts.name, facts.soc, facts.os, facts.abi, *_condition(phone.state)]
    if phone.inspection.emulator:
        parts.append("an emulator")
    return ", ".join(part for part in parts if part)


def _condition(state: State | None) -> list[str]:
    if state is None:
        return []
    level, warm = state.battery.level, state.cores_celsius or state.battery.celsius
    battery = None if level is None else f"battery {level:.0f} %"
    return [part for part in (battery, None if warm is None else f"{warm:.0f} °C") if part]


def describe_clusters(cpus: Sequence[Cpu]) -> str:
    """Kinds of cores, the fastest first, such as ``big 4-7: Cortex-A73 2.36 GHz, little 0-3: …``."""
    groups = core_groups(cpus)
    if groups["big"] == groups["little"]:
        return _cluster("", cpus)
    by_index = {cpu.index: cpu for cpu in cpus}
    return ", ".join(
        _cluster(f"{name} {format_cpus(groups[name])}: ", [by_index[index] for index in groups[name]])
        for name in ("big", "mid", "little")
        if name in groups
    )


def _cluster(label: str, cpus: Sequence[Cpu]) -> str:
    kinds = Counter((cpu.part or "unknown core", cpu.max_khz) for cpu in cpus)
    texts = [
        part + (f" {khz / 1e6:.2f} GHz" if khz else "") for part, khz in sorted(kinds, key=str, reverse=True)
    ]
    return (label or f"{len(cpus)} × ") + " and ".join(texts)

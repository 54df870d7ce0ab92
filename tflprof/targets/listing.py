"""Which targets there are, and what is missing where one cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tflprof.errors import TargetError
from tflprof.facts import Cpu, this_platform
from tflprof.targets.cores import core_groups
from tflprof.targets.emulator import find_emulator, find_guest_libraries
from tflprof.targets.host import host_facts
from tflprof.targets.phone import load_phone, phone_names

if TYPE_CHECKING:
    from tflprof.targets.adb.listing import ListedPhone

_RUNNER_PLATFORMS = ("linux-x86_64", "linux-aarch64")


@dataclass(frozen=True)
class TargetInfo:
    """A target for the list.

    Attributes:
        name: as it is given to ``--target``.
        usable: whether it can be used now.
        provenance: ``measured`` or ``emulated``.
        description: the machine or phone.
        cores: what ``--core`` may be, with the cores' names.
        reason: why it cannot be used, None if it can.
        remedy: what to do about it, None if nothing is known.
        device: facts and state of a connected phone, JSON-ready; None of other targets.
    """

    name: str
    usable: bool
    provenance: str
    description: str
    cores: str
    reason: str | None = None
    remedy: str | None = None
    device: Mapping[str, Any] | None = None


def list_targets() -> list[TargetInfo]:
    """Every target: connected phones, this machine, this process, the phones that can be emulated."""
    # Not before it is needed: adb's own modules take their time to load.
    from tflprof.targets.adb.listing import list_phones

    emulation = emulation_trouble()
    return [
        *(_connected(phone) for phone in list_phones()),
        *_local(),
        *(_phone(name, emulation) for name in phone_names()),
    ]


def _connected(phone: ListedPhone) -> TargetInfo:
    from tflprof.targets.adb.listing import describe_clusters, describe_phone

    known, state = phone.inspection, phone.state
    return TargetInfo(
        name=phone.name,
        usable=known is not None,
        provenance="measured",
        description=describe_phone(phone),
        cores=describe_clusters(known.facts.cpus) if known else "",
        reason=phone.reason,
        remedy=phone.remedy,
        device={**known.facts.to_json(), "state": state.to_json()} if known and state else None,
    )


def _local() -> list[TargetInfo]:
    facts = host_facts("host")
    cores = _cores(facts.cpus)
    described = {"host": facts.name, "interpreter": f"{facts.name}, through Python"}
    return [
        TargetInfo(name, reason is None, "measured", description, cores, reason, remedy)
        for name, description in described.items()
        for reason, remedy in [local_trouble(name)]
    ]


def local_trouble(kind: str) -> tuple[str | None, str | None]:
    """Why models cannot run on this machine itself, and what to do about it; None if they can.

    Args:
        kind: ``host``, with the native runner, or ``interpreter``, with Python.
    """
    if kind == "interpreter":
        wide = sys.maxsize > 2**32
        return (None, None) if wide else ("LiteRT's library needs a 64-bit Python", "install one")
    if this_platform() in _RUNNER_PLATFORMS:
        return None, None
    return f"there is no runner for {this_platform()}", "--target interpreter runs LiteRT here"


def _phone(name: str, trouble: TargetError | None) -> TargetInfo:
    phone = load_phone(name)
    return TargetInfo(
        name=f"emulated:{name}",
        usable=trouble is None,
        provenance="emulated",
        description=f"{phone.title}, {phone.soc}",
        cores=_cores(phone.cpus),
        reason=trouble.what if trouble else None,
        remedy=trouble.hint if trouble else None,
    )


def emulation_trouble() -> TargetError | None:
    """Why no phone can be emulated here, None if phones can."""
    try:
        find_emulator()
        find_guest_libraries()
    except TargetError as error:
        return error
    return None


def _cores(cpus: tuple[Cpu, ...]) -> str:
    """Such as ``big: Cortex-A73, little: Cortex-A53``; one kind of core needs no choice."""
    groups = core_groups(cpus)
    by_index = {cpu.index: cpu for cpu in cpus}
    if groups["big"] == groups["little"]:
        return by_index[groups["big"][0]].part or "one kind"
    named = {
        name: by_index[groups[name][-1]].part or "unknown"
        for name in ("big", "mid", "little")
        if name in groups
    }
    return ", ".join(f"{name}: {part}" for name, part in named.items())

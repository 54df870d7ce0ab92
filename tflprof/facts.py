"""What is known of the place where a model ran: device, CPUs, conditions."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from typing import Any

# What systems call the same processors.
_MACHINES = {"AMD64": "x86_64", "ARM64": "aarch64", "arm64": "aarch64"}


def this_platform() -> str:
    """The platform of this machine: ``linux-x86_64``, ``darwin-aarch64``, ``windows-x86_64`` and so on."""
    machine = platform.machine()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


@dataclass(frozen=True)
class Cpu:
    """One logical CPU.

    Attributes:
        index: its number in the system.
        part: human name of the core, such as ``Cortex-A73``; None if unknown.
        midr: main ID register (implementer, variant, part, revision); None off ARM.
        max_khz: highest frequency in kHz; None if unknown.
        cluster: number of its cluster, 0 the lowest.
        capacity: relative capacity as Linux gives it (0-1024); None if unknown.
    """

    index: int
    part: str | None = None
    midr: int | None = None
    max_khz: int | None = None
    cluster: int = 0
    capacity: int | None = None


@dataclass(frozen=True)
class DeviceFacts:
    """A device as far as it tells of itself.

    Attributes:
        name: short name, such as ``pixel2`` or the host's CPU model.
        kind: ``host``, ``emulated``, ``interpreter`` or ``adb``.
        os: such as ``Linux 6.1``.
        abi: such as ``linux-x86_64``.
        soc: system on chip, None if unknown.
        cpus: every logical CPU.
        memory_bytes: physical memory, None if unknown.
        details: further facts that count when two profiles are compared
            (emulator version, hashes of guest libraries and plugin).
    """

    name: str
    kind: str
    os: str
    abi: str
    soc: str | None = None
    cpus: tuple[Cpu, ...] = ()
    memory_bytes: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DeviceFacts:
        """The inverse of :meth:`to_json`."""
        rest = dict(data)
        cpus = tuple(Cpu(**cpu) for cpu in rest.pop("cpus", ()))
        return cls(cpus=cpus, **rest)

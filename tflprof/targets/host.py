"""This machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflprof.facts import Cpu, DeviceFacts, this_platform
from tflprof.targets.cores import choose_cpus
from tflprof.targets.local import LocalWorkspace, make_private_directory
from tflprof.targets.other_systems import cpu_name, memory_bytes
from tflprof.targets.probe import parse_probe, read_texts

_SYSTEM = Path("/sys/devices/system")


def host_facts(kind: str) -> DeviceFacts:
    """Facts of this machine; ``kind`` is how it is used (``host`` or ``interpreter``)."""
    probe = parse_probe(read_texts()) if platform.system() == "Linux" else None
    count = range(os.cpu_count() or 1)
    return DeviceFacts(
        name=(probe.model if probe else cpu_name()) or platform.machine(),
        kind=kind,
        os=f"{platform.system()} {platform.release()}",
        abi=this_platform(),
        cpus=probe.cpus if probe else tuple(Cpu(index) for index in count),
        memory_bytes=probe.memory_bytes if probe else memory_bytes(),
    )


def allowed_cpus() -> set[int]:
    """Numbers of the CPUs that this process may use; all, where the system keeps none from it."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def thermal_zones(folder: Path = Path("/sys/class/thermal")) -> list[Path]:
    """Readable files with the temperatures of the processor, at most 16; of anything, if none says it is one."""
    files = [
        zone / "temp" for zone in sorted(folder.glob("thermal_zone*")) if os.access(zone / "temp", os.R_OK)
    ]
    kinds = {file: _kind(file.with_name("type")) for file in files}
    cores = [file for file in files if any(word in kinds[file] for word in ("cpu", "pkg", "core", "soc"))]
    return (cores or files)[:16]


def _kind(file: Path) -> str:
    try:
        return file.read_text(errors="replace").lower()
    except OSError:
        return ""


class HostDevice:
    """This machine as a device: programs run natively, with an empty environment."""

    provenance = "measured"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False

    def __init__(self) -> None:
        self.facts = host_facts("host")
        self.platform = self.facts.abi

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs of a core choice among those this process may use; not pinned without a choice."""
        if core is None:
            return None
        return choose_cpus(self.facts.cpus, allowed_cpus(), core, threads)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """Time is counted on the CPUs, if there are any; where the system hides the frequency, it is measured."""
        hidden = not (_SYSTEM / "cpu" / "cpu0" / "cpufreq" / "scaling_cur_freq").exists()
        return [
            ("mode", "time"),
            *([("cpus", ",".join(map(str, cpus)))] if cpus else []),
            *([("chain", "1")] if hidden else []),
            *(("thermal", str(zone)) for zone in thermal_zones()),
        ]

    def workspace(self) -> LocalWorkspace:
        """A temporary directory."""
        return LocalWorkspace(make_private_directory("tflprof-"), "", ".", list)

    def conditions(self) -> Mapping[str, object]:
        """Nothing is known beyond what the runner reports."""
        return {}

    def recover(self) -> None:
        """There is no link that could break."""

    def close(self) -> None:
        """Nothing is held."""

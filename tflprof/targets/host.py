"""This machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence

from tflprof.facts import DeviceFacts
from tflprof.targets.cores import choose_cpus
from tflprof.targets.local import LocalWorkspace, make_private_directory
from tflprof.targets.probe import parse_probe, read_texts


def host_facts(kind: str) -> DeviceFacts:
    """Facts of this machine; ``kind`` is how it is used (``host`` or ``interpreter``)."""
    probe = parse_probe(read_texts())
    return DeviceFacts(
        name=probe.model or platform.machine(),
        kind=kind,
        os=f"{platform.system()} {platform.release()}",
        abi=f"{platform.system().lower()}-{platform.machine()}",
        cpus=probe.cpus,
        memory_bytes=probe.memory_bytes,
    )


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
        return choose_cpus(self.facts.cpus, os.sched_getaffinity(0), core, threads)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """Time is counted; the CPUs are pinned to if there are any."""
        return [("mode", "time"), *([("cpus", ",".join(map(str, cpus)))] if cpus else [])]

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

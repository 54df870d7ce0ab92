"""An emulated phone: aarch64 programs under QEMU's user mode, with instructions and cycles counted by our plugin."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

from tflprof.errors import TargetError
from tflprof.facts import DeviceFacts
from tflprof.targets.cores import choose_cpus
from tflprof.targets.cost_table import CoreCosts, check_cost_mode, costs_of
from tflprof.targets.emulator import Plugin, find_emulator, find_guest_libraries, libraries_sha256
from tflprof.targets.guest_root import build_guest_root
from tflprof.targets.local import LocalWorkspace, make_private_directory
from tflprof.targets.phone import load_phone

_DIRECTORY = "/tflprof"
_PAGE_BYTES = 4096
_PAGE = "counters"
_PLUGIN = "counter.so"
_CORE = "core"
_COUNTERS = ("instructions", "cycles", "dram_lines")
# QEMU 9 and later would place the guest's memory wherever the host's kernel randomly puts it, and with some
# libraries' routines counts follow addresses: a reserved range has fixed ones.
_FIXED_ADDRESSES = ("-R", "0x8000000000")
# QEMU 8.2 and later answer /proc/cpuinfo themselves: the runner opens the phone's under another name.
_CPUINFO = "cpuinfo"


class EmulatedDevice:
    """A phone as a device whose clock counts instructions, and cycles of a model of its cores.

    Programs run with relative names, in an empty environment and with a fixed random seed, so that nothing
    of this machine shows in the counts.

    Args:
        name: of the phone.
        plugin: gives the counter plugin, built for this machine, for a version of the emulator's plugin interface.
        cost: what is counted (:data:`~tflprof.targets.cost_table.COST_MODES`).
        emulator_options: further options of the emulator, such as ``-strace``.

    Raises:
        UsageError: if there is no such cost mode.
        TargetError: if there is no such phone, or the emulator or the guest's libraries are missing.
    """

    platform = "linux-aarch64"
    deterministic = True

    def __init__(
        self,
        name: str,
        plugin: Callable[[int], Plugin],
        cost: str = "caches",
        emulator_options: Sequence[str] = (),
    ) -> None:
        check_cost_mode(cost)
        self.cost = cost
        self.counters: tuple[str, ...] = _COUNTERS[:1] if cost == "instructions" else _COUNTERS
        self.provenance = "emulated" if cost == "instructions" else "predicted"
        self._cpus: tuple[int, ...] | None = None
        self._phone = load_phone(name)
        self._emulator = find_emulator()
        self._plugin = plugin(self._emulator.plugin_api)
        self._more = list(emulator_options)
        libraries = find_guest_libraries()
        self.facts = self._facts(libraries_sha256(libraries))
        self.root = make_private_directory("tflprof-root-")
        try:
            build_guest_root(self.root, self._phone, libraries)
        except BaseException:
            self.close()
            raise

    def _facts(self, libraries: str) -> DeviceFacts:
        return DeviceFacts(
            name=self._phone.name,
            kind="emulated",
            os="Linux user mode",
            abi=self.platform,
            soc=self._phone.soc,
            cpus=self._phone.cpus,
            memory_bytes=self._phone.memory_mib << 20,
            details={
                "emulator": self._emulator.banner,
                "emulated_cpu": self._phone.emulated_cpu,
                "plugin_sources_sha256": self._plugin.sources_sha256,
                "guest_libraries_sha256": libraries,
                "phone_sha256": self._phone.sha256,
            },
        )

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...]:
        """CPUs of a core choice; without one it is the big core, since an emulated phone has to be on some."""
        everyone = range(len(self.facts.cpus))
        return choose_cpus(self.facts.cpus, everyone, "big" if core is None else core, threads)

    def core_costs(self, cpus: tuple[int, ...] | None) -> CoreCosts:
        """The costs of the CPU that one thread runs on.

        Raises TargetError if its kind of core has none, or if instructions alone are counted.
        """
        if self.cost == "instructions":
            raise TargetError("instructions alone are counted", "choose --cost cycles or --cost caches")
        return costs_of(self._phone, self._cpu(cpus), self.cost)

    def _cpu(self, cpus: tuple[int, ...] | None) -> int:
        return (cpus or self.cpus_for(None, 1))[-1]

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """What is counted; the runner answers for the phone where the emulator cannot.

        The next workspace is for these CPUs.
        """
        self._cpus = cpus
        hwcap, hwcap2 = self._phone.hwcaps
        return [
            ("mode", "count"),
            ("counter_page", f"{_DIRECTORY}/{_PAGE}"),
            *(("counter", counter) for counter in self.counters),
            ("guest_cpu", str(self._cpu(cpus))),
            ("cpuinfo", f"{_DIRECTORY}/{_CPUINFO}"),
            ("hwcap", f"{hwcap:x}"),
            ("hwcap2", f"{hwcap2:x}"),
        ]

    def workspace(self) -> LocalWorkspace:
        """A file tree like the device's, with a directory of its own that holds plugin and counter page.

        To programs it is always at the same place: the length of a path moves what lies behind it in memory.
        """
        root = make_private_directory("tflprof-")
        for entry in self.root.iterdir():
            (root / entry.name).symlink_to(entry)
        workspace = LocalWorkspace(root, _DIRECTORY[1:], _DIRECTORY, self._command)
        try:
            workspace.push(self._plugin.path, _PLUGIN)
            workspace.push(self.root / "proc" / "cpuinfo", _CPUINFO)
            workspace.write(_PAGE, bytes(_PAGE_BYTES))
            if self.cost != "instructions":
                workspace.write(_CORE, self.core_costs(self._cpus).text.encode())
        except BaseException:
            workspace.close()
            raise
        return workspace

    def _command(self, argv: Sequence[str]) -> list[str]:
        # Run in the workspace. Relative names: the plugin option's value may hold no comma, a path may.
        options = ["-L", "..", "-cpu", self._phone.emulated_cpu, "-seed", "1"]
        options += _FIXED_ADDRESSES if self._emulator.plugin_api > 1 else ()
        costs = "" if self.cost == "instructions" else f",core=./{_CORE}"
        options += ["-plugin", f"./{_PLUGIN},page=./{_PAGE}{costs}", *self._more]
        program = f"./{PurePath(argv[0]).name}"  # the emulator itself looks for it among the host's files
        return [str(self._emulator.path), *options, program, *argv[1:]]

    def conditions(self) -> Mapping[str, object]:
        """Nothing is known beyond what the runner reports."""
        return {}

    def recover(self) -> None:
        """There is no link that could break."""

    def close(self) -> None:
        """Remove the file tree."""
        shutil.rmtree(self.root, ignore_errors=True)

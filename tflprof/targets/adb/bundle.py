"""Programs built for glibc on a device that lacks it: its loader and libraries are brought along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tflprof.facts import DeviceFacts
from tflprof.targets.adb.device import AdbDevice
from tflprof.targets.adb.process import AdbProcess
from tflprof.targets.adb.workspace import AdbWorkspace
from tflprof.targets.emulator import find_guest_libraries, libraries_sha256

_LOADER = "ld-linux-aarch64.so.1"


class BundleDevice:
    """A 64-bit ARM device whose programs are started by a glibc loader of ours, with our glibc.

    Its facts tell the libraries' hash: they are part of what is measured.

    Args:
        device: the phone or board; it is closed with this one.

    Raises:
        TargetError: the libraries are not installed on this machine.
    """

    platform = "linux-aarch64"
    provenance = AdbDevice.provenance
    counters = AdbDevice.counters
    deterministic = AdbDevice.deterministic

    def __init__(self, device: AdbDevice) -> None:
        self.device = device
        self._libraries = find_guest_libraries()
        digest = libraries_sha256(self._libraries)
        details = {**device.facts.details, "guest_libraries_sha256": digest}
        self.facts: DeviceFacts = replace(device.facts, details=details)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """The device's."""
        return self.device.cpus_for(core, threads)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """The device's."""
        return self.device.runner_options(cpus)

    def workspace(self) -> BundleWorkspace:
        """One of the device's, with the loader and its libraries in it."""
        return BundleWorkspace(self.device.workspace(), self._libraries)

    def conditions(self) -> Mapping[str, object]:
        """The device's."""
        return self.device.conditions()

    def recover(self) -> None:
        """Wait for the device."""
        self.device.recover()

    def close(self) -> None:
        """Close the device."""
        self.device.close()


class BundleWorkspace:
    """A workspace whose programs are started by the loader in it.

    Args:
        workspace: of the device.
        libraries: the loader and its libraries by file name.
    """

    def __init__(self, workspace: AdbWorkspace, libraries: Mapping[str, Path]) -> None:
        self._workspace = workspace
        try:
            folder = workspace.push_group(libraries)
        except BaseException:
            workspace.close()
            raise
        # Neither the loader's cache nor the device's own libraries may be looked at.
        self._before = [f"{folder}/{_LOADER}", "--inhibit-cache", "--library-path", folder]

    def push(self, local: Path, name: str, executable: bool = False) -> str:
        """The workspace's."""
        return self._workspace.push(local, name, executable)

    def write(self, name: str, data: bytes) -> str:
        """The workspace's."""
        return self._workspace.write(name, data)

    def path(self, name: str) -> str:
        """The workspace's."""
        return self._workspace.path(name)

    def pull(self, name: str, local: Path) -> None:
        """The workspace's."""
        self._workspace.pull(name, local)

    def spawn(self, argv: Sequence[str], silence: float | None = None) -> AdbProcess:
        """Start a program by way of the loader."""
        return self._workspace.spawn([*self._before, *argv], silence)

    def close(self) -> None:
        """The workspace's."""
        self._workspace.close()

"""What a device offers a runner; everything here must also work over a wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tflprof.facts import DeviceFacts


class Process(Protocol):
    """A program running on a device."""

    def lines(self) -> Iterator[bytes]:
        """Lines of standard output as they arrive, each with its newline; the last may lack one."""

    def stderr_tail(self) -> str:
        """The last lines that the program wrote on standard error."""

    def wait(self) -> int | None:
        """Wait for the end; its status, negative: the signal that killed it, None: the link was lost."""

    def terminate(self) -> None:
        """Ask the program to end, by the end of its standard input. Safe from a signal handler, and twice."""

    def kill(self) -> None:
        """End the program and its children at once."""


class Workspace(Protocol):
    """A directory on the device for one session; names in it are plain file names."""

    def push(self, local: Path, name: str, executable: bool = False) -> str:
        """Make a local file available under ``name``; returns its path as programs on the device know it.

        A program is pushed with ``executable``.

        Raises EnvironmentFault if it cannot be read or does not fit.
        """

    def write(self, name: str, data: bytes) -> str:
        """Make a file with this content; returns its path on the device. Raises EnvironmentFault."""

    def path(self, name: str) -> str:
        """The path, in the workspace's directory, of a file that a program is to make."""

    def pull(self, name: str, local: Path) -> None:
        """Copy a file of the workspace to the controller. Raises EnvironmentFault if there is none."""

    def spawn(self, argv: Sequence[str], silence: float | None = None) -> Process:
        """Start a program of the workspace in it.

        A program behind a link is taken for stuck, and ended, after ``silence`` seconds without output.

        Raises EnvironmentFault if it cannot start.
        """

    def close(self) -> None:
        """Remove the directory and everything in it."""


class Device(Protocol):
    """A place where programs run.

    Attributes:
        facts: what is known of it.
        platform: what its programs are built for, such as ``linux-aarch64``.
        provenance: ``measured``, ``emulated`` or ``predicted``.
        counters: what its clock counts, the main one first (``ns``, or ``instructions`` and what is counted with them).
        deterministic: True if equal inferences give equal counts.
    """

    facts: DeviceFacts
    platform: str
    provenance: str
    counters: tuple[str, ...]
    deterministic: bool

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs a core choice stands for, None for no pinning. Raises TargetError if there is no such core."""

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """Keys and values of the options file that depend on the device (docs/runner-protocol.md)."""

    def workspace(self) -> Workspace:
        """A new, empty workspace. Raises EnvironmentFault if it cannot be made."""

    def conditions(self) -> Mapping[str, object]:
        """What is known of the device's state now (battery, heat), JSON-ready; empty if nothing. Never raises."""

    def recover(self) -> None:
        """Wait until a device whose link broke answers again. Raises TargetError if it does not."""

    def close(self) -> None:
        """Free what the device holds on the controller and on itself."""

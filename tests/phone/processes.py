"""What runs in the phone, seen from the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class GuestProcess:
    """A program of the phone.

    Attributes:
        number: its process number on the machine, for signals.
        argv: its command line, the program's path first.
    """

    number: int
    argv: tuple[str, ...]


def guest_processes(first_process: int) -> list[GuestProcess]:
    """Emulated programs in the process namespace of the phone's first process, without ended ones."""
    space = _namespace(first_process)
    return [
        GuestProcess(number, argv)
        for number in sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
        if _namespace(number) == space and (argv := _argv(number))
    ]


def _namespace(number: int) -> str | None:
    try:
        return str((PROC / str(number) / "ns/pid").readlink())
    except OSError:
        return None


def _argv(number: int) -> tuple[str, ...]:
    """Without the emulator; empty for what is not emulated, and for what has ended."""
    try:
        text = (PROC / str(number) / "cmdline").read_bytes()
    except OSError:
        return ()
    parts = tuple(os.fsdecode(part) for part in text.split(b"\0")[:-1])
    # The kernel passes the emulator, the program's path, then the program's own arguments.
    return (parts[1], *parts[3:]) if len(parts) > 2 and parts[0].endswith("/qemu") else ()

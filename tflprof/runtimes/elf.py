"""The platform of an ELF file, from its header."""

from __future__ import annotations

from pathlib import Path

from tflprof.errors import RuntimeMissing

_MACHINES = {62: "linux-x86_64", 183: "linux-aarch64", 40: "linux-armhf"}
_TYPE_SHARED = 3


def elf_platform(path: Path) -> str:
    """The platform of a shared library, such as ``linux-aarch64``.

    Raises RuntimeMissing if it cannot be read or is no shared library.
    """
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise RuntimeMissing(f"cannot read the runtime {path}: {error.strerror or error}") from error
    if len(header) < 20 or header[:4] != b"\x7fELF" or header[5] != 1:
        raise RuntimeMissing(f"the runtime {path} is not a little-endian ELF file", "name a libLiteRt.so")
    if int.from_bytes(header[16:18], "little") != _TYPE_SHARED:
        raise RuntimeMissing(f"the runtime {path} is not a shared library", "name a libLiteRt.so")
    machine = int.from_bytes(header[18:20], "little")
    return _MACHINES.get(machine, f"machine {machine}")

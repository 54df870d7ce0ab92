"""Small ELF shared libraries with the headers of real ones, and archives of them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

MACHINES = {"x86_64": 62, "aarch64": 183, "arm": 40}
LITERT = b"LiteRtCreateEnvironment"
TFLITE = b"TfLiteModelCreateFromFile"


def elf(
    machine: str = "aarch64",
    needed: Sequence[str] = ("libc.so",),
    *,
    symbol: bytes = LITERT,
    soname: str | None = None,
    api: int | None = None,
    alignment: int = 16384,
    salt: bytes = b"",
) -> bytes:
    """A shared library: 32 bits wide for ``arm``, else 64."""
    wide = machine != "arm"
    header_size, entry_size = (64, 56) if wide else (52, 32)
    base = header_size + 3 * entry_size
    strings = bytearray(b"\0")
    tags: list[tuple[int, int]] = []
    for tag, name in [(1, name) for name in needed] + ([(14, soname)] if soname else []):
        tags.append((tag, len(strings)))
        strings += name.encode() + b"\0"
    tags += [(5, base), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ" if wide else "<iI", *tag) for tag in tags)
    note = struct.pack("<III8si", 8, 4, 1, b"Android\0", api) if api is not None else b""
    body = bytes(strings) + dynamic + note
    total = base + len(body) + len(symbol) + 2
    at = base + len(strings)
    table = b"".join(
        _segment(wide, kind, offset, size, align)
        for kind, offset, size, align in (
            (1, 0, total, alignment),
            (2, at, len(dynamic), 8),
            (4, at + len(dynamic), len(note), 4),
        )
    )
    head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]).ljust(12, b"\0")
    head += struct.pack("<HHI", 3, MACHINES[machine], 1)
    head += struct.pack("<QQQ" if wide else "<III", 0, header_size, 0)
    head += struct.pack("<IHHHHHH", 0, header_size, entry_size, 3, 0, 0, 0)
    return head + table + body + b"\0" + symbol + b"\0" + salt


def _segment(wide: bool, kind: int, offset: int, size: int, alignment: int) -> bytes:
    if wide:
        return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, size, size, alignment)
    return struct.pack("<8I", kind, offset, offset, offset, size, size, 4, alignment)


def aar(members: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


LITERT_AAR = aar(
    {
        "AndroidManifest.xml": b"<manifest/>",
        "classes.jar": b"PK",
        "jni/arm64-v8a/libLiteRt.so": elf("aarch64", api=23),
        "jni/arm64-v8a/libLiteRtClGlAccelerator.so": elf("aarch64", api=23, salt=b"gpu"),
        "jni/armeabi-v7a/libLiteRt.so": elf("arm", api=23),
        "jni/x86_64/libLiteRt.so": elf("x86_64", api=23),
    }
)

"""What macOS and Windows tell of the machine; what a system does not tell is None."""

from __future__ import annotations

import ctypes
import platform
import sys


def cpu_name() -> str | None:
    """Name of the processor."""
    if platform.system() == "Darwin":
        name = _sysctl(b"machdep.cpu.brand_string")
        return name.rstrip(b"\0").decode("utf-8", "replace") if name else None
    if sys.platform == "win32":
        import winreg

        key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as processor:
                return str(winreg.QueryValueEx(processor, "ProcessorNameString")[0]).strip()
        except OSError:
            return None
    return platform.processor() or None


def memory_bytes() -> int | None:
    """Physical memory."""
    if platform.system() == "Darwin":
        size = _sysctl(b"hw.memsize")
        return int.from_bytes(size, sys.byteorder) if size else None
    if sys.platform == "win32":
        return _windows_memory()
    return None


def _sysctl(name: bytes) -> bytes | None:
    """A value that macOS's kernel tells by name."""
    value, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
    try:
        status = ctypes.CDLL(None).sysctlbyname(name, value, ctypes.byref(size), None, ctypes.c_size_t(0))
    except (OSError, AttributeError):
        return None
    return None if status else value.raw[: size.value]


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = (("length", ctypes.c_uint32), ("load", ctypes.c_uint32), ("sizes", ctypes.c_uint64 * 7))


def _windows_memory() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    try:
        told = ctypes.CDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status))
    except (OSError, AttributeError):
        return None
    return int(status.sizes[0]) if told else None

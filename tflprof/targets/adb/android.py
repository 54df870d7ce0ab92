"""What Android's commands print, as values.

Pure functions of text: whatever is not told, or is not understood, is None or absent, and nothing raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PROPERTY = re.compile(r"^\[([^\]\n]+)\]: \[", re.MULTILINE)
_BATTERY_STATUS = {2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
_PLUGS = (
    ("AC powered", "ac"),
    ("USB powered", "usb"),
    ("Wireless powered", "wireless"),
    ("Dock powered", "dock"),
)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([KMGT]?)")
_COLDEST, _HOTTEST = -30.0, 150.0
_HEAT_TYPES = {"0": "cpu", "1": "gpu", "2": "battery", "3": "skin", "9": "npu"}


@dataclass(frozen=True)
class Battery:
    """State of the battery; None for what is not told.

    Attributes:
        level: charge, 0-100.
        status: ``charging``, ``discharging``, ``not charging`` or ``full``.
        plugged: ``ac``, ``usb``, ``wireless``, ``dock``, or ``none``.
        celsius: its temperature.
        frozen: True if someone made it report fixed values (``dumpsys battery set``).
    """

    level: float | None = None
    status: str | None = None
    plugged: str | None = None
    celsius: float | None = None
    frozen: bool = False


@dataclass(frozen=True)
class Heat:
    """What Android's thermal service tells.

    Attributes:
        status: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown; None if unknown.
        celsius: temperatures by sensor, of the kinds ``cpu``, ``gpu``, ``battery``, ``skin`` and ``npu``.
        kinds: the kind of each of these sensors.
    """

    status: int | None = None
    celsius: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Power:
    """``wakefulness``: ``awake``, ``asleep``, ``dozing`` or ``dreaming``; ``screen``: ``on``, ``off``, ``doze``."""

    wakefulness: str | None = None
    screen: str | None = None


@dataclass(frozen=True)
class Kernel:
    """The running kernel: ``Linux``, its release, the machine it was built for."""

    system: str | None = None
    release: str | None = None
    machine: str | None = None


def parse_properties(text: str) -> dict[str, str]:
    """System properties from ``getprop``; a value may have several lines."""
    found: dict[str, str] = {}
    starts = list(_PROPERTY.finditer(text))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        # What follows the value's bracket is a line that getprop did not write.
        value, bracket, _ = text[start.end() : end].rpartition("]")
        if bracket:
            found[start[1]] = value
    return found


def parse_battery(text: str) -> Battery:
    """State of the battery from ``dumpsys battery``."""
    lines = _keyed(text)
    level, scale = _integer(lines.get("level")), _integer(lines.get("scale"))
    tenths = _integer(lines.get("temperature"))
    told = [(name, lines[key] == "true") for key, name in _PLUGS if key in lines]
    plugged = next((name for name, powered in told if powered), "none") if told else None
    return Battery(
        level=_percent(level, scale),
        status=_BATTERY_STATUS.get(_integer(lines.get("status")) or 0),
        plugged=plugged,
        celsius=None if tenths is None else _plausible(tenths / 10),
        frozen="UPDATES STOPPED" in text,
    )


def parse_thermal_service(text: str) -> Heat:
    """Thermal status and temperatures from ``dumpsys thermalservice``; fresh temperatures go before cached ones."""
    status = re.search(r"^\s*Thermal Status:\s*([0-6])\s*$", text, re.MULTILINE)
    # Without a thermal HAL the status is the service's initial value and says nothing.
    ready = not re.search(r"^\s*HAL Ready:\s*false", text, re.MULTILINE)
    celsius: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for body in re.findall(r"\bTemperature\{([^{}]*)\}", text):
        fields = dict(item.strip().partition("=")[::2] for item in body.split(","))
        kind = _HEAT_TYPES.get(fields.get("mType", ""))
        value = _plausible(_real(fields.get("mValue")))
        name = fields.get("mName")
        if kind and name and value is not None:
            celsius[name], kinds[name] = value, kind
    return Heat(int(status[1]) if status and ready else None, celsius, kinds)


def parse_power(text: str) -> Power:
    """Whether the phone is awake, from ``dumpsys power``."""
    wakefulness = re.search(r"^\s*mWakefulness=(\w{1,20})\s*$", text, re.MULTILINE)
    screen = re.search(r"^\s*Display Power: state=(\w{1,20})", text, re.MULTILINE)
    return Power(
        wakefulness[1].lower() if wakefulness else None,
        screen[1].lower().split("_")[0] if screen else None,
    )


def zone_unit(text: str | None) -> int | None:
    """Unit of a thermal zone's ``temp`` file in m°C: 1, on old kernels 100 or 1000; None if it tells nothing."""
    raw = _integer(text)
    if not raw:
        return None
    size = abs(raw)
    return 1000 if size <= _HOTTEST else 100 if size < 1000 else 1


def zone_celsius(text: str | None) -> float | None:
    """Temperature of a thermal zone's ``temp`` file; None if disabled."""
    raw, unit = _integer(text), zone_unit(text)
    return _plausible(raw * unit / 1000) if raw is not None and unit is not None else None


def parse_free_bytes(text: str) -> int | None:
    """Free bytes from ``df PATH``: the columns of toybox, of busybox and of Android's old toolbox."""
    header = ""
    columns: list[str] = []
    for line in text.splitlines():
        if line.startswith("Filesystem"):
            header, columns = line, []
        elif header:
            # A long device name stands on a line of its own.
            columns += line.split()
    if "Blksize" in header:
        return _size(columns[3]) if len(columns) >= 4 else None
    block = re.search(r"\b(\d{1,6})?([KM])?-?blocks\b", header)
    free = _size(columns[3]) if len(columns) >= 4 else None
    if free is None or block is None or columns[3][-1:] in "KMGT":
        return free
    return free * int(block[1] or 1) * _UNITS[block[2] or ""]


def parse_uname(text: str) -> Kernel:
    """The kernel from ``uname -a`` or ``uname -srm``; the host's name is not kept."""
    words = text.strip().splitlines()[0].split() if text.strip() else []
    if len(words) < 3 or not re.fullmatch(r"[A-Za-z]+", words[0]):
        return Kernel()
    if len(words) == 3:
        return Kernel(*words)
    machines = [word for word in words[3:] if re.fullmatch(r"aarch64|arm\w*|x86_64|i\d86|riscv\w*", word)]
    return Kernel(words[0], words[2], machines[-1] if machines else None)


def parse_memory(text: str) -> dict[str, int]:
    """Bytes by name (``MemTotal``, ``MemAvailable``) from /proc/meminfo."""
    found = re.findall(r"^(\w{1,40}):\s*(\d{1,15}) kB\s*$", text, re.MULTILINE)
    return {name: int(kib) * 1024 for name, kib in found}


def _keyed(text: str) -> dict[str, str]:
    """Lines ``key: value``; the first of a key counts, as services repeat words in what they print below."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    return found


def _percent(level: int | None, scale: int | None) -> float | None:
    if level is None or level < 0 or (scale is not None and scale <= 0):
        return None
    share = 100 * level / (scale or 100)
    return share if share <= 100 else None


def _integer(text: str | None) -> int | None:
    match = re.fullmatch(r"\s*(-?\d{1,12})\s*", text or "", re.ASCII)
    return int(match[1]) if match else None


def _real(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _plausible(celsius: float | None) -> float | None:
    if celsius is None or not math.isfinite(celsius) or celsius == 0:
        return None
    return float(celsius) if _COLDEST < celsius <= _HOTTEST else None


def _size(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]]) if match else None

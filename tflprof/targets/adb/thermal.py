"""A phone's thermal zones: which of them tell how warm its cores are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tflprof.targets.adb.android import zone_celsius, zone_unit

MAX_PATHS = 16
_ZONE = re.compile(r"sys/class/thermal/thermal_zone(\d{1,4})/type")
# Makers' words for cores and the chip around them; Qualcomm's plain `soc` is the battery's state of charge.
_CORES = re.compile(
    r"cpu|soc.?therm|therm.*soc|^(?:big|mid|little|prime)$|^(?:big|mid|little).?|apollo|atlas|gold|silver|kryo"
    r"|^tsens|cluster|exynos|mtktsap$|^ap$|apc?.?therm|core.?therm|x86_pkg_temp|package.?thermal"
)
_OTHERS = re.compile(
    r"gpu|batt|cdsp|adsp|npu|isp|modem|mdm|camera|video|ddr|pmic|^pm\d|charg|usb|skin|limit|bcl|xo|pa.?therm"
)
# The same sensor again, under the name of a policy.
_AGAIN = re.compile(r"[-_](?:step|lowf|lowc|uclamp|monitor|test)$")


@dataclass(frozen=True)
class Zone:
    """One thermal zone.

    Attributes:
        number: of thermal_zoneN.
        type: its name by its driver.
        celsius: None if it is disabled or tells nonsense.
        path: of its temperature's file.
        unit: of its file's numbers, in thousandths of a degree; None if it tells nothing.
        cores: True if its name speaks of CPU cores or their chip.
    """

    number: int
    type: str
    celsius: float | None
    path: str
    unit: int | None
    cores: bool


def zones_of(files: Mapping[str, str]) -> list[Zone]:
    """The zones in a dump's files, by number."""
    found = []
    for name, text in files.items():
        match = _ZONE.fullmatch(name)
        if match:
            base = f"sys/class/thermal/thermal_zone{match[1]}"
            raw = files.get(f"{base}/temp", "").strip()
            kind = text.strip()
            unit = zone_unit(raw)
            enabled = files.get(f"{base}/mode", "enabled").strip() != "disabled"
            # `disabled` is about the kernel's own cooling: the sensor may well be read.
            celsius = zone_celsius(raw) if enabled or unit == 1 else None
            found.append(Zone(int(match[1]), kind, celsius, f"/{base}/temp", unit, _is_of_cores(kind)))
    return sorted(found, key=lambda zone: zone.number)


def runner_zones(zones: list[Zone]) -> tuple[str, ...]:
    """At most 16 zones of cores for the runner to read around each block, as its option `thermal` has them."""
    usable = [zone for zone in zones if zone.cores and zone.celsius is not None]
    first = [zone for zone in usable if not _AGAIN.search(zone.type.lower())]
    return tuple(
        zone.path if zone.unit == 1 else f"{zone.path}*{zone.unit}" for zone in (first or usable)[:MAX_PATHS]
    )


def hottest_celsius(zones: list[Zone]) -> float | None:
    """Temperature of the hottest zone of the cores, None if none tells."""
    return max((zone.celsius for zone in zones if zone.cores and zone.celsius is not None), default=None)


def _is_of_cores(kind: str) -> bool:
    name = kind.lower()
    return bool(_CORES.search(name)) and not _OTHERS.search(name) and name != "soc"

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.targets.adb.android import (
    Battery,
    Heat,
    Kernel,
    Power,
    parse_battery,
    parse_free_bytes,
    parse_memory,
    parse_power,
    parse_properties,
    parse_thermal_service,
    parse_uname,
    zone_celsius,
)

BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  health: 2
  present: true
  level: 87
  scale: 100
  voltage: 4400
  temperature: 253
  technology: Li-ion
"""

THERMAL = """IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=31.0, mType=3, mName=skin, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=41.5, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=33.25, mType=3, mName=skin, mStatus=2}
\tTemperature{mValue=100.0, mType=8, mName=soc, mStatus=0}
\tTemperature{mValue=NaN, mType=0, mName=CPU1, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=cpu-cdev}
"""


def test_properties() -> None:
    text = "[ro.product.model]: [Pixel 2]\n[a.b]: []\n[lines]: [one\ntwo]\n[brackets]: [[x]: [y]]\nnoise\n"
    assert parse_properties(text) == {
        "ro.product.model": "Pixel 2",
        "a.b": "",
        "lines": "one\ntwo",
        "brackets": "[x]: [y]",
    }


def test_a_property_cut_short_is_absent() -> None:
    assert parse_properties("[a]: [1]\n[b]: [hal") == {"a": "1"}


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9._-]{0,20}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="[]\r"), max_size=30),
        max_size=8,
    )
)
def test_properties_come_back(properties: dict[str, str]) -> None:
    text = "".join(f"[{name}]: [{value}]\n" for name, value in properties.items())
    assert parse_properties(text) == properties


def test_battery() -> None:
    assert parse_battery(BATTERY) == Battery(87.0, "charging", "usb", 25.3)


@pytest.mark.parametrize(
    ("text", "battery"),
    [
        ("", Battery()),
        ("Can't find service: battery\n", Battery()),
        ("  level: 50\n  scale: 200\n", Battery(25.0)),
        ("  level: 50\n  scale: 0\n", Battery()),
        ("  level: -1\n", Battery()),
        ("  AC powered: false\n  USB powered: false\n", Battery(plugged="none")),
        ("  AC powered: false\n  Dock powered: true\n", Battery(plugged="dock")),
        ("  temperature: -2732\n  status: 9\n", Battery()),
        ("  (UPDATES STOPPED -- use 'reset' to restart)\n  level: 7\n", Battery(7.0, frozen=True)),
    ],
)
def test_batteries_that_tell_less(text: str, battery: Battery) -> None:
    assert parse_battery(text) == battery


def test_thermal_service() -> None:
    heat = parse_thermal_service(THERMAL)
    assert heat.status == 2
    assert heat.celsius == {"CPU0": 41.5, "skin": 33.25}
    assert heat.kinds == {"CPU0": "cpu", "skin": "skin"}


@pytest.mark.parametrize(
    "text",
    [
        "Can't find service: thermalservice\n",
        "IsStatusOverride: false\nThermal Status: 0\nCached temperatures:\nHAL Ready: false\n",
        "Thermal Status: 99\n",
        "",
    ],
)
def test_a_thermal_service_that_knows_nothing(text: str) -> None:
    assert parse_thermal_service(text) == Heat()


def test_power() -> None:
    text = "Power State:\n  mWakefulness=Dozing\n  mWakefulnessChanging=false\nDisplay Power: state=DOZE_SUSPEND\n"
    assert parse_power(text) == Power("dozing", "doze")
    assert parse_power("  mWakefulness=Awake\nDisplay Power: state=ON\n") == Power("awake", "on")
    assert parse_power("Can't find service: power") == Power()


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        ("45123\n", 45.123),
        ("33\n", 33.0),
        ("312\n", 31.2),
        ("-5000", -5.0),
        ("-40000\n", None),
        ("-274000", None),
        ("-127\n", None),
        ("2147483647", None),
        ("0\n", None),
        ("", None),
        ("disabled", None),
        (None, None),
    ],
)
def test_thermal_zones(text: str | None, celsius: float | None) -> None:
    assert zone_celsius(text) == celsius


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (
            "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
            "/dev/block/dm-0  53843580 9012345  44831235  17% /data\n",
            44831235 * 1024,
        ),
        (
            "Filesystem           1K-blocks      Used Available Use% Mounted on\n"
            "/dev/block/platform/soc/1da4000.ufshc/by-name/userdata\n"
            "                      53843580   9012345  44831235  17% /data\n",
            44831235 * 1024,
        ),
        (
            "Filesystem               Size     Used     Free   Blksize\n"
            "/data                   12.1G     3.4G     8.7G   4096\n",
            int(8.7 * 2**30),
        ),
        ("Filesystem      Size  Used Avail Use% Mounted on\n/dev/root  29G  5.5G   22G  21% /\n", 22 * 2**30),
        ("Filesystem 512-blocks Used Available\n/dev/x 100 40 60 40% /\n", 60 * 512),
        ("df: /data: No such file or directory\n", None),
        ("Filesystem 1K-blocks Used Available Use% Mounted on\n", None),
        ("", None),
    ],
)
def test_free_bytes(text: str, free: int | None) -> None:
    assert parse_free_bytes(text) == free


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        (
            "Linux localhost 4.4.88-g7cb 1 SMP PREEMPT Tue Jan 1 00:00:00 UTC 2019 aarch64\n",
            Kernel("Linux", "4.4.88-g7cb", "aarch64"),
        ),
        ("Linux 4.4.88-g7cb aarch64\n", Kernel("Linux", "4.4.88-g7cb", "aarch64")),
        (
            "Linux board 6.1.0-rpi7-rpi-v8 #1 SMP PREEMPT Debian aarch64 GNU/Linux",
            Kernel("Linux", "6.1.0-rpi7-rpi-v8", "aarch64"),
        ),
        ("uname: not found", Kernel()),
        ("/system/bin/sh: uname: not found", Kernel()),
        ("", Kernel()),
    ],
)
def test_uname(text: str, kernel: Kernel) -> None:
    assert parse_uname(text) == kernel


def test_memory() -> None:
    assert parse_memory("MemTotal:  1000 kB\nMemAvailable: 10 kB\nHugePages_Total: 0\n") == {
        "MemTotal": 1_024_000,
        "MemAvailable": 10_240,
    }


PARSERS: list[Callable[[str], object]] = [
    parse_battery,
    parse_free_bytes,
    parse_memory,
    parse_power,
    parse_properties,
    parse_thermal_service,
    parse_uname,
    zone_celsius,
]
WORDS = st.sampled_from(
    [
        BATTERY,
        THERMAL,
        "Filesystem",
        "1K-blocks",
        "Blksize",
        "mWakefulness=",
        "level: ",
        "9" * 5000,
        "inf",
        "\n",
    ]
)


@pytest.mark.parametrize("parser", PARSERS)
@given(parts=st.lists(st.one_of(st.text(max_size=40), WORDS), max_size=12))
def test_garbage_is_survived(parser: Callable[[str], object], parts: list[str]) -> None:
    parser(" ".join(parts))

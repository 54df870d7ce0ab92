"""Devices of many shapes, as their dumps tell (tests/data/phones), and what must be made of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import TargetError
from tflprof.facts import DeviceFacts
from tflprof.targets.adb.facts import Inspection, inspect, state_of
from tflprof.targets.adb.probe import Dump, parse_dump
from tflprof.targets.cores import core_groups
from tflprof.units import format_cpus

PHONES = Path(__file__).resolve().parents[3] / "data" / "phones"


@dataclass(frozen=True)
class Shape:
    """What a dump is expected to tell; ``kinds`` are CPUs and core by name of the kind."""

    name: str
    os: str
    abi: str
    soc: str | None
    kinds: dict[str, tuple[str, str | None]]
    zones: int
    big: int | None = None
    offline: str = ""
    allowed: str = ""


SHAPES = {
    "pixel2": Shape(
        "Pixel 2",
        "Android 11 (API 30)",
        "arm64-v8a",
        "Qualcomm Technologies, Inc MSM8998",
        {"little": ("0-3", "Kryo 2xx Silver (Cortex-A53)"), "big": ("4-7", "Kryo 2xx Gold (Cortex-A73)")},
        zones=3,
    ),
    "kirin970": Shape(
        "HUAWEI ALP-L29",
        "Android 9 (API 28)",
        "arm64-v8a",
        "kirin970",
        {"little": ("0-3", "Cortex-A53"), "big": ("4-7", "Cortex-A73")},
        zones=3,
    ),
    "pixel4": Shape(
        "Pixel 4",
        "Android 13 (API 33)",
        "arm64-v8a",
        "Qualcomm SM8150",
        {
            "little": ("0-3", "Kryo 4xx Silver (Cortex-A55)"),
            "mid": ("4-6", "Kryo 4xx Gold (Cortex-A76)"),
            "big": ("7", "Kryo 4xx Gold (Cortex-A76)"),
        },
        zones=4,
    ),
    "pixel6": Shape(
        "Pixel 6",
        "Android 14 (API 34)",
        "arm64-v8a",
        "Google Tensor",
        {"little": ("0-3", "Cortex-A55"), "mid": ("4-5", "Cortex-A76"), "big": ("6-7", "Cortex-X1")},
        zones=4,
    ),
    "pixel3a": Shape(
        "Pixel 3a",
        "Android 12 (API 31)",
        "arm64-v8a",
        "QTI SDM670",
        {"little": ("0-5", "Kryo 3xx Silver (Cortex-A55)"), "big": ("6-7", "Kryo 3xx Gold (Cortex-A75)")},
        zones=3,
    ),
    "pixel": Shape(
        "Pixel",
        "Android 10 (API 29)",
        "arm64-v8a",
        "Qualcomm Technologies, Inc MSM8996pro",
        {"little": ("0-1", "Kryo Silver"), "big": ("2-3", "Kryo Gold")},
        zones=1,
    ),
    "sd625": Shape(
        "motorola Moto G (5) Plus",
        "Android 8.1.0 (API 27)",
        "arm64-v8a",
        "Qualcomm Technologies, Inc MSM8953",
        {"little": ("0-7", "Cortex-A53"), "big": ("0-7", "Cortex-A53")},
        zones=1,
    ),
    "helio_x20": Shape(
        "Xiaomi Redmi Note 4",
        "Android 7.0 (API 24)",
        "arm64-v8a",
        "MT6797",
        {"little": ("0-3", "Cortex-A53"), "mid": ("4-7", "Cortex-A53"), "big": ("8-9", "Cortex-A72")},
        zones=2,
    ),
    "helio_x20_idle": Shape(
        "Xiaomi Redmi Note 4",
        "Android 7.0 (API 24)",
        "arm64-v8a",
        "MT6797",
        {"little": ("0-3", "Cortex-A53"), "big": ("4-7", "Cortex-A53")},
        zones=1,
        big=4,
        offline="5-9",
        allowed="0-4",
    ),
    "sd8gen2": Shape(
        "samsung SM-S911B",
        "Android 14 (API 34)",
        "arm64-v8a",
        "QTI SM8550",
        {"little": ("0-2", "Cortex-A510"), "mid": ("3-6", "Cortex-A710"), "big": ("7", "Cortex-X3")},
        zones=16,
    ),
    "no_cpufreq": Shape(
        "Acme Tablet",
        "Android 12 (API 31)",
        "arm64-v8a",
        "mt8188",
        {"little": ("0-5", "Cortex-A55"), "big": ("6-7", "Cortex-A78")},
        zones=0,
    ),
    "nexus6p_offline": Shape(
        "Huawei Nexus 6P",
        "Android 8.1.0 (API 27)",
        "arm64-v8a",
        "Qualcomm Technologies, Inc MSM8994",
        {"little": ("0-3", None), "big": ("4-7", None)},
        zones=2,
        big=5,
        offline="6-7",
        allowed="0-5",
    ),
    "denied": Shape(
        "Acme Locked",
        "Android 13 (API 33)",
        "arm64-v8a",
        "exynos7885",
        {"little": ("0-3", "Cortex-A53"), "big": ("4-7", "Cortex-A73")},
        zones=0,
        allowed="4-7",
    ),
    "nexus5": Shape(
        "LGE Nexus 5",
        "Android 7.1.2 (API 25)",
        "armeabi-v7a",
        "Qualcomm MSM 8974 HAMMERHEAD (Flattened Device Tree)",
        {"little": ("0-3", "Krait"), "big": ("0-3", "Krait")},
        zones=2,
    ),
    "go_32bit": Shape(
        "HMD Global Nokia 1",
        "Android 10 (API 29)",
        "armeabi-v7a",
        "MT6739WW",
        {"little": ("0-3", "Cortex-A53"), "big": ("0-3", "Cortex-A53")},
        zones=1,
    ),
    "pixel3_rooted": Shape(
        "Pixel 3",
        "Android 12 (API 32)",
        "arm64-v8a",
        "QTI SDM845",
        {"little": ("0-3", "Kryo 3xx Silver (Cortex-A55)"), "big": ("4-7", "Kryo 3xx Gold (Cortex-A75)")},
        zones=2,
    ),
    "emulator_arm64": Shape(
        "sdk_gphone64_arm64",
        "Android 14 (API 34)",
        "arm64-v8a",
        "ranchu",
        {"little": ("0-3", None), "big": ("0-3", None)},
        zones=0,
    ),
    "emulator_x86": Shape(
        "Android SDK built for x86_64",
        "Android 11 (API 30)",
        "x86_64",
        "goldfish_x86_64",
        {"little": ("0-3", "Android virtual processor"), "big": ("0-3", "Android virtual processor")},
        zones=0,
    ),
    "rpi4": Shape(
        "Raspberry Pi 4 Model B Rev 1.5",
        "Debian GNU/Linux 12 (bookworm)",
        "linux-aarch64",
        None,
        {"little": ("0-3", "Cortex-A72"), "big": ("0-3", "Cortex-A72")},
        zones=1,
    ),
    "rpi3_32bit": Shape(
        "Raspberry Pi 3 Model B Rev 1.2",
        "Raspbian GNU/Linux 12 (bookworm)",
        "linux-armv7",
        "BCM2835",
        {"little": ("0-3", "Cortex-A53"), "big": ("0-3", "Cortex-A53")},
        zones=1,
        big=2,
        allowed="0-2",
    ),
}


def dump(name: str) -> Dump:
    return parse_dump((PHONES / f"{name}.json").read_bytes())


def kinds(found: Inspection) -> dict[str, tuple[str, str | None]]:
    parts = {cpu.index: cpu.part for cpu in found.facts.cpus}
    groups = core_groups(found.facts.cpus)
    if "prime" in groups:
        assert groups.pop("prime") == groups["big"]
    return {name: (format_cpus(cpus), parts[max(cpus)]) for name, cpus in groups.items()}


def test_every_dump_is_expected_to_tell_something() -> None:
    assert {path.stem for path in PHONES.glob("*.json")} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_facts(name: str) -> None:
    found, shape = inspect(dump(name)), SHAPES[name]
    facts = found.facts
    assert (facts.name, facts.os, facts.abi, facts.soc) == (shape.name, shape.os, shape.abi, shape.soc)
    assert facts.kind == "adb"
    assert kinds(found) == shape.kinds
    everyone = format_cpus({cpu.index for cpu in facts.cpus} | found.offline)
    assert format_cpus(found.offline) == shape.offline
    assert format_cpus(found.allowed) == (shape.allowed or everyone)
    assert len(found.thermal) == shape.zones
    assert found.emulator is name.startswith("emulator")
    assert DeviceFacts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize("name", SHAPES)
def test_the_big_core_is_the_last_of_the_fastest(name: str) -> None:
    found, shape = inspect(dump(name)), SHAPES[name]
    last = int(shape.kinds["big"][0].split("-")[-1])
    assert found.cpus_for(None, 1) == (last if shape.big is None else shape.big,)
    assert found.cpus_for(None, 1) == found.cpus_for("big", 1)


def test_little_cores_of_a_kind_that_may_not_be_used_are_refused() -> None:
    with pytest.raises(TargetError) as caught:
        inspect(dump("denied")).cpus_for("little", 1)
    assert caught.value.what == (
        "there is no core 'little' that may be used: CPU 0-3 is not allowed to this process"
    )


@pytest.mark.parametrize(
    ("core", "threads", "message"),
    [
        ("6", 1, "there is no core '6' that may be used: CPU 6 is offline"),
        ("0xf0", 2, "there is no core '0xf0' that may be used: CPU 6-7 is offline"),
        ("big", 3, "core 'big' has 2 CPU(s), but 3 threads are asked for: CPU 6-7 is offline"),
        ("4-5", 3, "core '4-5' has 2 CPU(s), but 3 threads are asked for"),
    ],
)
def test_offline_cores_are_refused(core: str, threads: int, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        inspect(dump("nexus6p_offline")).cpus_for(core, threads)
    assert caught.value.what == message


def test_cores_of_unknown_kind_are_told() -> None:
    assert inspect(dump("helio_x20_idle")).facts.details["cpus_of_unknown_kind"] == "8-9"
    assert "cpus_of_unknown_kind" not in inspect(dump("helio_x20")).facts.details


def test_details_are_of_the_kind_of_phone() -> None:
    assert inspect(dump("pixel4")).facts.details == {
        "product": "flame",
        "build_fingerprint": "google/flame/flame:13/TP1A.221005.002.B2/9382335:user/release-keys",
        "kernel": "4.14.276-g8ae7b4ca8564",
    }
    assert inspect(dump("emulator_x86")).facts.details["android_emulator"] is True


def test_frequencies_and_capacities() -> None:
    cpus = inspect(dump("pixel4")).facts.cpus
    assert [cpu.max_khz for cpu in cpus] == [1785600] * 4 + [2419200] * 3 + [2841600]
    assert [cpu.capacity for cpu in cpus] == [391] * 4 + [872] * 3 + [1024]
    assert inspect(dump("denied")).facts.cpus[0].max_khz is None


def test_what_is_needed_to_choose_programs() -> None:
    assert inspect(dump("pixel4")).abis == ("arm64-v8a", "armeabi-v7a", "armeabi")
    assert inspect(dump("pixel4")).api_level == 33
    assert inspect(dump("pixel4")).perf_paranoid == 3
    assert inspect(dump("rpi4")).abis == ()
    assert inspect(dump("rpi4")).api_level is None
    assert inspect(dump("denied")).perf_paranoid is None


def test_state() -> None:
    assert state_of(dump("pixel6")).to_json() == {
        "battery": {"level": 100.0, "plugged": "usb", "status": "charging", "celsius": 30.5},
        "thermal_status": 1,
        "celsius": 47.0,
        "screen": "on",
        "online": [0, 1, 2, 3, 4, 5, 6, 7],
    }
    assert state_of(dump("pixel")).screen == "off"
    assert state_of(dump("pixel")).heat.status is None
    assert state_of(dump("pixel")).battery.plugged == "none"


def test_the_battery_charge_is_no_temperature() -> None:
    """Qualcomm's zone `soc` is the state of charge."""
    assert state_of(dump("pixel4")).cores_celsius == 41.9
    assert "/sys/class/thermal/thermal_zone1/temp" not in inspect(dump("pixel4")).thermal


def test_one_sensor_is_read_once() -> None:
    zones = inspect(dump("pixel4")).thermal
    assert zones == tuple(f"/sys/class/thermal/thermal_zone{number}/temp" for number in (2, 3, 4, 5))


@pytest.mark.parametrize(
    ("name", "zones"),
    [
        ("pixel2", [f"/sys/class/thermal/thermal_zone{number}/temp*100" for number in (2, 3, 4)]),
        ("nexus5", [f"/sys/class/thermal/thermal_zone{number}/temp*1000" for number in (0, 1)]),
    ],
)
def test_zones_that_speak_in_coarser_units(name: str, zones: list[str]) -> None:
    assert inspect(dump(name)).thermal == tuple(zones)


def test_the_service_knows_the_heat_of_cores_whose_zones_are_hidden() -> None:
    whole = dump("pixel4")
    hidden = {name: text for name, text in whole.files.items() if "thermal" not in name}
    assert state_of(replace(whole, files=hidden)).cores_celsius == 36.1


@given(data=st.data())
def test_a_device_that_tells_less_or_nonsense_is_survived(data: st.DataObject) -> None:
    whole = dump(data.draw(st.sampled_from(sorted(SHAPES))))
    nonsense = st.text(max_size=20) | st.sampled_from(["0-7", "-1", "9" * 30, "0x", "\0", "0-4095", "7-0"])
    files = dict(whole.files)
    for name in data.draw(st.lists(st.sampled_from(sorted(files)), max_size=12)):
        files[name] = data.draw(nonsense)
    for name in data.draw(st.lists(st.sampled_from(sorted(files)), max_size=12)):
        files.pop(name, None)
    broken = replace(whole, files=files)
    found = inspect(broken)
    assert found.facts.cpus
    assert state_of(broken).to_json()
    with suppress(TargetError):
        assert set(found.cpus_for("big", 1)) <= found.allowed

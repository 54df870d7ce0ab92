"""What a dump says about a phone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tflprof.facts import DeviceFacts
from tflprof.targets.adb.android import (
    Battery,
    Heat,
    parse_battery,
    parse_power,
    parse_properties,
    parse_thermal_service,
    parse_uname,
)
from tflprof.targets.adb.probe import Dump
from tflprof.targets.adb.thermal import hottest_celsius, runner_zones, zones_of
from tflprof.targets.cores import choose_cpus
from tflprof.targets.probe import parse_cpu_list, parse_probe
from tflprof.units import format_cpus

_ABIS = {"aarch64": "linux-aarch64", "x86_64": "linux-x86_64"}
_VIRTUAL_HARDWARE = ("goldfish", "ranchu", "cutf_cvm", "vbox86")


@dataclass(frozen=True)
class Inspection:
    """What is known of a phone before anything runs on it.

    Attributes:
        facts: for the profile; nothing in them tells one phone from another of its kind.
        allowed: numbers of the CPUs that are online and that our programs may use.
        offline: numbers of those that are switched off now.
        thermal: files with temperatures of its cores, with their units, as the runner takes them.
        abis: instruction sets by preference, as Android names them; empty off Android.
        api_level: of Android, None off Android.
        perf_paranoid: who may count cycles (``perf_event_paranoid``), None if unknown.
        emulator: True for Android's emulator.
    """

    facts: DeviceFacts
    allowed: frozenset[int]
    offline: frozenset[int]
    thermal: tuple[str, ...]
    abis: tuple[str, ...]
    api_level: int | None
    perf_paranoid: int | None
    emulator: bool

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...]:
        """CPUs of a core choice, the big core without one. Raises TargetError or UsageError."""
        return choose_cpus(self.facts.cpus, self.allowed, core or "big", threads, self.offline)


@dataclass(frozen=True)
class State:
    """What changes on a phone from minute to minute; ``cores_celsius`` is of the hottest of its cores."""

    battery: Battery
    heat: Heat
    cores_celsius: float | None
    screen: str | None
    online: tuple[int, ...]

    def to_json(self) -> dict[str, object]:
        """For a profile's conditions."""
        return {
            "battery": {
                "level": self.battery.level,
                "plugged": self.battery.plugged,
                "status": self.battery.status,
                "celsius": self.battery.celsius,
            },
            "thermal_status": self.heat.status,
            "celsius": self.cores_celsius,
            "screen": self.screen,
            "online": list(self.online),
        }


def inspect(dump: Dump) -> Inspection:
    """What a dump tells; unknown is None or empty."""
    properties = parse_properties(dump.commands.get("getprop", ""))
    probe = parse_probe(dump.files)
    online = {cpu.index for cpu in probe.cpus}
    offline = frozenset({cpu.index for cpu in probe.offline} | set(probe.unknown))
    status = dump.files.get("proc/self/status", "")
    allowed = re.search(r"^Cpus_allowed_list:\s*([0-9,-]+)\s*$", status, re.MULTILINE)
    emulator = _is_emulator(properties)
    details: dict[str, object] = {
        "product": properties.get("ro.product.name"),
        "build_fingerprint": properties.get("ro.build.fingerprint"),
        "kernel": parse_uname(dump.commands.get("uname", "")).release,
        # They may be the fastest there are: what `big` means depends on them.
        "cpus_of_unknown_kind": format_cpus(probe.unknown),
        "android_emulator": emulator,
    }
    return Inspection(
        facts=DeviceFacts(
            name=_name(properties, probe.model),
            kind="adb",
            os=_system(properties, dump),
            abi=_abi(properties, dump),
            soc=_soc(properties, dump, probe.model),
            cpus=tuple(sorted((*probe.cpus, *probe.offline), key=lambda cpu: cpu.index)),
            memory_bytes=probe.memory_bytes,
            details={name: value for name, value in details.items() if value},
        ),
        allowed=frozenset(online & set(parse_cpu_list(allowed[1])) if allowed else online),
        offline=offline,
        thermal=runner_zones(zones_of(dump.files)),
        abis=_abis(properties),
        api_level=_integer(properties.get("ro.build.version.sdk")),
        perf_paranoid=_integer(dump.files.get("proc/sys/kernel/perf_event_paranoid")),
        emulator=emulator,
    )


def facts_of(dump: Dump) -> DeviceFacts:
    """The facts alone."""
    return inspect(dump).facts


def state_of(dump: Dump) -> State:
    """The state that a dump tells; unknown is None."""
    heat = parse_thermal_service(dump.commands.get("thermalservice", ""))
    told = [celsius for name, celsius in heat.celsius.items() if heat.kinds[name] == "cpu"]
    hottest = hottest_celsius(zones_of(dump.files))
    return State(
        battery=parse_battery(dump.commands.get("battery", "")),
        heat=heat,
        # Some phones hide the zones from the shell, not the service.
        cores_celsius=max(told, default=None) if hottest is None else hottest,
        screen=parse_power(dump.commands.get("power", "")).screen,
        online=tuple(parse_cpu_list(dump.files.get("sys/devices/system/cpu/online", ""))),
    )


def _name(properties: Mapping[str, str], board: str | None) -> str:
    model, maker = properties.get("ro.product.model", ""), properties.get("ro.product.manufacturer", "")
    if not model:
        return board or "unknown device"
    known = maker.lower() in ("", "google", "unknown") or model.lower().startswith(maker.lower())
    return model if known else f"{maker} {model}"


def _soc(properties: Mapping[str, str], dump: Dump, board: str | None) -> str | None:
    maker, model = properties.get("ro.soc.manufacturer", ""), properties.get("ro.soc.model", "")
    if model:
        return f"{maker} {model}".strip()
    hardware = re.search(r"^Hardware\s*:\s*(.+)$", dump.files.get("proc/cpuinfo", ""), re.MULTILINE)
    names = (
        properties.get("ro.hardware.chipname"),
        hardware[1].strip() if hardware else None,
        dump.files.get("sys/devices/soc0/machine", "").strip(),
        properties.get("ro.board.platform"),
        properties.get("ro.hardware"),
    )
    # A board's own name may come from the same line.
    return next((name for name in names if name and (properties or name != board)), None)


def _system(properties: Mapping[str, str], dump: Dump) -> str:
    release, level = properties.get("ro.build.version.release"), properties.get("ro.build.version.sdk")
    if release:
        return f"Android {release} (API {level})" if level else f"Android {release}"
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', dump.files.get("etc/os-release", ""), re.MULTILINE)
    kernel = parse_uname(dump.commands.get("uname", ""))
    return pretty[1] if pretty else f"{kernel.system or 'Linux'} {kernel.release or ''}".strip()


def _abis(properties: Mapping[str, str]) -> tuple[str, ...]:
    listed = properties.get("ro.product.cpu.abilist") or properties.get("ro.product.cpu.abi") or ""
    return tuple(abi.strip() for abi in listed.split(",") if abi.strip())


def _abi(properties: Mapping[str, str], dump: Dump) -> str:
    abis = _abis(properties)
    if abis:
        return abis[0]
    machine = parse_uname(dump.commands.get("uname", "")).machine or ""
    # A 64-bit kernel may carry 32-bit programs only.
    if machine.startswith("arm") or (machine == "aarch64" and _has_only_32_bit(dump)):
        return "linux-armv7"
    return _ABIS.get(machine, f"linux-{machine or 'unknown'}")


def _has_only_32_bit(dump: Dump) -> bool:
    return "lib/ld-linux-armhf.so.3" in dump.loaders and "lib/ld-linux-aarch64.so.1" not in dump.loaders


def _is_emulator(properties: Mapping[str, str]) -> bool:
    if "1" in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu")):
        return True
    return properties.get("ro.hardware", "") in _VIRTUAL_HARDWARE


def _integer(text: str | None) -> int | None:
    match = re.fullmatch(r"\s*(-?[0-9]{1,9})\s*", text or "")
    return int(match[1]) if match else None

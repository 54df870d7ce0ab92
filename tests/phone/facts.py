"""The phone's facts as files: topology, properties and services. Tests change them while programs read them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.phone.cpus import CpuState, cpu_list
from tests.phone.models import SDK_LEVELS, Identity
from tflprof.targets.guest_root import phone_files
from tflprof.targets.phone import Cluster, Phone

CPU_DIRECTORY = "sys/devices/system/cpu"
ROOM_CELSIUS = 31.0
SKIN_SENSOR, BATTERY_SENSOR = "skin", "battery"
# Linux gives 1024 to the fastest core; what a little core does per clock is about 0.6 of a big one's.
FULL_CAPACITY, LITTLE_WORK = 1024, 0.6
GOVERNORS = "performance powersave userspace schedutil"
THERMAL_TYPES = {"cpu": 0, "gpu": 1, BATTERY_SENSOR: 2, SKIN_SENSOR: 3}


@dataclass(frozen=True)
class Battery:
    """Charge in percent, source of power (``usb``, ``ac``, ``wireless`` or None), temperature."""

    level: int = 87
    plugged: str | None = "usb"
    celsius: float = 27.0


class Facts:
    """What the phone tells of itself.

    Args:
        root: its file tree.
        phone: its cores.
        identity: what it calls itself.
        android: its Android version.
    """

    def __init__(self, root: Path, phone: Phone, identity: Identity, android: int) -> None:
        self._root = root
        self._phone = phone
        self._identity = identity
        self._android = android
        self.cpus = CpuState(root / "phone/cpus", len(phone.cpus))
        self.battery = Battery()
        self.thermal_status = 0
        self.celsius = ROOM_CELSIUS

    # From the start

    def write_lasting(self) -> None:
        """What survives a reboot: the settings."""
        for space in ("global", "system", "secure"):
            directory = self._root / "phone/settings" / space
            directory.mkdir(parents=True)
            directory.chmod(0o777)
        self.set_setting("global", "stay_on_while_plugged_in", "0")
        self.set_setting("system", "screen_off_timeout", "30000")
        self._state("log", "")
        self._state("dexopt", "enabled\n")

    def write_boot(self) -> None:
        """What a boot makes anew: the kernel's files, the properties, the services' state."""
        shutil.rmtree(self._root / CPU_DIRECTORY, ignore_errors=True)
        shutil.rmtree(self._root / "sys/class", ignore_errors=True)
        for policy in self._phone.clusters:
            self._write_policy(policy)
        for name, text in phone_files(self._phone):
            if name.startswith("sys/"):
                self._write(name, text)
            elif name == "proc/cpuinfo":
                self._state(name, text, 0o444)
        for cluster in self._phone.clusters:
            for cpu in cluster.cpus:
                self._write(f"{CPU_DIRECTORY}/cpu{cpu}/cpu_capacity", f"{self._capacity(cluster)}\n")
        for number, name in enumerate(self.sensors):
            self._write(f"sys/class/thermal/thermal_zone{number}/type", f"{name}\n")
        for name, text in (("wake_lock", ""), ("wake_unlock", "")):
            self._write(f"sys/power/{name}", text)
        self._write_proc()
        self._state("android", f"{self._android}\n")
        self._state("wakefulness", "Awake\n")
        lines = (f"{name}={value}\n" for name, value in sorted(self.properties().items()))
        self._state("properties", "".join(lines))
        self.cpus.online = set(self.cpus.possible)
        self.cpus.write()
        self.set_battery()
        self.set_temperature(ROOM_CELSIUS)

    def _write_policy(self, cluster: Cluster) -> None:
        """The clock of a cluster, as every one of its CPUs shows it."""
        policy = f"policy{cluster.cpus[0]}"
        steps = sorted({cluster.min_khz, (cluster.min_khz + cluster.max_khz) // 2, cluster.max_khz})
        for name, text in (
            ("scaling_governor", "schedutil"),
            ("scaling_available_governors", GOVERNORS),
            ("scaling_available_frequencies", " ".join(map(str, steps))),
            ("scaling_setspeed", "<unsupported>"),
            ("cpuinfo_cur_freq", str(cluster.max_khz)),
        ):
            self._write(f"{CPU_DIRECTORY}/cpufreq/{policy}/{name}", f"{text}\n")
        for cpu in cluster.cpus:
            self._link_policy(cpu, cluster)

    def _link_policy(self, cpu: int, cluster: Cluster) -> None:
        link = self._root / CPU_DIRECTORY / f"cpu{cpu}" / "cpufreq"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../cpufreq/policy{cluster.cpus[0]}")

    def _capacity(self, cluster: Cluster) -> int:
        fastest = self._phone.clusters[-1]
        work = 1.0 if cluster is fastest else LITTLE_WORK
        return round(FULL_CAPACITY * work * cluster.max_khz / fastest.max_khz)

    def _write_proc(self) -> None:
        total = self._phone.memory_mib * 1024
        sizes = {"MemTotal": total, "MemFree": total // 4, "MemAvailable": total // 2, "Cached": total // 5}
        self._state(
            "proc/meminfo", "".join(f"{name + ':':<16}{kib:8} kB\n" for name, kib in sizes.items()), 0o444
        )
        kernel = f"Linux version {self._identity.kernel} (android-build@localhost) #1 SMP PREEMPT\n"
        self._state("proc/version", kernel, 0o444)
        self._state("proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n", 0o444)
        self._state("proc/sys/kernel/perf_event_paranoid", "3\n")

    def properties(self) -> dict[str, str]:
        """System properties by name."""
        return self._identity.properties(self._android, SDK_LEVELS[self._android])

    def banner(self) -> str:
        """What the daemon tells the server at once."""
        device = self._identity.device
        return f"ro.product.name={device};ro.product.model={self._identity.model};ro.product.device={device}"

    def environment(self, rooted: bool) -> dict[str, str]:
        """Variables of every program on the phone."""
        return {
            "PATH": "/product/bin:/apex/com.android.runtime/bin:/system/bin:/system/xbin:/vendor/bin",
            "HOME": "/",
            "TMPDIR": "/data/local/tmp",
            "SHELL": "/system/bin/sh",
            "USER": "root" if rooted else "shell",
            "LOGNAME": "root" if rooted else "shell",
            "HOSTNAME": self._identity.device,
            "ANDROID_ROOT": "/system",
            "ANDROID_DATA": "/data",
            # How the emulator is told what it is.
            "QEMU_CPU": self._phone.emulated_cpu,
            "QEMU_UNAME": self._identity.kernel,
        }

    # Later

    @property
    def sensors(self) -> tuple[str, ...]:
        """Types of its thermal zones, by number."""
        cores = tuple(f"cpu-{number}-usr" for number in range(len(self._phone.clusters)))
        return (*cores, "gpu-usr", SKIN_SENSOR, BATTERY_SENSOR)

    def set_temperature(self, celsius: float, status: int | None = None) -> None:
        """Warm the whole phone; the battery stays as ``set_battery`` says. ``status`` as Android counts it."""
        self.celsius = celsius
        self.thermal_status = self.thermal_status if status is None else status
        for number, name in enumerate(self.sensors):
            degrees = self.battery.celsius if name == BATTERY_SENSOR else celsius
            self._write(f"sys/class/thermal/thermal_zone{number}/temp", f"{round(degrees * 1000)}\n")
        if SDK_LEVELS[self._android] >= 29:
            self._state("thermalservice", self._thermal_service(), 0o444)

    def _thermal_service(self) -> str:
        def sensor(number: int, name: str) -> str:
            kind = THERMAL_TYPES[name.split("-")[0]]
            degrees = self.battery.celsius if name == BATTERY_SENSOR else self.celsius
            status = self.thermal_status if name == SKIN_SENSOR else 0
            return f"\tTemperature{{mValue={degrees}, mType={kind}, mName={name}, mStatus={status}}}\n"

        sensors = "".join(sensor(number, name) for number, name in enumerate(self.sensors))
        return (
            "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 2\n\tkilled: false\n"
            "\tbroadcasts count: -1\nThermalStatusListeners:\n\tcallbacks: 3\n\tkilled: false\n"
            f"\tbroadcasts count: -1\nThermal Status: {self.thermal_status}\nCached temperatures:\n{sensors}"
            "HAL Ready: true\nHAL connection:\n\tThermalHAL 2.0 connected: yes\n"
            f"Current temperatures from HAL:\n{sensors}Current cooling devices from HAL:\n"
            "\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}\n"
        )

    def set_battery(self, **changes: Any) -> None:
        """Change fields of Battery by name."""
        self.battery = replace(self.battery, **changes)
        plugged, tenths = self.battery.plugged, round(self.battery.celsius * 10)
        powered = "".join(
            f"  {name} powered: {str(plugged == name.lower()).lower()}\n"
            for name in ("AC", "USB", "Wireless")
        )
        self._state(
            "battery",
            f"{powered}  Max charging current: 500000\n  Max charging voltage: 5000000\n"
            f"  Charge counter: 2300000\n  status: {2 if plugged else 3}\n  health: 2\n  present: true\n"
            f"  level: {self.battery.level}\n  scale: 100\n  voltage: 4123\n  temperature: {tenths}\n"
            "  technology: Li-ion\n",
        )
        self.set_temperature(self.celsius)

    def set_frequency(self, cpu: int, khz: int) -> None:
        """The clock of a CPU and of those that share it, as the kernel shows it."""
        for name in ("scaling_cur_freq", "cpuinfo_cur_freq"):
            self._write(f"{CPU_DIRECTORY}/cpu{cpu}/cpufreq/{name}", f"{khz}\n")

    def throttle_cores(self, times: int) -> None:
        """All cores go so many times slower than at most: programs find it by any clock, and /sys tells it."""
        for cluster in self._phone.clusters:
            self.set_frequency(cluster.cpus[0], cluster.max_khz // times)
        self.cpus.set_clock_rate(times)

    def set_online(self, cpu: int, online: bool) -> None:
        """Plug a CPU in or out; what runs on it goes elsewhere."""
        (self.cpus.online.add if online else self.cpus.online.discard)(cpu)
        self.cpus.write()
        self._write(f"{CPU_DIRECTORY}/cpu{cpu}/online", f"{int(online)}\n")
        self._write(f"{CPU_DIRECTORY}/online", f"{cpu_list(self.cpus.online)}\n")
        self._write(f"{CPU_DIRECTORY}/offline", f"{cpu_list(self.cpus.possible - self.cpus.online)}\n")
        link = self._root / CPU_DIRECTORY / f"cpu{cpu}" / "cpufreq"
        if not online:
            link.unlink(missing_ok=True)
        elif not link.is_symlink():
            self._link_policy(cpu, next(each for each in self._phone.clusters if cpu in each.cpus))

    def set_cpuset(self, cpus: Iterable[int]) -> None:
        """CPUs that programs started over adb may use."""
        self.cpus.cpuset = set(cpus)
        self.cpus.write()

    def make_noise(self, stdout_bytes: int = 0, stderr_bytes: int = 0) -> None:
        """Let every pushed program begin with so much of noise, as under old linkers."""
        self.cpus.stdout_noise_bytes, self.cpus.stderr_noise_bytes = stdout_bytes, stderr_bytes
        self.cpus.write()

    def shift_clock(self, seconds: float) -> None:
        """Let the wall clock jump, as when the network corrects it; the monotonic clock goes on."""
        self.cpus.clock_shift_ns += round(seconds * 1e9)
        self.cpus.write()

    def set_setting(self, space: str, key: str, value: str) -> None:
        """As `settings put`."""
        self._state(f"settings/{space}/{key}", f"{value}\n")

    def settings(self) -> Mapping[str, str]:
        """Every setting by its name, such as ``global/stay_on_while_plugged_in``."""
        place = self._root / "phone/settings"
        return {str(path.relative_to(place)): path.read_text().strip() for path in sorted(place.glob("*/*"))}

    def log(self) -> list[str]:
        """What programs changed through Android's commands, in order."""
        return (self._root / "phone/log").read_text().splitlines()

    def read(self, path: str) -> str:
        """Content of a file of the phone, without the line's end."""
        return (self._root / path.lstrip("/")).read_text().rstrip("\n")

    def write(self, path: str, text: str) -> None:
        """Let a file of /sys say something else, as a whole."""
        self._write(path.lstrip("/"), text)

    # Files

    def _write(self, name: str, text: str) -> None:
        """Replaced as a whole: a reader sees the old or the new."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}")
        scratch.write_text(text)
        scratch.chmod(0o644)
        scratch.replace(path)

    def _state(self, name: str, text: str, mode: int = 0o666) -> None:
        """In place: some of these files appear elsewhere, too."""
        path = self._root / "phone" / name
        path.write_text(text)
        path.chmod(mode)

    def close(self) -> None:
        """Let go of the phone's files."""
        self.cpus.close()

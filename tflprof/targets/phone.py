"""Phones that can be emulated, as data (phones/*.toml)."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from math import isfinite
from typing import Any

from tflprof.errors import TargetError
from tflprof.facts import Cpu
from tflprof.targets.arm_parts import make_midr, part_name

# AT_HWCAP bits of the Linux kernel (arch/arm64/include/uapi/asm/hwcap.h), from bit 0.
_HWCAPS = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc "
    "dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg"
)
_HWCAPS2 = (
    "dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm "
    "svebf16 i8mm bf16 dgh rng bti mte ecv afp rpres mte3 sme smei16i64 smef64f64 smei8i32 smef16f32 smeb16f32 "
    "smef32f32 smefa64 wfxt ebf16 sveebf16 cssc rprfm sve2p1 sme2 sme2p1 smei16i32 smebi32i32 smeb16b16 "
    "smef16f16 mops hbc sveb16b16 lrcpc3 lse128 fpmr lut faminmax f8cvt f8fma f8dp4 f8dp2 f8e4m3 f8e5m2 "
    "smelutv2 smef8f16 smef8f32 smesf8fma smesf8dp4 smesf8dp2 poe"
)
# What each phone's data must have a source for, and what it must if it tells it.
SOURCED = ("cores", "features", "hardware", "clocks", "caches", "memory")
_SOURCED_TOO = "speed"
_SLOWEST_MEMORY = 0.1  # GB/s


@dataclass(frozen=True)
class Memory:
    """How fast memory is, seen from one of equal cores.

    Attributes:
        read_gb_s: GB/s that one core moves from and to memory for long; where only copying was measured, the bytes
            read and written by it.
        latency_ns: of a load that no cache answers.
        l3_line_ns: time per line from the L3 when one core has many such loads under way, None without an L3.
        multi_gb_s: GB/s that several cores move together, by their number; empty if not known.
    """

    read_gb_s: float
    latency_ns: float
    l3_line_ns: float | None = None
    multi_gb_s: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """Equal cores of a phone.

    Attributes:
        cpus: numbers of its CPUs.
        midr: main ID register of each.
        min_khz, max_khz: range of its clock.
        l1d_kib, l2_kib: sizes of its caches.
        l2_shared: True if all cores of the cluster share one L2.
        memory: how fast memory is from them, None if the file does not tell.
    """

    cpus: tuple[int, ...]
    midr: int
    min_khz: int
    max_khz: int
    l1d_kib: int
    l2_kib: int
    l2_shared: bool
    memory: Memory | None = None


@dataclass(frozen=True)
class Phone:
    """A phone or board.

    Attributes:
        name: the file's name without ``.toml``.
        hardware: the ``Hardware`` line of /proc/cpuinfo, empty if there is none.
        features: instruction set extensions as /proc/cpuinfo names them.
        emulated_cpu: the emulator's core that has all of them, with its properties.
        clusters: the slowest first.
        l3_kib: size of a cache that all cores share, None if there is none.
        caches_listed: whether the phone's kernel lists the sizes of its caches in /sys.
        sources: where the data are published, by what they are about (:data:`SOURCED`).
        assumed: what is not published, and what was taken in its place.
        sha256: of the data without sources, for comparing profiles.
    """

    name: str
    title: str
    soc: str
    hardware: str
    memory_mib: int
    features: tuple[str, ...]
    emulated_cpu: str
    clusters: tuple[Cluster, ...]
    l3_kib: int | None
    caches_listed: bool
    sources: Mapping[str, str]
    assumed: tuple[str, ...]
    sha256: str

    @cached_property
    def hwcaps(self) -> tuple[int, int]:
        """AT_HWCAP and AT_HWCAP2 that the features make."""
        return _bits(self.features, _HWCAPS), _bits(self.features, _HWCAPS2)

    @cached_property
    def cpus(self) -> tuple[Cpu, ...]:
        """Its CPUs as facts."""
        return tuple(
            Cpu(index, part_name(cluster.midr), cluster.midr, cluster.max_khz, number)
            for number, cluster in enumerate(self.clusters)
            for index in cluster.cpus
        )

    def cluster_of(self, cpu: int) -> Cluster:
        """The cluster that one of its CPUs is in."""
        return next(cluster for cluster in self.clusters if cpu in cluster.cpus)


def _bits(features: tuple[str, ...], names: str) -> int:
    return sum(1 << bit for bit, name in enumerate(names.split()) if name in features)


def phone_names() -> list[str]:
    """Names of all phones."""
    files = resources.files(__package__).joinpath("phones").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_phone(name: str) -> Phone:
    """The phone of this name. Raises TargetError if there is none."""
    names = phone_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise TargetError(f"there is no phone {name!r} to emulate", f"{hint}known: {', '.join(names)}")
    data = resources.files(__package__).joinpath("phones", f"{name}.toml").read_bytes()
    return parse_phone(name, data)


def parse_phone(name: str, data: bytes) -> Phone:
    """A phone from the content of its file. Raises TargetError saying what is wrong with it."""
    try:
        facts = tomllib.loads(data.decode())
        phone = _phone(name, facts, _sha256(facts))
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(f"phone {name}: {type(error).__name__}: {error}") from error
    if facts:
        raise TargetError(f"phone {name}: unknown keys {', '.join(sorted(facts))}")
    _check(phone)
    return phone


def _sha256(facts: Mapping[str, Any]) -> str:
    """Of what instructions can depend on: neither of comments and sources nor of how fast memory is."""
    seen = {key: value for key, value in facts.items() if key not in ("sources", "assumed")}
    seen["cluster"] = [
        {key: value for key, value in cluster.items() if key != "memory"} for cluster in facts["cluster"]
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _phone(name: str, facts: dict[str, Any], sha256: str) -> Phone:
    """Take every known key out of ``facts``."""
    clusters: list[Cluster] = []
    for item in facts.pop("cluster"):
        first = sum(len(cluster.cpus) for cluster in clusters)
        cpus = tuple(range(first, first + item.pop("cpus")))
        memory = _memory(item.pop("memory")) if "memory" in item else None
        clusters.append(Cluster(cpus=cpus, midr=make_midr(**item.pop("midr")), memory=memory, **item))
    return Phone(
        name=name,
        features=tuple(facts.pop("features").split()),
        clusters=tuple(clusters),
        l3_kib=facts.pop("l3_kib", None),
        caches_listed=facts.pop("caches_listed", True),
        sources=dict(facts.pop("sources")),
        assumed=tuple(facts.pop("assumed", ())),
        sha256=sha256,
        **{key: facts.pop(key) for key in ("title", "soc", "hardware", "memory_mib", "emulated_cpu")},
    )


def _memory(facts: dict[str, Any]) -> Memory:
    """The table ``[cluster.memory]``."""
    multi = {number: facts.pop(f"read_{number}_gb_s", None) for number in (2, 4)}
    told = {number: speed for number, speed in multi.items() if speed is not None}
    memory = Memory(multi_gb_s=told, **facts)
    speeds = [memory.read_gb_s, *told.values()]
    times = [memory.latency_ns, *([] if memory.l3_line_ns is None else [memory.l3_line_ns])]
    if not all(isfinite(speed) and speed >= _SLOWEST_MEMORY for speed in speeds) or speeds != sorted(speeds):
        raise ValueError(
            f"speeds of memory must be at least {_SLOWEST_MEMORY} GB/s and not fall with more cores"
        )
    if not all(isfinite(time) and time > 0 for time in times):
        raise ValueError("latencies of memory must be above 0")
    return memory


def _check(phone: Phone) -> None:
    unknown = [name for name in phone.features if name not in f"{_HWCAPS} {_HWCAPS2}".split()]
    speeds = [cluster.max_khz for cluster in phone.clusters]
    sizes = [cluster.l1d_kib for cluster in phone.clusters] + [cluster.l2_kib for cluster in phone.clusters]
    if unknown:
        raise TargetError(f"phone {phone.name}: unknown features {', '.join(unknown)}")
    wanted = (*SOURCED, *([_SOURCED_TOO] if any(cluster.memory for cluster in phone.clusters) else []))
    if set(phone.sources) != set(wanted):
        raise TargetError(f"phone {phone.name}: sources must be told of {', '.join(wanted)}")
    if any(
        cluster.memory and bool(cluster.memory.l3_line_ns) != bool(phone.l3_kib) for cluster in phone.clusters
    ):
        raise TargetError(
            f"phone {phone.name}: l3_line_ns must be told where there is an L3, and nowhere else"
        )
    if not all(cluster.cpus for cluster in phone.clusters) or speeds != sorted(speeds) or not speeds:
        raise TargetError(f"phone {phone.name}: clusters must have CPUs and be listed with the slowest first")
    if min(*sizes, *speeds, phone.memory_mib) <= 0:
        raise TargetError(f"phone {phone.name}: sizes and frequencies must be above 0")

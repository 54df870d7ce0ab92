"""The file tree that an emulated program sees in place of the host's.

The emulator looks for every absolute path in this tree first and falls through to the host's if it is not
there: what must not be seen is therefore present and empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tflprof.errors import EnvironmentFault
from tflprof.targets.phone import Cluster, Phone

_SYS_CPU = "sys/devices/system/cpu"
_LIBRARY_DIRECTORY = "lib/aarch64-linux-gnu"
_LOADER = "ld-linux-aarch64.so.1"
# The loader would otherwise search the host's cache of libraries.
_BLANK = ("etc/ld.so.cache", "etc/ld.so.preload")
# Caches of levels the phone does not have, down to the most any host is known to have.
_CACHE_INDEXES = 6
_CACHE_FACTS = ("level", "size", "type", "shared_cpu_list")


def build_guest_root(root: Path, phone: Phone, libraries: Mapping[str, Path]) -> None:
    """Fill an empty directory with a phone's files and links to the guest's libraries.

    Args:
        root: the directory.
        phone: the phone to be seen.
        libraries: the guest's loader and libraries by file name.

    Raises:
        EnvironmentFault: if the files cannot be written.
    """
    try:
        for name, text in phone_files(phone):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name, source in libraries.items():
            path = root / ("lib" if name == _LOADER else _LIBRARY_DIRECTORY) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(source)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write the emulated phone's files to {root}: {error.strerror or error}",
            "free some space or set TMPDIR",
        ) from error


def phone_files(phone: Phone) -> Iterator[tuple[str, str]]:
    """Every file of the tree: its path without the leading slash, and its text."""
    count = sum(len(cluster.cpus) for cluster in phone.clusters)
    yield "proc/cpuinfo", _cpuinfo(phone)
    yield "proc/meminfo", f"MemTotal:       {phone.memory_mib * 1024} kB\n"
    yield from ((name, "") for name in _BLANK)
    for name in ("present", "possible", "online"):
        yield f"{_SYS_CPU}/{name}", f"0-{count - 1}\n"
    yield f"{_SYS_CPU}/offline", "\n"
    yield f"{_SYS_CPU}/isolated", "\n"
    yield f"{_SYS_CPU}/kernel_max", f"{count - 1}\n"
    for number, cluster in enumerate(phone.clusters):
        for index in cluster.cpus:
            for name, text in _cpu_files(phone, cluster, number, index):
                yield f"{_SYS_CPU}/cpu{index}/{name}", text and f"{text}\n"


def _cpuinfo(phone: Phone) -> str:
    features = " ".join(phone.features)
    parts = [
        f"processor\t: {index}\nBogoMIPS\t: 38.40\nFeatures\t: {features}\n"
        f"CPU implementer\t: 0x{cluster.midr >> 24:02x}\nCPU architecture: 8\n"
        f"CPU variant\t: 0x{cluster.midr >> 20 & 15:x}\nCPU part\t: 0x{cluster.midr >> 4 & 0xFFF:03x}\n"
        f"CPU revision\t: {cluster.midr & 15}\n\n"
        for cluster in phone.clusters
        for index in cluster.cpus
    ]
    return "".join(parts) + (f"Hardware\t: {phone.hardware}\n" if phone.hardware else "")


def _cpu_files(phone: Phone, cluster: Cluster, number: int, index: int) -> Iterator[tuple[str, str]]:
    siblings = _list(cluster.cpus)
    yield "online", "1"
    for name in ("cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq"):
        yield f"cpufreq/{name}", str(cluster.max_khz)
    for name in ("cpuinfo_min_freq", "scaling_min_freq"):
        yield f"cpufreq/{name}", str(cluster.min_khz)
    for name in ("affected_cpus", "related_cpus"):
        yield f"cpufreq/{name}", " ".join(map(str, cluster.cpus))
    yield "topology/physical_package_id", str(number)
    yield "topology/cluster_id", str(number)
    yield "topology/core_id", str(cluster.cpus.index(index))
    for name in ("core_siblings_list", "package_cpus_list", "cluster_cpus_list"):
        yield f"topology/{name}", siblings
    for name in ("core_siblings", "package_cpus", "cluster_cpus"):
        yield f"topology/{name}", _mask(cluster.cpus)
    for name in ("thread_siblings_list", "core_cpus_list"):
        yield f"topology/{name}", str(index)
    yield "regs/identification/midr_el1", f"0x{cluster.midr:016x}"
    yield from _cache_files(phone, cluster, index)


def _cache_files(phone: Phone, cluster: Cluster, index: int) -> Iterator[tuple[str, str]]:
    """Caches as a phone's kernel lists them: L1 data, L1 instruction, L2, L3; the rest, or all, is blank."""
    everyone = [cpu for other in phone.clusters for cpu in other.cpus]
    caches: list[tuple[int, int, str, Sequence[int]]] = [
        (1, cluster.l1d_kib, "Data", [index]),
        (1, 0, "Instruction", [index]),
        (2, cluster.l2_kib, "Unified", cluster.cpus if cluster.l2_shared else [index]),
    ]
    if phone.l3_kib:
        caches.append((3, phone.l3_kib, "Unified", everyone))
    if not phone.caches_listed:
        caches = []
    for position in range(_CACHE_INDEXES):
        base = f"cache/index{position}"
        if position >= len(caches):
            yield from ((f"{base}/{name}", "") for name in _CACHE_FACTS)
            continue
        level, kib, kind, shared = caches[position]
        yield f"{base}/level", str(level)
        yield f"{base}/size", f"{kib}K" if kib else ""
        yield f"{base}/type", kind
        yield f"{base}/shared_cpu_list", _list(shared)


def _list(cpus: Sequence[int]) -> str:
    return str(cpus[0]) if len(cpus) == 1 else f"{cpus[0]}-{cpus[-1]}"


def _mask(cpus: Sequence[int]) -> str:
    return f"{sum(1 << cpu for cpu in cpus):x}"

"""Facts of a Linux device from the texts of its /proc and /sys files.

The texts are parsed apart from how they are read, so that another machine's can be parsed, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tflprof.facts import Cpu
from tflprof.targets.arm_parts import make_midr, part_class, part_name

PATTERNS = (
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/device-tree/model",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    "sys/devices/system/cpu/cpu[0-9]*/cpu_capacity",
    "sys/devices/system/cpu/cpu[0-9]*/regs/identification/midr_el1",
    "sys/devices/cpu_core/cpus",
    "sys/devices/cpu_atom/cpus",
)


@dataclass(frozen=True)
class Probe:
    """What the files tell.

    Attributes:
        cpus: online CPUs; ``cluster`` numbers their classes, the slowest 0.
        model: name of the CPU (x86) or the board, None if not told.
        memory_bytes: physical memory, None if not told.
    """

    cpus: tuple[Cpu, ...]
    model: str | None
    memory_bytes: int | None


def read_texts(root: Path = Path("/")) -> dict[str, str]:
    """Texts of this machine's files, by path without the leading slash; unreadable ones are left out."""
    texts = {}
    for pattern in PATTERNS:
        for path in root.glob(pattern):
            try:
                texts[str(path.relative_to(root))] = path.read_text("utf-8", "replace")
            except OSError:
                continue
    return texts


def parse_probe(texts: Mapping[str, str]) -> Probe:
    """Facts from the texts; what is not told is None."""
    processors, rest = _processors(texts.get("proc/cpuinfo", ""))
    online = parse_cpu_list(texts.get("sys/devices/system/cpu/online", "")) or sorted(processors) or [0]
    cpus = [_cpu(index, processors.get(index, {}), texts) for index in online]
    board = texts.get("proc/device-tree/model", "").strip("\0\n ") or rest.get("Hardware")
    model = next((found["model name"] for found in processors.values() if "model name" in found), board)
    return Probe(tuple(_with_clusters(cpus, texts)), model or None, _memory(texts.get("proc/meminfo", "")))


def parse_cpu_list(text: str) -> list[int]:
    """CPU numbers of a kernel list such as ``0-3,6``; empty if it is not one."""
    numbers: list[int] = []
    for item in text.strip().split(","):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", item)
        if match:
            numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    return numbers


def _processors(cpuinfo: str) -> tuple[dict[int, dict[str, str]], dict[str, str]]:
    """Lines of /proc/cpuinfo: by CPU, and those that belong to none."""
    processors: dict[int, dict[str, str]] = {}
    rest: dict[str, str] = {}
    current = rest
    for line in cpuinfo.splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            current = rest
        elif key == "processor" and value.isdecimal():
            current = processors.setdefault(int(value), {})
        else:
            current[key] = value
    return processors, rest


def _cpu(index: int, lines: Mapping[str, str], texts: Mapping[str, str]) -> Cpu:
    base = f"sys/devices/system/cpu/cpu{index}"
    midr = _number(texts.get(f"{base}/regs/identification/midr_el1")) or _midr(lines)
    return Cpu(
        index=index,
        part=part_name(midr) if midr else lines.get("model name"),
        midr=midr,
        max_khz=_number(texts.get(f"{base}/cpufreq/cpuinfo_max_freq")),
        capacity=_number(texts.get(f"{base}/cpu_capacity")),
    )


def _midr(lines: Mapping[str, str]) -> int | None:
    names = ("CPU implementer", "CPU variant", "CPU part", "CPU revision")
    implementer, variant, part, revision = (_number(lines.get(name)) for name in names)
    if implementer is None or variant is None or part is None or revision is None:
        return None
    return make_midr(implementer, variant, part, revision)


def _number(text: str | None) -> int | None:
    try:
        return int((text or "").strip(), 0)
    except ValueError:
        return None


def _with_clusters(cpus: list[Cpu], texts: Mapping[str, str]) -> list[Cpu]:
    """Number the classes of CPUs by capacity, then frequency, then part.

    x86 cores are of one class unless the kernel tells performance from efficiency cores: some single cores
    of a kind are allowed a higher peak, which makes no class of them.
    """
    efficient = set(parse_cpu_list(texts.get("sys/devices/cpu_atom/cpus", "")))
    if not any(cpu.midr for cpu in cpus):
        fast = any(cpu.index not in efficient for cpu in cpus)
        return [
            replace(cpu, cluster=int(fast and bool(efficient) and cpu.index not in efficient)) for cpu in cpus
        ]
    keys = [(cpu.capacity or 0, cpu.max_khz or 0, part_class(cpu.midr), cpu.midr or 0) for cpu in cpus]
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [replace(cpu, cluster=ranks[key]) for cpu, key in zip(cpus, keys, strict=True)]


def _memory(meminfo: str) -> int | None:
    match = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else None

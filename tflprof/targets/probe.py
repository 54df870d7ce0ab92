"""Facts of a Linux device from the texts of its /proc and /sys files.

The texts are parsed apart from how they are read, so that another machine's can be parsed, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tflprof.facts import Cpu
from tflprof.targets.arm_parts import make_midr, part_class, part_name

PATTERNS = (
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/device-tree/model",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/present",
    "sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    "sys/devices/system/cpu/cpu[0-9]*/cpufreq/related_cpus",
    "sys/devices/system/cpu/cpu[0-9]*/cpu_capacity",
    "sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id",
    "sys/devices/system/cpu/cpu[0-9]*/regs/identification/midr_el1",
    "sys/devices/cpu_core/cpus",
    "sys/devices/cpu_atom/cpus",
)

_CPU = "sys/devices/system/cpu"


@dataclass(frozen=True)
class Probe:
    """What the files tell.

    Attributes:
        cpus: online CPUs; ``cluster`` numbers their classes, the slowest 0.
        model: name of the CPU (x86) or the board, None if not told.
        memory_bytes: physical memory, None if not told.
        offline: CPUs that are present and offline, but known by their frequency, capacity or siblings.
        unknown: numbers of CPUs that are present and offline, and of which nothing is known.
    """

    cpus: tuple[Cpu, ...]
    model: str | None
    memory_bytes: int | None
    offline: tuple[Cpu, ...] = ()
    unknown: tuple[int, ...] = ()


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
    online = parse_cpu_list(texts.get(f"{_CPU}/online", "")) or sorted(processors) or [0]
    present = sorted({*online, *parse_cpu_list(texts.get(f"{_CPU}/present", ""))})
    described = {index: processors.get(index, {}) for index in present}
    if any("vendor_id" in lines or _is_x86(lines) for lines in described.values()):
        cpus = [_cpu(index, described[index], texts) for index in online]
        known, unknown = _x86_classes(cpus, texts), [index for index in present if index not in online]
    else:
        everyone = [_cpu(index, described[index], texts) for index in present]
        completed = _described_once(_completed(everyone, texts), processors, rest)
        known = _classes([cpu for cpu in completed if cpu.index in online or _is_known(cpu)])
        unknown = [cpu.index for cpu in completed if cpu.index not in online and not _is_known(cpu)]
    board = texts.get("proc/device-tree/model", "").strip("\0\n ") or rest.get("Hardware")
    model = next((found["model name"] for found in processors.values() if _is_x86(found)), board)
    return Probe(
        cpus=tuple(cpu for cpu in known if cpu.index in online),
        model=model or None,
        memory_bytes=_memory(texts.get("proc/meminfo", "")),
        offline=tuple(cpu for cpu in known if cpu.index not in online),
        unknown=tuple(unknown),
    )


def parse_cpu_list(text: str) -> list[int]:
    """CPU numbers of a kernel list such as ``0-3,6``; empty if it is not one."""
    numbers: list[int] = []
    # Some files have blanks for commas.
    for item in text.strip().replace(" ", ",").split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", item)
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


def _is_x86(lines: Mapping[str, str]) -> bool:
    return "model name" in lines and "CPU implementer" not in lines


def _cpu(index: int, lines: Mapping[str, str], texts: Mapping[str, str]) -> Cpu:
    base = f"{_CPU}/cpu{index}"
    midr = _number(texts.get(f"{base}/regs/identification/midr_el1")) or _midr(lines)
    return Cpu(
        index=index,
        part=part_name(midr) if midr else lines.get("model name"),
        midr=midr,
        max_khz=_positive(texts.get(f"{base}/cpufreq/cpuinfo_max_freq")),
        capacity=_positive(texts.get(f"{base}/cpu_capacity")),
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


def _positive(text: str | None) -> int | None:
    number = _number(text)
    return number if number is not None and number > 0 else None


def _is_known(cpu: Cpu) -> bool:
    return (cpu.capacity, cpu.max_khz, cpu.midr) != (None, None, None)


def _completed(cpus: list[Cpu], texts: Mapping[str, str]) -> list[Cpu]:
    """What a CPU does not tell (it is offline) it has from its siblings, if they agree."""
    siblings = _siblings(cpus, texts)
    return [_like(cpu, [other for other in cpus if other.index in siblings[cpu.index]]) for cpu in cpus]


def _like(cpu: Cpu, others: list[Cpu]) -> Cpu:
    midr = cpu.midr or _agreed(other.midr for other in others)
    return replace(
        cpu,
        midr=midr,
        part=cpu.part or (part_name(midr) if midr else None),
        max_khz=cpu.max_khz or _agreed(other.max_khz for other in others),
        capacity=cpu.capacity or _agreed(other.capacity for other in others),
    )


def _agreed(values: Iterable[int | None]) -> int | None:
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else None


def _siblings(cpus: list[Cpu], texts: Mapping[str, str]) -> dict[int, set[int]]:
    """CPUs that share a clock; if no file tells, those of a package where there are several packages."""
    found: dict[int, set[int]] = {cpu.index: set() for cpu in cpus}
    for path, text in texts.items():
        if re.fullmatch(rf"{_CPU}/(?:cpu\d+/cpufreq|cpufreq/policy\d+)/related_cpus", path):
            group = set(parse_cpu_list(text))
            for index in group & found.keys():
                found[index] |= group
    if any(found.values()):
        return found
    packages = {index: texts.get(f"{_CPU}/cpu{index}/topology/physical_package_id") for index in found}
    if len({package for package in packages.values() if package is not None}) < 2:
        return found
    return {
        index: {other for other in found if package is not None and packages[other] == package}
        for index, package in packages.items()
    }


def _described_once(
    cpus: list[Cpu], processors: Mapping[int, Mapping[str, str]], rest: Mapping[str, str]
) -> list[Cpu]:
    """Old kernels describe one core in /proc/cpuinfo, whichever read it: all, where nothing tells them apart."""
    told = [lines for lines in (rest, *processors.values()) if "CPU implementer" in lines]
    if len(told) != 1 or len(processors) < 2:
        return cpus
    midr = _midr(told[0])
    if midr is None or len({(cpu.capacity, cpu.max_khz) for cpu in cpus}) > 1:
        return [replace(cpu, midr=None, part=None) for cpu in cpus]
    return [replace(cpu, midr=midr, part=part_name(midr)) for cpu in cpus]


def _x86_classes(cpus: list[Cpu], texts: Mapping[str, str]) -> list[Cpu]:
    """Of one class unless the kernel tells performance from efficiency cores.

    That some single cores of a kind are allowed a higher peak makes no class of them.
    """
    efficient = set(parse_cpu_list(texts.get("sys/devices/cpu_atom/cpus", "")))
    fast = any(cpu.index not in efficient for cpu in cpus)
    return [
        replace(cpu, cluster=int(fast and bool(efficient) and cpu.index not in efficient)) for cpu in cpus
    ]


def _classes(cpus: list[Cpu]) -> list[Cpu]:
    """Number the classes of CPUs by capacity, then frequency, then part."""
    keys = [(cpu.capacity or 0, cpu.max_khz or 0, part_class(cpu.midr), cpu.midr or 0) for cpu in cpus]
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [replace(cpu, cluster=ranks[key]) for cpu, key in zip(cpus, keys, strict=True)]


def _memory(meminfo: str) -> int | None:
    match = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else None

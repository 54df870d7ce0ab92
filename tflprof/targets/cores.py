"""Which CPUs ``--core`` and ``--cores`` stand for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from tflprof.errors import TargetError, UsageError
from tflprof.facts import Cpu
from tflprof.targets.probe import parse_cpu_list
from tflprof.units import format_cpus

_NAMES = ("little", "mid", "big", "prime")


def core_groups(cpus: Sequence[Cpu]) -> dict[str, tuple[int, ...]]:
    """CPUs by name. ``big`` is the fastest cluster, ``little`` the slowest; on a single cluster they are the same.

    With three clusters and more there are also ``mid`` (those between) and ``prime`` (the same as ``big``). Equal
    cores with another clock are a cluster of their own.
    """
    clusters: dict[int, list[int]] = {}
    for cpu in cpus:
        clusters.setdefault(cpu.cluster, []).append(cpu.index)
    ordered = [tuple(sorted(clusters[number])) for number in sorted(clusters)]
    groups = {"little": ordered[0], "big": ordered[-1]}
    if len(ordered) > 2:
        groups["mid"] = tuple(index for cluster in ordered[1:-1] for index in cluster)
        groups["prime"] = ordered[-1]
    return groups


def parse_cores(text: str) -> tuple[int, ...] | None:
    """CPU numbers of a mask such as ``0xf0`` or a list such as ``4-7,0``; None if it is neither.

    A number alone is a CPU, not a mask.
    """
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,256}", text):
        mask = int(text, 16)
        return tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1) or None
    if not re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*", text):
        return None
    return tuple(sorted(set(parse_cpu_list(text)))) or None


def choose_cpus(
    cpus: Sequence[Cpu], allowed: Collection[int], core: str, threads: int, offline: Collection[int] = ()
) -> tuple[int, ...]:
    """The CPUs of a core choice.

    Of a kind of cores they are the last ``threads`` allowed ones (interrupts tend to go to the first); of a
    mask or a list all, so that more CPUs than threads leave the threads some choice.

    Args:
        cpus: the device's CPUs.
        allowed: numbers of those this process may use.
        core: ``big``, ``little``, ``mid``, ``prime``, a CPU number, a hexadecimal mask or a list of numbers.
        threads: how many CPUs are wanted; a CPU number gives one.
        offline: numbers of those that are switched off, to say so.

    Raises:
        UsageError: if the choice is neither a name of cores nor numbers.
        TargetError: if there is no such core, it may not be used, or it has fewer CPUs than threads.
    """
    usable = [cpu for cpu in cpus if cpu.index in allowed]
    if not usable:
        raise TargetError("none of the device's CPUs may be used")
    numbers = parse_cores(core)
    if numbers is None and core not in _NAMES:
        raise UsageError(f"there is no core {core!r}", f"choose {_choices(usable)}")
    groups = core_groups(cpus)
    if numbers is None and core not in groups:
        raise TargetError(f"there is no core {core!r}: {_kinds(groups)}", f"choose {_choices(usable)}")
    group = groups[core] if numbers is None else numbers
    chosen = tuple(cpu for cpu in group if cpu in {one.index for one in usable})
    missing = [cpu for cpu in group if cpu not in chosen]
    if not chosen or (numbers is not None and missing):
        why = _why(missing, {cpu.index for cpu in cpus}, offline)
        raise TargetError(f"there is no core {core!r} that may be used{why}", f"choose {_choices(usable)}")
    if len(chosen) < threads:
        raise TargetError(
            f"core {core!r} has {len(chosen)} CPU(s), but {threads} threads are asked for"
            f"{_why(missing, group, offline)}",
            f"choose at most {len(chosen)} threads or other cores: {_choices(usable)}",
        )
    return chosen if numbers is not None else chosen[-threads:]


def _kinds(groups: Mapping[str, tuple[int, ...]]) -> str:
    """Why there is nothing between the slowest and the fastest cores."""
    if groups["little"] == groups["big"]:
        return "all cores are of one kind"
    return "there are two kinds of cores, little and big"


def _why(missing: Collection[int], present: Collection[int], offline: Collection[int]) -> str:
    """Such as ``: CPU 6-7 is offline, CPU 5 is not allowed to this process``; empty if nothing is missing."""
    off = [cpu for cpu in missing if cpu in offline]
    gone = [cpu for cpu in missing if cpu not in offline and cpu not in present]
    barred = [cpu for cpu in missing if cpu not in offline and cpu in present]
    reasons = (
        ("is offline", off),
        ("does not exist", gone),
        ("is not allowed to this process", barred),
    )
    told = [f"CPU {format_cpus(numbers)} {reason}" for reason, numbers in reasons if numbers]
    return f": {', '.join(told)}" if told else ""


def _choices(cpus: Sequence[Cpu]) -> str:
    groups = core_groups(cpus)
    named = [f"{name} (CPU {format_cpus(groups[name])})" for name in _NAMES if name in groups]
    return ", ".join(named) + ", or a CPU number"

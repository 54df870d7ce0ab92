"""Which CPUs ``--core`` stands for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tflprof.errors import TargetError, UsageError
from tflprof.facts import Cpu

_NAMES = ("little", "mid", "big", "prime")


def core_groups(cpus: Sequence[Cpu]) -> dict[str, tuple[int, ...]]:
    """CPUs by name. ``big`` is the fastest cluster, ``little`` the slowest; on a single cluster they are the same.

    With three clusters and more there are also ``mid`` (those between) and ``prime`` (the same as ``big``).
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


def choose_cpus(cpus: Sequence[Cpu], allowed: Collection[int], core: str, threads: int) -> tuple[int, ...]:
    """The last ``threads`` allowed CPUs of a core choice (interrupts tend to go to the first ones).

    Args:
        cpus: the device's CPUs.
        allowed: numbers of those this process may use.
        core: ``big``, ``little``, ``mid``, ``prime`` or a CPU number.
        threads: how many CPUs are wanted; a CPU number gives one.

    Raises:
        UsageError: if the choice is neither a name of cores nor a number.
        TargetError: if there is no such core, it may not be used, or it has fewer CPUs than threads.
    """
    usable = [cpu for cpu in cpus if cpu.index in allowed]
    if not usable:
        raise TargetError("none of the device's CPUs may be used")
    numbered = core.isascii() and core.isdigit()
    if not numbered and core not in _NAMES:
        raise UsageError(f"there is no core {core!r}", f"choose {_choices(usable)}")
    if numbered:
        group: tuple[int, ...] = tuple(cpu.index for cpu in usable if cpu.index == int(core))
    else:
        group = tuple(cpu for cpu in core_groups(cpus).get(core, ()) if cpu in allowed)
    if not group:
        raise TargetError(f"there is no core {core!r} that may be used", f"choose {_choices(usable)}")
    if len(group) < threads:
        raise TargetError(
            f"core {core!r} has {len(group)} CPU(s), but {threads} threads are asked for",
            f"choose at most {len(group)} threads or another core: {_choices(usable)}",
        )
    return group[-threads:]


def _choices(cpus: Sequence[Cpu]) -> str:
    groups = core_groups(cpus)
    named = [f"{name} (CPU {_joined(groups[name])})" for name in _NAMES if name in groups]
    return ", ".join(named) + ", or a CPU number"


def _joined(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"

"""What one core of a phone costs: the file that the emulator's plugin reads, and what predictions need beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tflprof.errors import TargetError, UsageError
from tflprof.targets.arm_parts import part_name
from tflprof.targets.core_table import CoreTable, core_of, load_core
from tflprof.targets.phone import Cluster, Memory, Phone
from tflprof.targets.tuning import Tuning, tuning_of

# What a run under emulation counts: instructions alone, cycles of pipelines, or those of caches and memory, too.
COST_MODES = ("instructions", "cycles", "caches")
_LINE_BYTES = 64
_WITHOUT = "profile it with --cost instructions"


@dataclass(frozen=True)
class CoreCosts:
    """The costs of a phone's core in a mode.

    Attributes:
        name: of the core's table, such as ``cortex-a73``.
        mode: ``cycles`` or ``caches``.
        hertz: its highest clock.
        cpus: how many such cores there are in its cluster.
        text: the file for the plugin.
        sha256: of the file: of all that changes cycles.
        dram_line_cycles: cycles of stall per line read from memory or written to it, 0 in the mode ``cycles``.
        memory: how fast memory is from this core, None if that is not known.
        substitutes: other cores some of its costs were taken from.
    """

    name: str
    mode: str
    hertz: int
    cpus: int
    text: str
    sha256: str
    dram_line_cycles: float
    memory: Memory | None
    substitutes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Stalls:
    """Cycles of stall per line, by where it is found; memory's also for a line written back."""

    l2_hit: float
    l3_hit: float
    dram_read: float
    dram_write: float


def check_cost_mode(mode: str) -> None:
    """Raises UsageError if there is no such mode."""
    if mode not in COST_MODES:
        raise UsageError(f"there is no cost mode {mode!r}", f"choose {', '.join(COST_MODES)}")


def core_table_of(phone: Phone, cpu: int) -> CoreTable:
    """The costs of a CPU's kind of core. Raises TargetError, naming the core, if there are none."""
    midr = phone.cluster_of(cpu).midr
    name = core_of(midr)
    if name is None:
        known = part_name(midr) or f"with main ID register 0x{midr:08x}"
        raise TargetError(
            f"there are no costs of instructions for the core {known} of {phone.name}", _WITHOUT
        )
    return load_core(name)


def costs_of(phone: Phone, cpu: int, mode: str) -> CoreCosts:
    """The costs of one of a phone's CPUs, at its highest clock.

    The mode is ``cycles`` or ``caches``.

    Raises:
        TargetError: there are none for such a core, or the phone's file does not tell the speed of memory.
    """
    table, cluster = core_table_of(phone, cpu), phone.cluster_of(cpu)
    tuning = tuning_of(table.name, table.order, table.tuned)
    stalls = _stalls(phone, cluster, table, tuning) if mode == "caches" else None
    text = "".join(f"{line}\n" for line in _lines(phone, cluster, table, tuning, stalls))
    return CoreCosts(
        name=table.name,
        mode=mode,
        hertz=cluster.max_khz * 1000,
        cpus=len(cluster.cpus),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        dram_line_cycles=stalls.dram_read if stalls else 0.0,
        memory=cluster.memory,
        substitutes=tuple(sorted({cost.substitute for cost in table.classes.values() if cost.substitute})),
    )


def _stalls(phone: Phone, cluster: Cluster, table: CoreTable, tuning: Tuning) -> _Stalls:
    memory = cluster.memory
    if memory is None:
        raise TargetError(
            f"the file of {phone.name} does not tell how fast memory is from CPU {cluster.cpus[0]}",
            f"add it ([cluster.memory]), or {_WITHOUT} or cycles",
        )
    gigahertz = cluster.max_khz / 1e6
    line = _LINE_BYTES / memory.read_gb_s * gigahertz
    return _Stalls(
        l2_hit=table.caches.l2_line * tuning.l2,
        l3_hit=(memory.l3_line_ns or 0.0) * gigahertz * tuning.l3,
        dram_read=line * tuning.dram_read + memory.latency_ns * gigahertz * tuning.dram_latency,
        dram_write=line * tuning.dram_write,
    )


def _lines(
    phone: Phone, cluster: Cluster, table: CoreTable, tuning: Tuning, stalls: _Stalls | None
) -> Iterator[str]:
    """The plugin's file."""
    yield "version 1"
    yield f"order {table.order}"
    yield f"width {table.width}"
    yield f"window {table.window}"
    yield f"mispredict {_number(table.mispredict)}"
    yield from (f"pipe {name} {count}" for name, count in table.pipes.items())
    for name, cost in table.classes.items():
        pipes = " ".join(f"{pipe} {_number(time)}" for pipe, time in cost.pipes)
        yield f"class {name} {_number(cost.slots)} {_number(cost.latency)} {pipes or '-'}"
        if cost.accumulate != cost.latency:
            yield f"accumulate {name} {_number(cost.accumulate)}"
    yield f"caches {0 if stalls is None else 1}"
    if stalls is not None:
        yield from _cache_lines(phone, cluster, table, stalls)
        if tuning.overlap:
            yield f"overlap {_number(tuning.overlap)}"
    yield from _efficiencies({"loop": tuning.loop, "straight": tuning.straight})


def _cache_lines(phone: Phone, cluster: Cluster, table: CoreTable, stalls: _Stalls) -> Iterator[str]:
    caches, l3 = table.caches, phone.l3_kib or 0
    yield f"line {_LINE_BYTES}"
    yield f"l1d {cluster.l1d_kib << 10} {caches.l1d_ways}"
    yield f"l2 {cluster.l2_kib << 10} {caches.l2_ways}"
    yield f"l3 {l3 << 10} {_l3_ways(l3, caches.l3_ways)}"
    yield f"l2_hit {_number(stalls.l2_hit)}"
    yield f"l3_hit {_number(stalls.l3_hit)}"
    yield f"dram_read {_number(stalls.dram_read)}"
    yield f"dram_write {_number(stalls.dram_write)}"


def _l3_ways(kib: int, ways: int) -> int:
    """Arm's shared unit has a quarter less where its size is three times a power of two; 0 without an L3."""
    if not kib:
        return 0
    return ways * 3 // 4 if kib % 3 == 0 else ways


def _efficiencies(factors: Mapping[str, float]) -> Iterator[str]:
    return (f"efficiency {name} {_number(factor)}" for name, factor in factors.items() if factor != 1)


def _number(value: float) -> str:
    """Shortest, without exponents: five decimals are more than any source has."""
    return f"{value:.5f}".rstrip("0").rstrip(".")

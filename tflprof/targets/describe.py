"""Everything that is known of one target: its cores, caches, features, and where the data come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tflprof.errors import TargetError
from tflprof.facts import Cpu, DeviceFacts
from tflprof.targets.core_table import CoreTable, core_of, load_core
from tflprof.targets.cores import choose_cpus, core_groups
from tflprof.targets.listing import emulation_trouble, local_trouble
from tflprof.targets.phone import Memory, Phone, load_phone
from tflprof.targets.spec import KINDS, TargetSpec, parse_target
from tflprof.targets.tuning import tuned_on, tuning_of


@dataclass(frozen=True)
class CoreKind:
    """Equal cores; what is not known is None.

    Attributes:
        cpus: numbers of its CPUs.
        part: human name of the core.
        midr: main ID register.
        min_khz, max_khz: range of its clock.
        l1d_bytes, l2_bytes: sizes of its caches.
        l2_shared: whether all of them share one L2.
        costs: name of the table of what instructions cost on them (in the description's ``costs``).
        memory: how fast memory is from them.
    """

    cpus: tuple[int, ...]
    part: str | None
    midr: int | None
    max_khz: int | None
    min_khz: int | None = None
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    l2_shared: bool | None = None
    costs: str | None = None
    memory: Memory | None = None


@dataclass(frozen=True)
class CoreChoice:
    """What a value of ``--core`` stands for: these CPUs, of which one thread runs on ``first``."""

    core: str
    cpus: tuple[int, ...]
    first: int


@dataclass(frozen=True)
class TargetDescription:
    """A target; what is not known is None.

    Attributes:
        name: as it is given to ``--target``.
        title: what it is.
        provenance: of its numbers.
        kinds: of cores, the slowest first.
        cores: what each value of ``--core`` stands for.
        features: instruction set extensions as /proc/cpuinfo names them.
        hardware: the ``Hardware`` line of /proc/cpuinfo, empty if there is none.
        l3_bytes: size of a cache that all cores share, 0 if there is none.
        caches_listed: whether the kernel lists sizes of caches in /sys.
        emulated_cpu: the emulator's core, with its properties.
        sources: where data of an emulated phone are published, by what they are about.
        assumed: what of them is not published.
        costs: what instructions and caches cost on its kinds of cores, of an emulated phone.
        reason, remedy: why the target cannot be used now, and what to do about it; None if it can.
    """

    name: str
    kind: str
    title: str
    provenance: str
    kinds: tuple[CoreKind, ...]
    cores: tuple[CoreChoice, ...]
    soc: str | None = None
    os: str | None = None
    abi: str | None = None
    memory_bytes: int | None = None
    features: tuple[str, ...] | None = None
    hardware: str | None = None
    l3_bytes: int | None = None
    caches_listed: bool | None = None
    emulated_cpu: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    costs: tuple[CoreTable, ...] = ()
    reason: str | None = None
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The description as JSON-ready values."""
        return asdict(self)


def describe_target(text: str) -> TargetDescription:
    """Everything that is known of a target, or of an emulated phone by its name alone.

    Raises:
        TargetError: there is no such target or phone, or a connected phone does not tell.
    """
    spec = parse_target(text) if ":" in text or text in KINDS else TargetSpec("emulated", text)
    if spec.kind == "emulated":
        return _emulated(load_phone(spec.detail or ""))
    if spec.kind == "adb":
        return _connected(str(spec))
    from tflprof.targets.host import host_facts

    return _from_facts(str(spec), host_facts(spec.kind), *local_trouble(spec.kind))


def _emulated(phone: Phone) -> TargetDescription:
    trouble = emulation_trouble()
    kinds = [
        CoreKind(
            cpus=cluster.cpus,
            part=phone.cpus[cluster.cpus[0]].part,
            midr=cluster.midr,
            max_khz=cluster.max_khz,
            min_khz=cluster.min_khz,
            l1d_bytes=cluster.l1d_kib << 10,
            l2_bytes=cluster.l2_kib << 10,
            l2_shared=cluster.l2_shared,
            costs=core_of(cluster.midr),
            memory=cluster.memory,
        )
        for cluster in phone.clusters
    ]
    tables = dict.fromkeys(kind.costs for kind in kinds if kind.costs is not None)
    return TargetDescription(
        name=f"emulated:{phone.name}",
        kind="emulated",
        title=phone.title,
        provenance="predicted" if tables else "emulated",
        kinds=tuple(kinds),
        cores=_choices(phone.cpus),
        soc=phone.soc,
        memory_bytes=phone.memory_mib << 20,
        features=phone.features,
        hardware=phone.hardware,
        l3_bytes=(phone.l3_kib or 0) << 10,
        caches_listed=phone.caches_listed,
        emulated_cpu=phone.emulated_cpu,
        sources=phone.sources,
        assumed=phone.assumed,
        costs=tuple(_tuned(load_core(name)) for name in tables),
        reason=trouble.what if trouble else None,
        remedy=trouble.hint if trouble else None,
    )


def _tuned(table: CoreTable) -> CoreTable:
    """With all constants that were tuned, those of other cores of its order, too."""
    constants = asdict(tuning_of(table.name, table.order, table.tuned))
    points = list(dict.fromkeys([*tuned_on(), *table.tuned.get("points", ())]))
    return replace(table, tuned={**constants, "points": points})


def _connected(name: str) -> TargetDescription:
    # Not before it is needed: adb's own modules take their time to load.
    from tflprof.targets.adb.listing import list_phones

    phones = list_phones()
    found = [phone for phone in phones if name in ("adb", phone.name)]
    if len(found) > 1:
        raise TargetError(
            f"{len(found)} phones are connected",
            f"name one: {', '.join(phone.name for phone in found)}",
        )
    if not found:
        raise TargetError(f"there is no phone {name!r}", "see `tflprof targets`")
    known = found[0].inspection
    if known is None:
        raise TargetError(f"{found[0].name}: {found[0].reason or 'does not answer'}", found[0].remedy)
    return _from_facts(found[0].name, known.facts, None)


def _from_facts(
    name: str, facts: DeviceFacts, reason: str | None, remedy: str | None = None
) -> TargetDescription:
    clusters: dict[int, list[Cpu]] = {}
    for cpu in facts.cpus:
        clusters.setdefault(cpu.cluster, []).append(cpu)
    kinds = [
        CoreKind(tuple(cpu.index for cpu in cpus), cpus[0].part, cpus[0].midr, cpus[0].max_khz)
        for _, cpus in sorted(clusters.items())
    ]
    return TargetDescription(
        name=name,
        kind=facts.kind,
        title=facts.name,
        provenance="measured",
        kinds=tuple(kinds),
        cores=_choices(facts.cpus),
        soc=facts.soc,
        os=facts.os,
        abi=facts.abi,
        memory_bytes=facts.memory_bytes,
        reason=reason,
        remedy=remedy,
    )


def _choices(cpus: Sequence[Cpu]) -> tuple[CoreChoice, ...]:
    everyone = [cpu.index for cpu in cpus]
    groups = core_groups(cpus)
    names = [name for name in ("little", "mid", "big", "prime") if name in groups]
    return tuple(CoreChoice(name, groups[name], choose_cpus(cpus, everyone, name, 1)[-1]) for name in names)

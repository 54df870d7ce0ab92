"""From records of runner processes to the samples and facts of a profile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tflprof import stats
from tflprof.measure.attribute import EventList
from tflprof.measure.taint import off_core, undisturbed
from tflprof.profile.meta import ClockInfo, EventInfo, PortInfo
from tflprof.profile.samples import BlockSamples, SampleWriter
from tflprof.runner import records as wire

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sighting:
    """What the runner said of the model it loaded; not every runtime tells the signature's subgraph."""

    subgraph: int | None
    signature: str | None
    inputs: tuple[PortInfo, ...]
    outputs: tuple[PortInfo, ...]


@dataclass
class Collector:
    """Takes the records of one process after the other.

    Attributes:
        settle: look for the steady state of each process; else all that the runner calls steady is.
        counter: the main counter, which everything is judged by.
        processes: processes begun.
        blocks: all blocks of finished processes, warm-up found and marked; counters of one block stand together.
        singles: values that belong to no block, as ``SampleWriter.add_single`` takes them.
        unsettled: True if counts never agreed.
        clock: resolution of the main counter.
        model: what the runner said of the model, None before it did.
        affinity_error: why pinning failed, None if it did not.
        cpus: CPUs that were asked for, empty if none were.
        pmu_error: which performance counters there were not, and why; None if all or none were asked for.
        unsteady: processes that did not become steady.
        versions: what the libraries of the processes called their versions, those that did.
        switches: involuntary context switches in steady blocks; ``seconds``: the time they span.
    """

    counter: str
    settle: bool = True
    processes: int = 0
    blocks: list[BlockSamples] = field(default_factory=list)
    clock: ClockInfo = field(default_factory=ClockInfo)
    model: Sighting | None = None
    affinity_error: str | None = None
    cpus: tuple[int, ...] = ()
    pmu_error: str | None = None
    versions: set[str] = field(default_factory=set)
    unsteady: int = 0
    switches: int = 0
    seconds: float = 0.0
    singles: list[tuple[str, int, str, str, str, int]] = field(default_factory=list)
    unsettled: bool = False
    _pid: int = 0
    _pending: list[BlockSamples] = field(default_factory=list)
    _structures: dict[tuple[EventInfo, ...], int] = field(default_factory=dict)
    _numbers: dict[int, int] = field(default_factory=dict)

    def begin_process(self) -> None:
        """The records that follow are of a new process."""
        self.processes += 1
        self._numbers = {}

    def add(self, record: wire.Record) -> None:
        """Take one record."""
        match record:
            case wire.Hello():
                self._pid = record.pid
            case wire.Clock():
                self._on_clock(record)
            case wire.Pmu():
                self.pmu_error = record.error or self.pmu_error
            case wire.Affinity():
                self.cpus = record.requested
                self.affinity_error = record.error or _narrowed(record) or self.affinity_error
            case wire.Library() | wire.LoadedModel():
                self._on_loaded(record)
            case wire.Init():
                self._on_init(record)
            case wire.Memory():
                self._on_memory(record)
            case wire.Structure():
                self._on_structure(record)
            case wire.Block():
                self._on_block(record)
            case _:
                pass

    def end_process(self) -> None:
        """The process is over: tell its warm-up from its steady state. What a lost process gave is kept, too."""
        begins = [block.t for block in self._pending if block.phase == "steady"]
        if begins and self.counter == "ns":
            self.seconds += (max(begins) - min(begins)) / 1e9
        pending, self._pending = self._pending, []
        self.blocks.extend(self._settled(pending))

    def event_lists(self) -> tuple[EventList, ...]:
        """All kinds of inferences seen, with typical costs of their events by the main counter."""
        lists = []
        for events, number in self._structures.items():
            seen = [
                np.asarray(elapsed)
                for block in self.blocks
                if block.counter == self.counter
                for structure, elapsed in zip(block.structures, block.events, strict=True)
                if structure == number
            ]
            typical = np.median(np.array(seen[-200:]), axis=0) if seen else np.zeros(len(events))
            lists.append(EventList(events, typical.astype(np.float64)))
        return tuple(lists)

    def writer(self) -> SampleWriter:
        """All samples, ready to become a table."""
        writer = SampleWriter()
        for single in self.singles:
            writer.add_single(*single)
        for block in self.blocks:
            writer.add_block(block)
        return writer

    def steady(self, variant: str) -> list[BlockSamples]:
        """Steady blocks of a variant and the main counter, without the inferences known as disturbed so far."""
        return undisturbed(self.blocks, variant, self.counter)

    def has_steady(self) -> bool:
        """True if there is any steady sample."""
        return any(block.phase == "steady" for block in self.blocks)

    def _settled(self, blocks: list[BlockSamples]) -> list[BlockSamples]:
        if self.counter != "ns":
            kept = _with_unsettled(blocks)
            self.unsettled = self.unsettled or kept != blocks
            return kept
        if not self.settle:
            return blocks
        plain = [b for b in blocks if b.variant == "plain" and b.phase == "steady"]
        if len(plain) < 4:
            return blocks
        start = stats.steady_start(np.array([np.median(block.values) for block in plain]))
        if not start.steady:
            self.unsteady += 1
            return blocks
        begin = plain[start.index].t
        return [
            _as_warmup(block) if block.phase == "steady" and block.t < begin else block for block in blocks
        ]

    def _on_clock(self, record: wire.Clock) -> None:
        if record.counter == self.counter:
            self.clock = ClockInfo(record.tick, record.read)

    def _on_loaded(self, record: wire.Library | wire.LoadedModel) -> None:
        if isinstance(record, wire.LoadedModel):
            ports = _ports(record.inputs), _ports(record.outputs)
            self.model = Sighting(record.subgraph, record.signature, *ports)
        elif record.version is not None:
            self.versions.add(record.version)

    def _on_init(self, record: wire.Init) -> None:
        phase = "init_warm" if record.cache == "warm" else "init"
        counter = record.counter or self.counter
        self.singles.append(("init", self.processes - 1, phase, record.v, counter, record.value))

    def _on_memory(self, record: wire.Memory) -> None:
        if record.peak_bytes is not None:
            self.singles.append(
                ("memory", self.processes - 1, record.at, "plain", "bytes", record.peak_bytes)
            )

    def _on_structure(self, record: wire.Structure) -> None:
        events = tuple(EventInfo(e.type, e.source, e.m1, e.m2, e.tag) for e in record.events)
        self._numbers[record.s] = self._structures.setdefault(events, len(self._structures))

    def _on_block(self, record: wire.Block) -> None:
        workers = _cores(record, self._pid)
        if record.phase == "steady":
            self.switches += record.nivcsw or 0
        self._pending.append(
            BlockSamples(
                process=self.processes - 1,
                block=record.b,
                round=record.round,
                phase=record.phase,
                variant=record.v,
                counter=record.counter,
                t=record.t,
                khz=record.khz,
                values=record.value,
                cores=record.core,
                structures=tuple(self._numbers[number] for number in record.structure),
                events=record.events,
                tainted=off_core(record.core, workers, self.cpus),
                khz_before=record.khz_before,
                millicelsius=record.mc,
                millicelsius_before=record.mc_before,
                chain_khz=record.chain_khz,
                chain_khz_before=record.chain_khz_before,
                missed=record.missed,
                worker_cores=workers,
                pmu=record.pmu or {},
            )
        )


def _cores(block: wire.Block, main: int) -> tuple[int, ...] | None:
    """Cores of the threads, the ``main`` one first; others may have lower numbers, which are used again."""
    ordered = sorted(block.workers, key=lambda worker: (worker[0] != main, worker[0]))
    return tuple(core for _, core in ordered) or None


def _narrowed(affinity: wire.Affinity) -> str | None:
    """A cpuset narrows what was asked for without an error."""
    missing = sorted(set(affinity.requested) - set(affinity.allowed))
    return f"CPU {', '.join(map(str, missing))} not allowed by the system" if missing else None


def _ports(ports: tuple[wire.Port, ...]) -> tuple[PortInfo, ...]:
    return tuple(PortInfo(p.name, p.dtype, p.shape, p.bytes, p.source) for p in ports)


def _with_unsettled(blocks: list[BlockSamples]) -> list[BlockSamples]:
    """Counts that never agreed: the last half of what a variant ran stands for its steady state."""
    settled = {(block.variant, block.counter) for block in blocks if block.phase == "steady"}
    kept = list(blocks)
    for key in {(block.variant, block.counter) for block in blocks} - settled:
        own = [i for i, b in enumerate(blocks) if (b.variant, b.counter) == key and b.phase == "warmup"]
        for i in own[len(own) // 2 :]:
            kept[i] = replace(blocks[i], phase="steady")
    return kept


def _as_warmup(block: BlockSamples) -> BlockSamples:
    return replace(block, phase="warmup")

"""The records a session yields, as typed values (the wire format is docs/runner-protocol.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True)
class Hello:
    """First record of every session."""

    protocol: int
    build: str
    platform: str
    pid: int
    t: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Resolution of a counter: smallest step and median cost of reading it, in its own unit."""

    counter: str
    tick: int | None
    read: int


@dataclass(frozen=True, slots=True)
class Affinity:
    """CPUs asked for and CPUs allowed after asking; ``error`` tells why they differ."""

    requested: tuple[int, ...]
    allowed: tuple[int, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Library:
    """The inference library that was loaded; ``api`` is ``litert`` or ``tflite``."""

    path: str
    build: str | None
    api: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of the model as it is run; ``source`` is ``random`` or ``file`` for inputs."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model was loaded; ``m`` is its number in the session, ``subgraph`` the signature's, if told."""

    m: int
    path: str
    signature: str | None
    signature_index: int
    subgraph: int | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Init:
    """Time to create a compiled model (``v``: ``plain`` or ``profiled``; ``cache``: ``none``, ``cold``, ``warm``).

    ``counter`` is told only where there are several.
    """

    m: int
    v: str
    cache: str
    t: int
    value: int
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the process at a moment (``start``, ``init``, ``first``, ``end``), in bytes."""

    m: int
    at: str
    peak_bytes: int | None
    current_bytes: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """One profiler event without its time: type, source, two metadata words, tag."""

    type: int
    source: int
    m1: int
    m2: int
    tag: str


@dataclass(frozen=True, slots=True)
class Structure:
    """An ordered list of events seen in an inference; ``start``/``elapsed`` of the first such show the nesting."""

    m: int
    s: int
    events: tuple[Event, ...]
    start: tuple[int, ...]
    elapsed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive inferences of one model and variant, as one counter saw them.

    Attributes:
        b: number of the block in the process; the counters of a block share it.
        phase: ``first``, ``warmup`` or ``steady``.
        value: duration of each inference, in ``counter``'s unit.
        khz: frequency of the core, as the system tells it, after the block; ``khz_before``: before it.
        mc: temperature of the hottest zone after the block, millidegrees; ``mc_before``: before it.
        chain_khz: frequency measured with a chain of additions after the block; ``chain_khz_before``: before it.
        missed: deadlines missed; None unless the run is periodic.
        core: CPU after each inference, -1 if unknown.
        workers: thread and CPU of every thread after the block, if asked for.
        pmu: per counter, its value of each inference, -1 if unknown; None without counters.
        structure: structure number of each inference, profiled blocks only.
        events: elapsed values of each inference's events, profiled blocks only.
    """

    m: int
    v: str
    phase: str
    b: int
    round: int
    counter: str
    t: int
    khz: int | None
    nivcsw: int | None
    value: tuple[int, ...]
    core: tuple[int, ...]
    structure: tuple[int, ...] = ()
    events: tuple[tuple[int, ...], ...] = ()
    khz_before: int | None = None
    mc: int | None = None
    mc_before: int | None = None
    chain_khz: int | None = None
    chain_khz_before: int | None = None
    missed: int | None = None
    workers: tuple[tuple[int, ...], ...] = ()
    pmu: Mapping[str, tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Pmu:
    """Performance counters that are read; ``error`` names those that are not, and why."""

    counters: tuple[str, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The runner could not go on: where, on which model (or None), with which status."""

    where: str
    model: int | None
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """The only proof of completion; ``status`` is ``ok``, ``stopped`` or ``error``."""

    status: str
    records: int


Record = (
    Hello | Clock | Affinity | Library | LoadedModel | Init | Memory | Structure | Block | Pmu | Failure | End
)

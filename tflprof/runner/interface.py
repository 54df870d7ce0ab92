"""What every way of running a model offers: a runner starts sessions, a session yields records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tflprof.facts import DeviceFacts
from tflprof.runner.records import Record
from tflprof.targets.cost_table import CoreCosts


@dataclass(frozen=True)
class RunRequest:
    """Everything one session is to do; the keys of docs/runner-protocol.md.

    Attributes:
        models: one model, or two to be alternated.
        core: ``big``, ``little``, ``mid``, ``prime``, a CPU number as text, or None: not pinned.
        inputs: input name to a file of raw little-endian bytes.
        shapes: input name to its concrete shape.
        block_max: most recorded inferences of a block; ``profiled_max``: of a profiled one.
        fill: let blocks of very short inferences last ``block_ms`` by unrecorded ones.
        seconds: length of the steady phase of this session (time-based targets).
        rate: inferences begin so many times a second; None: each follows the last.
        pmu: read the core's performance counters.
        plain_max: instructions of an inference above which an emulated core with several counters runs no plain one.
    """

    models: tuple[Path, ...]
    signature: str | None = None
    kernels: str = "xnnpack"
    threads: int = 1
    xnnpack_flags: int | None = None
    weight_cache: bool = False
    core: str | None = None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seed: int = 0
    variants: tuple[str, ...] = ("plain", "profiled")
    warmup_ms: int = 100
    warmup_min: int = 1
    block_ms: int = 50
    block_min: int = 1
    block_max: int = 200
    profiled_max: int = 50
    discard: int = 0
    fill: bool = True
    profiled_every: int = 2
    seconds: float = 1.0
    blocks: int = 0
    max_inferences: int = 20
    rate: float | None = None
    pmu: bool = False
    plain_max: int = 100_000_000


class Session(Protocol):
    """One runner process (or its in-process equivalent)."""

    def records(self) -> Iterator[Record]:
        """Yield records as they arrive.

        Ends after :class:`~tflprof.runner.records.End`. Raises RunnerError if the runner fails, dies or
        breaks the protocol, after everything it said before has been yielded.
        """

    def stop(self) -> None:
        """Ask the session to end soon; records go on until its End. Safe from a signal handler or twice."""

    def close(self) -> None:
        """End the session at once if it still runs, and free what it holds."""


class Runner(Protocol):
    """Starts sessions on one target with one runtime.

    Attributes:
        facts: the device.
        provenance: ``measured``, ``emulated`` or ``predicted``.
        source: ``native`` or ``inprocess``.
        counters: counters each value has, the main one first (``ns`` or ``instructions``).
        cost: ``caches``, ``cycles`` or ``instructions``: what an emulated core's work costs; None elsewhere.
        runtime: what counts of the inference library: name, version, platform, sha256.
        build: identity of the runner program.
        deterministic: True if equal inferences give equal counts.
    """

    facts: DeviceFacts
    provenance: str
    source: str
    counters: tuple[str, ...]
    runtime: Mapping[str, str | None]
    build: str
    deterministic: bool
    cost: str | None

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs that a core choice stands for, None for no pinning. Raises TargetError if there is no such core."""

    def costs(self, cpus: tuple[int, ...] | None) -> CoreCosts | None:
        """Costs of the core that these CPUs are; None where none are modelled."""

    def start(self, request: RunRequest) -> Session:
        """Begin a session. Raises TargetError, RuntimeMissing or RunnerError if it cannot begin."""

    def conditions(self) -> Mapping[str, object]:
        """What is known of the device's state now (battery, heat), JSON-ready; empty if nothing. Never raises."""

    def recover(self) -> None:
        """Wait until a device whose link broke (DeviceLost) answers again. Raises TargetError if it does not."""

    def close(self) -> None:
        """Free what the runner holds (temporary files, links)."""

"""What a profile says about itself beside its samples: typed, and stored as JSON in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tflprof.facts import DeviceFacts


@dataclass(frozen=True)
class LayerInfo:
    """One layer (operator) of the profiled model.

    Attributes:
        id: ``subgraph/op``, stable.
        index: position among all layers of the model, from 0.
        op: operator type, such as ``CONV_2D``.
        name: name of its first output tensor.
        shape: shape of the first output; None if unknown.
        dtype: dtype of the first output.
        macs: multiply-accumulates of one run; None if unknown.
        parameters: number of constant weights it reads; None if unknown.
        weight_bytes: bytes of constants it reads; None if unknown.
        activation_bytes: bytes of computed inputs and outputs; None if unknown.
        inputs: names of the tensors it reads that are computed or the model's inputs; outputs: of those it makes.
            Empty in profiles of before 0.1.0. Of tensors of one subgraph that share a name, each has its number
            behind it, ``name#12``.
        activation: activation function that is part of it, such as ``RELU6``, or ``NONE``; None if it cannot have
            one, and in profiles of before 0.1.0.
    """

    id: str
    index: int
    op: str
    name: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    macs: int | None = None
    parameters: int | None = None
    weight_bytes: int | None = None
    activation_bytes: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    activation: str | None = None


@dataclass(frozen=True)
class PortInfo:
    """An input or output as it was run; ``source`` tells where an input's data came from."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    source: str | None = None


@dataclass(frozen=True)
class ModelInfo:
    """The model that was profiled.

    Attributes:
        sha256: of the file or files; None, as are the next two, if only a log of its run was there.
        fingerprint: of its structure.
        signature: key of the signature that was run, as the runtime names it.
        subgraph: where that signature starts.
        subgraphs: name of each subgraph, or the key of its signature if it has none, or ""; empty if not known.
    """

    path: str
    name: str
    sha256: str | None
    size_bytes: int | None
    fingerprint: str | None
    layers: tuple[LayerInfo, ...]
    inputs: tuple[PortInfo, ...] = ()
    outputs: tuple[PortInfo, ...] = ()
    signature: str | None = None
    subgraph: int = 0
    subgraphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """Everything chosen by the user that changes speed; all of it counts when profiles are compared.

    ``kernels``, ``threads`` and ``weight_cache`` are None where an imported log does not tell.
    ``rate``: inferences begin so many times a second; None: each follows the last.
    """

    kernels: str | None = "xnnpack"
    threads: int | None = 1
    xnnpack_flags: int | None = None
    weight_cache: bool | None = False
    core: str | None = None
    cpus: tuple[int, ...] | None = None
    signature: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    rate: float | None = None


@dataclass(frozen=True)
class Schedule:
    """How the measurement was planned and how it ended.

    Attributes:
        max_seconds: time budget of the measurement.
        precision: wanted half-width of the total's interval, relative.
        processes: runner processes that gave samples.
        looks: times the interval was looked at to decide whether to stop.
        reached: True if the precision was reached (or counts agreed); None if it could not be told.
        complete: False if the measurement was cut short.
        sustain_seconds: length of an endurance run; None for a measurement that precision ends.
    """

    max_seconds: float
    precision: float
    processes: int
    looks: int
    reached: bool | None
    complete: bool
    sustain_seconds: float | None = None


@dataclass(frozen=True)
class ClockInfo:
    """Smallest step of the clock and cost of reading it, in the profile's unit; None if unknown."""

    tick: int | None = None
    read: int | None = None


@dataclass(frozen=True)
class EventInfo:
    """One profiler event of the runtime: type, source, two metadata words, tag."""

    type: int
    source: int
    m1: int
    m2: int
    tag: str


@dataclass(frozen=True)
class StructureInfo:
    """The events of one inference in order; ``parent`` is the enclosing event's position, or -1."""

    events: tuple[EventInfo, ...]
    parent: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """Kernels and the layers they serve: the unit of attribution.

    Attributes:
        layers: ids of the layers served; more than one makes a group.
        kernel: name of the kernel that takes most of it; None if nothing runs.
        events: per structure number (as text), positions of its events.
        note: ``exact``, ``split`` (several kernels), ``fused`` (several layers), ``ambiguous``
            (several layers and kernels that cannot be told apart), or ``static`` (nothing runs at
            inference: the work was done at init, or the delegate left it out).
    """

    layers: tuple[str, ...]
    kernel: str | None
    events: Mapping[str, tuple[int, ...]]
    note: str


@dataclass(frozen=True)
class Alignment:
    """Which kernel events belong to which layers; can be redone from the samples by a later version."""

    version: int
    structures: tuple[StructureInfo, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Finding:
    """A reason to doubt a profile: ``severity`` is ``note``, ``doubt`` or ``taint``."""

    code: str
    severity: str
    message: str
    remedy: str


@dataclass(frozen=True)
class NoiseFloor:
    """Relative difference that two measurements of the same thing exceed by chance in 1 % of cases."""

    total: float | None = None
    layers: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Pairing:
    """Two profiles were measured in the same processes, block by block in turn.

    Attributes:
        id: the same in both, and in no other profile.
        side: ``a`` or ``b``.
        looks: numbers of processes after which they were compared, the last one included.
    """

    id: str
    side: str
    looks: tuple[int, ...]


@dataclass(frozen=True)
class Prediction:
    """How counts of an emulated core became nanoseconds of a named phone.

    Attributes:
        mode: ``caches`` (pipelines, caches and memory) or ``cycles`` (pipelines only, all data in the first cache).
        core: the core whose costs were used, such as ``cortex-a73``.
        hertz: its clock.
        threads: that the times are predicted for; counts are of one thread.
        scale: what the model's time was multiplied by, 1.0 without an anchor.
        anchors: the measured times that the scale comes from, for people; empty: unanchored.
        error, layer_error: half-widths of the 95 % intervals of the total and of a layer, as natural logarithms of
            ratios: the interval is from ``value * exp(-error)`` to ``value * exp(error)``.
        costs_sha256: of the core's costs.
        ratio_error: the same half-width of the ratio of two totals predicted for one phone and core; None if unknown.
        extrapolated: what of it has not been checked against published times, as sentences.
        sharing: constants of how threads share the work, as text; None for one thread.
    """

    mode: str
    core: str
    hertz: int
    threads: int
    scale: float
    anchors: tuple[str, ...]
    error: float
    layer_error: float
    costs_sha256: str
    ratio_error: float | None = None
    extrapolated: tuple[str, ...] = ()
    sharing: str | None = None


@dataclass(frozen=True)
class ProfileMeta:
    """All of a profile but its samples.

    Attributes:
        kind: ``samples``, or ``aggregate`` for imported averages.
        provenance: ``measured``, ``emulated`` or ``predicted``.
        source: ``native``, ``inprocess``, ``benchmark_model`` or ``import``.
        unit: unit of the main counter: ``ns``, ``cycles`` or ``instructions``.
        runner_build: identity of the runner program.
        runtime: name, version, platform and sha256 of the inference library.
        conditions: what was noticed around the run (load, steal, frequencies).
        pairing: the profile that was measured together with this one, None if there is none.
        prediction: how its nanoseconds were predicted, None where they were measured or where counts are the unit.
    """

    tool_version: str
    created: str
    kind: str
    provenance: str
    source: str
    unit: str
    model: ModelInfo
    target: DeviceFacts
    runtime: Mapping[str, str | None]
    runner_build: str
    options: Options
    schedule: Schedule
    clock: ClockInfo
    alignment: Alignment
    deterministic: bool = False
    noise_floor: NoiseFloor = NoiseFloor()
    conditions: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = "ok"
    findings: tuple[Finding, ...] = ()
    pairing: Pairing | None = None
    prediction: Prediction | None = None

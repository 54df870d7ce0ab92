"""Synthetic profiles for tests, made only through the public API of :mod:`tflprof.profile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tflprof.facts import Cpu, DeviceFacts
from tflprof.profile.meta import (
    Alignment,
    ClockInfo,
    EventInfo,
    Finding,
    LayerInfo,
    ModelInfo,
    NoiseFloor,
    Options,
    PortInfo,
    ProfileMeta,
    Row,
    Schedule,
    StructureInfo,
)
from tflprof.profile.profile import Profile
from tflprof.profile.samples import BlockSamples, SampleWriter


@dataclass(frozen=True)
class Part:
    """One row of a synthetic profile: its layers (op and name), what it costs, and how it is attributed."""

    layers: tuple[tuple[str, str], ...]
    cost: float
    kernel: str | None = None
    note: str = "exact"
    macs: int | None = 1_000_000


def part(op: str, name: str, cost: float, *, macs: int | None = 1_000_000) -> Part:
    """A layer of its own."""
    return Part(((op, name),), cost, f"{op.title().replace('_', ' ')} (NHWC, F32)", macs=macs)


def group(cost: float, *layers: tuple[str, str], macs: int | None = 1_000_000) -> Part:
    """Several layers that one kernel serves."""
    return Part(layers, cost, "Convolution (NHWC, F32) IGEMM", "fused", macs)


def static(op: str, name: str) -> Part:
    """A layer that runs nothing."""
    return Part(((op, name),), 0.0, None, "static", None)


MIXED: tuple[Part, ...] = (
    part("CONV_2D", "net/Conv2d_0/Relu6", 820_000, macs=10_838_016),
    part("DEPTHWISE_CONV_2D", "net/Conv2d_1_depthwise/Relu6", 410_000, macs=3_612_672),
    group(640_000, ("PAD", "net/pad"), ("CONV_2D", "net/Conv2d_2/Relu6"), macs=25_690_112),
    part("CONV_2D", "net/Conv2d_3_pointwise/Relu6", 1_310_000, macs=51_380_224),
    part("MEAN", "net/Logits/AvgPool", 21_000, macs=None),
    static("RESHAPE", "net/Logits/Squeeze"),
    part("SOFTMAX", "net/Predictions", 900, macs=None),
)
"""Seven rows: a group of two layers, a static layer, layers without MACs, costs over four decades (ns)."""


def make_profile(
    parts: Sequence[Part] = MIXED,
    *,
    unit: str = "ns",
    findings: Sequence[Finding] = (),
    verdict: str = "ok",
    name: str = "mobilenet_v1_1.0_224",
    processes: int = 10,
    blocks: int = 3,
    inferences: int = 32,
    profiled: bool = True,
    complete: bool = True,
    seed: int = 0,
) -> Profile:
    """A profile of ``parts`` with 3 % unattributed: measured on the host in ns, or emulated (counts) otherwise.

    By default long enough (20 batches of 100 ms in 10 processes) for the total to have an interval.
    """
    emulated = unit != "ns"
    if emulated:
        processes, blocks, inferences = 1, 1, 2
    meta = ProfileMeta(
        tool_version="0.1.0",
        created="2026-11-20T12:00:00+00:00",
        kind="samples",
        provenance="emulated" if emulated else "measured",
        source="native",
        unit=unit,
        model=_model(parts, name),
        target=_target(emulated),
        runtime={"name": "LiteRT", "version": "2.3.0", "platform": "linux-x86_64", "sha256": "b" * 64},
        runner_build="0123456789ab",
        options=Options(),
        schedule=Schedule(60.0, 0.01, processes, 4, True if complete else None, complete),
        clock=ClockInfo(tick=1, read=25),
        alignment=_alignment(parts),
        deterministic=emulated,
        noise_floor=NoiseFloor(total=None if emulated else 0.012),
        conditions={"load": [0.4, 0.6], "governor": "performance", "throttled": None},
        verdict=verdict,
        findings=tuple(findings),
    )
    writer = SampleWriter()
    _Samples(writer, parts, unit, np.random.default_rng(seed), profiled).fill(processes, blocks, inferences)
    return Profile(meta, writer.table())


def _target(emulated: bool) -> DeviceFacts:
    cpus = tuple(Cpu(index=i, part="Cortex-A73", max_khz=2_457_600, cluster=i // 4) for i in range(8))
    if emulated:
        return DeviceFacts("pixel2", "emulated", "Linux 4.4", "linux-aarch64", "MSM8998", cpus, 4 << 30)
    return DeviceFacts("Test CPU 3000", "host", "Linux 6.1", "linux-x86_64", None, cpus[:4], 16 << 30)


def _model(parts: Sequence[Part], name: str) -> ModelInfo:
    layers: list[LayerInfo] = []
    for item in parts:
        for op, layer in item.layers:
            index = len(layers)
            layers.append(
                LayerInfo(
                    id=f"0/{index}",
                    index=index,
                    op=op,
                    name=layer,
                    shape=(1, 112, 112, 32),
                    dtype="float32",
                    macs=item.macs if op != "PAD" else 0,
                    parameters=1_000 * (index + 1),
                    weight_bytes=4_000 * (index + 1),
                    activation_bytes=401_408,
                )
            )
    return ModelInfo(
        path=f"models/{name}.tflite",
        name=name,
        sha256="a" * 64,
        size_bytes=16_901_128,
        fingerprint="f" * 16,
        layers=tuple(layers),
        inputs=(PortInfo("input", "float32", (1, 224, 224, 3), 602_112, "random"),),
        outputs=(PortInfo("output", "float32", (1, 1001), 4_004),),
        signature="serving_default",
    )


def _alignment(parts: Sequence[Part]) -> Alignment:
    events = [EventInfo(1, 0, 0, 0, "Invoke")]
    rows: list[Row] = []
    index = 0
    for item in parts:
        ids = tuple(f"0/{index + i}" for i in range(len(item.layers)))
        index += len(item.layers)
        positions: tuple[int, ...] = ()
        if item.note != "static":
            positions = (len(events),)
            events.append(EventInfo(8, 0, len(events) - 1, 0, item.kernel or ""))
        rows.append(Row(ids, item.kernel, {"0": positions}, item.note))
    return Alignment(1, (StructureInfo(tuple(events), (-1, *[0] * (len(events) - 1))),), tuple(rows))


class _Samples:
    """Draws the durations: lognormal around each part's cost, with a slow drift; counts are exact."""

    def __init__(
        self, writer: SampleWriter, parts: Sequence[Part], unit: str, rng: np.random.Generator, profiled: bool
    ) -> None:
        self.writer = writer
        self.costs = np.array([item.cost for item in parts if item.note != "static"])
        self.unit = unit
        self.rng = rng
        self.profiled = profiled
        self.clock = 1_000_000_000

    def fill(self, processes: int, blocks: int, inferences: int) -> None:
        """Write init, memory, first, warm-up and steady samples of every process."""
        for process in range(processes):
            self.writer.add_single(
                "init", process, "init", "plain", self.unit, int(48_000_000 + process * 1000)
            )
            self.writer.add_single("memory", process, "first", "plain", "bytes", 61 << 20)
            self._block(process, 0, 0, "first", "plain", 1, slow=1.6)
            self._block(process, 1, 0, "warmup", "plain", 3, slow=1.1)
            for number in range(blocks):
                self._block(process, 2 + 2 * number, 1 + number, "steady", "plain", inferences)
                if self.profiled:
                    self._block(process, 3 + 2 * number, 1 + number, "steady", "profiled", inferences)

    def _block(
        self, process: int, number: int, turn: int, phase: str, variant: str, count: int, slow: float = 1.0
    ) -> None:
        rows = np.array([self._draw(slow) for _ in range(count)])
        invoke = rows.sum(axis=1)
        values = (invoke * (1.031 if variant == "plain" else 1.037)).astype(int)
        events = [[int(total), *map(int, row)] for total, row in zip(invoke, rows, strict=True)]
        seen = variant == "profiled"
        self.clock += int(values.sum()) if self.unit == "ns" else 1_000_000
        self.writer.add_block(
            BlockSamples(
                process=process,
                block=number,
                round=turn,
                phase=phase,
                variant=variant,
                counter=self.unit,
                t=self.clock,
                khz=2_457_600,
                values=[int(value) for value in values],
                cores=[1] * count,
                structures=[0] * count if seen else (),
                events=events if seen else (),
            )
        )

    def _draw(self, slow: float) -> np.ndarray:
        if self.unit != "ns":
            return self.costs
        common = slow * (1 + 0.01 * np.sin(self.clock / 3e8)) * self.rng.lognormal(0, 0.01)
        return self.costs * common * self.rng.lognormal(0, 0.03, len(self.costs))


def sustained(
    *,
    blocks: int = 300,
    slow_from: int | None = 120,
    slowdown: float = 1.4,
    heat: bool = True,
    clock: bool = True,
    seed: int = 0,
) -> Profile:
    """An endurance run of one second a block; from a block on it is slower, at a lower frequency, and hot."""
    base = make_profile(processes=1, blocks=1, inferences=1)
    rng = np.random.default_rng(seed)
    writer = SampleWriter()
    for number in range(blocks):
        slow = slow_from is not None and number >= slow_from
        value = 5e6 * (slowdown if slow else 1.0)
        writer.add_block(
            BlockSamples(
                process=number // 60,
                block=number,
                round=number,
                phase="steady",
                variant="plain",
                counter="ns",
                t=10**12 + number * 10**9,
                khz=None,
                values=[int(value * rng.lognormal(0, 0.01)) for _ in range(5)],
                cores=[4] * 5,
                chain_khz=int(2_400_000 / (slowdown if slow else 1.0)) if clock else None,
                millicelsius=min(70_000, 35_000 + 250 * number) if heat else None,
                pmu={"cycles": [12_000_000] * 5, "instructions": [21_000_000] * 5},
            )
        )
    schedule = replace(base.meta.schedule, sustain_seconds=float(blocks), reached=None)
    return Profile(replace(base.meta, schedule=schedule), writer.table())


def mobilenet(unit: str = "ns", **options: object) -> Profile:
    """A profile with the shape of MobileNet v1: 31 layers, costs from their MACs."""
    options.setdefault("inferences", 8)
    rng = np.random.default_rng(7)
    parts: list[Part] = [part("CONV_2D", "MobilenetV1/MobilenetV1/Conv2d_0/Relu6", 1.1e6, macs=10_838_016)]
    channels = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    sizes = [112, 56, 56, 28, 28, 14, 14, 14, 14, 14, 14, 7, 7]
    for i, size in enumerate(sizes):
        prefix = f"MobilenetV1/MobilenetV1/Conv2d_{i + 1}"
        depthwise = size * size * channels[i] * 9
        pointwise = size * size * channels[i] * channels[i + 1]
        parts.append(part("DEPTHWISE_CONV_2D", f"{prefix}_depthwise/Relu6", depthwise / 3.1, macs=depthwise))
        cost = pointwise / rng.uniform(11, 15)
        parts.append(part("CONV_2D", f"{prefix}_pointwise/Relu6", cost, macs=pointwise))
    parts += [
        part("AVERAGE_POOL_2D", "MobilenetV1/Logits/AvgPool_1a/AvgPool", 18_000, macs=None),
        part("CONV_2D", "MobilenetV1/Logits/Conv2d_1c_1x1/BiasAdd", 160_000, macs=1_025_024),
        static("RESHAPE", "MobilenetV1/Logits/SpatialSqueeze"),
        part("SOFTMAX", "MobilenetV1/Predictions/Reshape_1", 4_200, macs=None),
    ]
    return make_profile(parts, unit=unit, **options)

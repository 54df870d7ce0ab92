"""Predictions of published times on emulated cores, kept on disk so that a benchmark that was ended goes on.

One emulation per network, phone, core and number of threads; it is done again when the network, the costs of the
core, the phone, the plugin, the runner or the runtime changed. Clocks other than the profile's follow from its counts.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from benchmarks.prediction_errors import Predicted
from benchmarks.published_times import Point
from tflprof import profile_model
from tflprof.errors import TflprofError
from tflprof.files import write_atomically
from tflprof.model.build import build_network
from tflprof.profile.profile import Profile
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.prediction_error import errors

CACHE = Path(__file__).resolve().parent.parent / "build" / "prediction"
COST = "caches"


@dataclass(frozen=True)
class Layer:
    """A layer's predicted time, ns, and its instructions."""

    id: str
    op: str
    name: str
    ns: float
    instructions: float


@dataclass(frozen=True)
class Emulated:
    """What one emulation gave.

    Attributes:
        ns: predicted for the profile's clock, on one thread, without an anchor.
        cycles, dram_lines: of the same inference.
        hertz: the profile's clock; ``line_cycles``: that a line from memory is charged with.
        seconds: that it took from the command to the profile.
        unattributed: ns that no layer has.
    """

    ns: float
    instructions: float
    cycles: float
    dram_lines: float
    hertz: int
    line_cycles: float
    costs_sha256: str
    seconds: float
    layers: tuple[Layer, ...]
    unattributed: float = 0.0

    def at_clock(self, hertz: float) -> float:
        """Predicted ns at another clock of the core: memory takes as long as before, all else as many cycles."""
        memory = self.dram_lines * self.line_cycles / self.cycles if self.cycles else 0.0
        return self.ns * (memory + (1 - memory) * self.hertz / hertz)


class Cache:
    """Emulations on disk, by all that they depend on."""

    def __init__(self, folder: Path = CACHE) -> None:
        self._folder = folder
        self._facts: dict[tuple[str, str], dict[str, Any]] = {}

    def emulated(self, point: Point) -> Emulated:
        """The emulation of a point's network on its phone."""
        name = f"{point.model}_{point.width:g}_{point.size}_{point.dtype}"
        model = self.model(name, lambda: build_network(point.model, point.size, point.width, point.dtype))
        return self.of_model(model, point.phone, point.core, point.threads)

    def model(self, name: str, build: Callable[[], bytes]) -> Path:
        """A network as a file, built if it is not there."""
        path = self._folder / "models" / f"{name}.tflite"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            content = build()
            write_atomically(path, lambda place: place.write_bytes(content))
        return path

    def of_model(self, model: Path, phone: str, core: str, threads: int = 1) -> Emulated:
        """The emulation of a model on a core of a phone; from disk if nothing has changed."""
        facts = {**self._device(phone, core), "threads": threads, "model": _sha256(model.read_bytes())}
        key = _sha256(json.dumps(facts, sort_keys=True).encode())
        path = self._folder / f"{model.stem}_{phone}_{core}_{threads}_{key[:16]}.json"
        if path.exists():
            found = json.loads(path.read_text())
            return Emulated(**{**found, "layers": tuple(Layer(**layer) for layer in found["layers"])})
        began = time.monotonic()
        target = f"emulated:{phone}"
        profile = profile_model(model, target=target, core=core, threads=threads, cost=COST, anchors="none")
        result = _read(profile, facts, time.monotonic() - began)
        text = json.dumps(asdict(result))
        write_atomically(path, lambda place: place.write_text(text))
        return result

    def _device(self, phone: str, core: str) -> dict[str, Any]:
        """What an emulation on this core depends on beside the network."""
        if (phone, core) not in self._facts:
            device = EmulatedDevice(phone, counter_plugin, cost=COST)
            try:
                costs = device.core_costs(device.cpus_for(core, 1))
                self._facts[phone, core] = {
                    "costs": costs.sha256,
                    "hertz": costs.hertz,
                    "line_cycles": costs.dram_line_cycles,
                    "phone": device.facts.details["phone_sha256"],
                    "plugin": device.facts.details["plugin_sources_sha256"],
                    "runner": _sha256(runner_binary(device.platform).path.read_bytes()),
                    "runtime": find_runtime(device.platform, None).version,
                    "core": core,
                }
            finally:
                device.close()
        return self._facts[phone, core]


def predict(
    points: Iterable[Point], cache: Cache, tell: Any = print
) -> list[tuple[Predicted, Emulated | None]]:
    """Every point with its prediction; what the package refuses to predict keeps the reason."""
    found: list[tuple[Predicted, Emulated | None]] = []
    for point in points:
        tell(f"{point.device}: {point.network} {point.dtype}, threads: {point.threads}")
        try:
            emulated = cache.emulated(point)
        except TflprofError as error:
            found.append((Predicted(point, None, reason=str(error)), None))
            continue
        stated = [errors(point.cpu, COST, anchors, point.threads).total for anchors in (0, 1)]
        ms = emulated.at_clock(point.clock_ghz * 1e9) / 1e6
        found.append((Predicted(point, ms, *stated), emulated))
    return found


def _read(profile: Profile, facts: dict[str, Any], seconds: float) -> Emulated:
    summary, prediction = profile.summary, profile.meta.prediction
    if summary.instructions is None or prediction is None:
        raise ValueError("the profile is no prediction")
    layers = tuple(
        Layer(
            layer.info.id,
            layer.info.op,
            layer.info.name,
            layer.estimate.typical or 0.0,
            counted.estimate.typical or 0.0,
        )
        for layer, counted in zip(summary.layers, summary.instructions.layers, strict=True)
    )
    return Emulated(
        ns=summary.total.typical or 0.0,
        instructions=summary.instructions.total.typical or 0.0,
        cycles=_last(profile, "cycles"),
        dram_lines=_last(profile, "dram_lines"),
        hertz=facts["hertz"],
        line_cycles=facts["line_cycles"],
        costs_sha256=prediction.costs_sha256,
        seconds=seconds,
        layers=layers,
        unattributed=summary.unattributed.typical or 0.0,
    )


def _last(profile: Profile, counter: str) -> float:
    """A counter of the last whole inference."""
    table = profile.table
    wanted = pc.and_(pc.equal(table["counter"], counter), pc.equal(table["kind"], "inference"))
    values = table.filter(wanted)["value"]
    return float(values[-1].as_py()) if len(values) else 0.0


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Predictions of published times on emulated cores, kept on disk so that a benchmark that was ended goes on.

One emulation per network, phone and core; it is done again when the network, the costs of the core, the phone, the
plugin, the runner or the runtime changed. Several threads, and other clocks than the profile's, follow from its counts.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from benchmarks.prediction_errors import Predicted
from benchmarks.prediction_phones import known
from benchmarks.published_times import Point
from tflprof import profile_model, read_profile
from tflprof.errors import TflprofError
from tflprof.files import write_atomically
from tflprof.measure.parallel import shared_work
from tflprof.measure.predict import predict as timed
from tflprof.model.build import build_network
from tflprof.profile.blocks import read_blocks
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runtimes.library import find_runtime
from tflprof.targets.cost_table import CoreCosts
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.prediction_error import errors

CACHE = Path(__file__).resolve().parent.parent / "build" / "prediction"
CACHES, CYCLES = "caches", "cycles"
"""Cost modes: all that is modelled, and without caches and memory."""


@dataclass(frozen=True)
class Emulated:
    """What one emulation gave, on one thread and without an anchor.

    Attributes:
        profile: of the run.
        costs: of the core.
        seconds: that it took from the call to the profile.
    """

    profile: Profile
    costs: CoreCosts
    seconds: float

    @property
    def ns(self) -> float:
        """Predicted for the profile's clock."""
        return self.profile.summary.total.typical or 0.0

    def count(self, counter: str) -> float:
        """A counter of the last whole inference."""
        table = self.profile.table
        wanted = pc.and_(pc.equal(table["counter"], counter), pc.equal(table["kind"], "inference"))
        values = table.filter(wanted)["value"]
        return float(values[-1].as_py()) if len(values) else 0.0

    def ns_of(self, wanted: set[str]) -> float:
        """The layers of these ids together, all of them if none is named."""
        layers = self.profile.summary.layers
        return sum(layer.estimate.typical or 0.0 for layer in layers if not wanted or layer.info.id in wanted)

    def at_clock(self, hertz: float) -> float:
        """What to multiply times with for another clock: memory takes as long as before, all else as many cycles."""
        cycles = self.count("cycles")
        memory = self.count("dram_lines") * self.costs.dram_line_cycles / cycles if cycles else 0.0
        return memory + (1 - memory) * self.costs.hertz / hertz

    def on_threads(self, threads: int) -> float:
        """Predicted ns on several threads. Raises TargetError where the package does."""
        prediction = self.profile.meta.prediction
        assert prediction is not None
        blocks = [
            block for name in ("cycles", "dram_lines") for block in read_blocks(self.profile.table, name)
        ]
        structures = self.profile.meta.alignment.structures
        totals = []
        for count in (1, threads):
            found = timed(
                blocks, structures, replace(prediction, threads=count), shared_work(self.costs, count)
            )
            steady = [block for block in found if block.phase == "steady"]
            last = next((block for block in steady if block.variant == "plain"), steady[-1])
            totals.append(float(last.values[-1]))
        return self.ns * totals[1] / totals[0]


class Cache:
    """Emulations of a cost mode on disk, by all that they depend on."""

    def __init__(self, cost: str = CACHES, folder: Path = CACHE) -> None:
        self.cost = cost
        self._folder = folder
        self._known: dict[tuple[str, str], tuple[CoreCosts, dict[str, Any], tuple[int, ...]]] = {}

    def emulated(self, point: Point) -> Emulated:
        """The emulation of a point's network on its phone."""
        name = f"{point.model}_{point.width:g}_{point.size}_{point.dtype}"
        model = self.model(name, lambda: build_network(point.model, point.size, point.width, point.dtype))
        return self.of_model(model, point.phone, point.core)

    def model(self, name: str, build: Callable[[], bytes]) -> Path:
        """A network as a file, built if it is not there."""
        path = self._folder / "models" / f"{name}.tflite"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            content = build()
            write_atomically(path, lambda place: place.write_bytes(content))
        return path

    @known()
    def of_model(self, model: Path, phone: str, core: str) -> Emulated:
        """The emulation of a model on a core of a phone; from disk if nothing has changed."""
        costs, facts, _ = self._core(phone, core)
        key = _sha256(json.dumps({**facts, "model": _sha256(model.read_bytes())}, sort_keys=True).encode())
        path = self._folder / f"{model.stem}_{phone}_{core}_{key[:16]}.parquet"
        seconds = path.with_suffix(".json")
        if not path.exists():
            began = time.monotonic()
            profile = profile_model(
                model, target=f"emulated:{phone}", core=core, cost=self.cost, anchors="none"
            )
            text = json.dumps({"seconds": time.monotonic() - began, **facts}, indent=1)
            write_atomically(seconds, lambda place: place.write_text(text))
            write_profile(profile, path, overwrite=True)
        return Emulated(read_profile(path), costs, json.loads(seconds.read_text())["seconds"])

    @known()
    def check_cores(self, point: Point) -> None:
        """Raise TargetError or UsageError if the phone has not as many such cores as the point has threads."""
        device = EmulatedDevice(point.phone, counter_plugin, cost=self.cost)
        try:
            device.cpus_for(point.core, point.threads)
        finally:
            device.close()

    def _core(self, phone: str, core: str) -> tuple[CoreCosts, dict[str, Any], tuple[int, ...]]:
        """Costs of a core, and what an emulation on it depends on beside the network."""
        if (phone, core) not in self._known:
            device = EmulatedDevice(phone, counter_plugin, cost=self.cost)
            try:
                cpus = device.cpus_for(core, 1)
                costs = device.core_costs(cpus)
                facts = {
                    "costs": costs.sha256,
                    "phone": device.facts.details["phone_sha256"],
                    "plugin": device.facts.details["plugin_sources_sha256"],
                    "runner": _sha256(runner_binary(device.platform).path.read_bytes()),
                    "runtime": find_runtime(device.platform, None).version,
                    "core": core,
                }
                self._known[phone, core] = costs, facts, cpus
            finally:
                device.close()
        return self._known[phone, core]


def predict(points: Iterable[Point], cache: Cache) -> list[tuple[Predicted, Emulated | None]]:
    """Every point with its prediction; what the package refuses to predict keeps the reason."""
    found: list[tuple[Predicted, Emulated | None]] = []
    for point in points:
        try:
            if point.threads > 1:
                cache.check_cores(point)
            emulated = cache.emulated(point)
            ns = emulated.ns if point.threads == 1 else emulated.on_threads(point.threads)
        except TflprofError as error:
            found.append((Predicted(point, None, reason=str(error)), None))
            print(
                f"{point.device}: {point.network} {point.dtype} x{point.threads}: refused: {error}",
                flush=True,
            )
            continue
        core = emulated.costs.name
        alone, anchored = (errors(core, cache.cost, anchors, point.threads).total for anchors in (0, 1))
        other = errors(core, cache.cost, 1, point.threads, same_type=False).total
        ms = ns * emulated.at_clock(point.clock_ghz * 1e9) / 1e6
        row = Predicted(point, ms, alone, anchored, other_error=other)
        print(_told(row, emulated), flush=True)
        found.append((row, emulated))
    return found


def _told(row: Predicted, emulated: Emulated) -> str:
    point = row.point
    return (
        f"{point.device} ({point.use}): {point.network} {point.dtype} x{point.threads}: {100 * row.relative:+.1f} %, "
        f"emulated in {emulated.seconds:.1f} s"
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Counts of a network with an older inference library: TensorFlow Lite 2.7.0, out of its Python wheel, without Python.

``older_runtime.c`` calls what the wheel's extension exports, on an emulated phone with the plugin and the costs that a
profile has. Counts are of whole inferences; they are kept on disk by all that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.prediction_phones import known
from tflprof.files import write_atomically
from tflprof.runner.binary import counter_plugin
from tflprof.runtimes.catalog import Entry, Wheel
from tflprof.runtimes.fetch import cached_library, file_sha256
from tflprof.targets.emulated import EmulatedDevice

NAME, DATE = "TensorFlow Lite 2.7.0", "December 2021"
UNTIL = "2023"
"""The last year whose times are nearer to this library in age than to LiteRT 2.3 of 2026."""
CACHE = Path(__file__).resolve().parent.parent / "build" / "prediction_runtime"
_SOURCE = Path(__file__).with_suffix(".c")
_WHEEL = Wheel(
    requirement="tflite-runtime==2.7.0",
    python="3.9",
    tag="manylinux2014_aarch64",
    member="tflite_runtime-2.7.0.data/purelib/tflite_runtime/_pywrap_tensorflow_interpreter_wrapper.so",
    sha256="e4ad4b8175c9b8ba39e2e13aa4416bb35e8cb5d362a65cc9409942d146637d9d",
)
LIBRARY = Entry(
    name="tflite-runtime",
    version="2.7.0",
    platform="linux-aarch64",
    sha256="556c753ca308b3aa9f2b391f5f9633fbab2ec77dce4f98268a879215105e6620",
    wheel=_WHEEL,
)
_INFERENCES = 2
"""The first one fills caches, the last one counts."""
_COMPILE = ("cc", "--target=aarch64-linux-gnu.2.17", "-mcpu=generic", "-std=gnu11", "-O2", "-g0", "-rdynamic")


@dataclass(frozen=True)
class Counts:
    """What one inference took, and the core it ran on: cycles per second, and cycles that a line of memory takes."""

    instructions: int
    cycles: int
    dram_lines: int
    hertz: float
    dram_line_cycles: float

    def ms(self, hertz: float) -> float:
        """Time at another clock: memory takes as long as before, all else as many cycles."""
        memory = min(self.dram_lines * self.dram_line_cycles, self.cycles)
        return 1e3 * (memory / self.hertz + (self.cycles - memory) / hertz)


@cache
def program() -> bytes:
    """The program that runs the library, compiled."""
    with tempfile.TemporaryDirectory(prefix="tflprof-older-") as folder:
        path = Path(folder) / "older_runtime"
        command = [sys.executable, "-m", "ziglang", *_COMPILE, _SOURCE.name, "-ldl", "-o", str(path)]
        subprocess.run(command, check=True, cwd=_SOURCE.parent)
        return path.read_bytes()


@known()
def counts(model: Path, phone: str, core: str, folder: Path = CACHE) -> Counts:
    """Counts of a model on a core of a phone; from disk if nothing has changed.

    Raises:
        RuntimeMissing: the wheel cannot be fetched.
        RuntimeError: the library refused the model.
    """
    device = EmulatedDevice(phone, counter_plugin)
    try:
        facts = {
            "costs": device.core_costs(device.cpus_for(core, 1)).sha256,
            "device": device.facts.details,
            "library": LIBRARY.sha256,
            "program": hashlib.sha256(program()).hexdigest(),
            "model": file_sha256(model),
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        path = folder / f"{model.stem}_{phone}_{core}_{digest[:16]}.json"
        if path.exists():
            return Counts(**json.loads(path.read_text()))
        found = _emulate(device, model, core)
    finally:
        device.close()
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda place: place.write_text(json.dumps(asdict(found))))
    return found


def _emulate(device: EmulatedDevice, model: Path, core: str) -> Counts:
    cpus = device.cpus_for(core, 1)
    costs = device.core_costs(cpus)
    told = dict(device.runner_options(cpus))
    workspace = device.workspace()
    try:
        workspace.write("older_runtime", program())
        workspace.push(workspace.directory / "older_runtime", "program", executable=True)
        workspace.push(cached_library(LIBRARY), "lib.so")
        workspace.push(model, "model.tflite")
        words = ("model.tflite", str(_INFERENCES), told["guest_cpu"], told["hwcap"], told["hwcap2"])
        process = workspace.spawn(["program", *words])
        lines = [line.split() for line in process.lines()]
        status = process.wait()
        if status or len(lines) != _INFERENCES:
            raise RuntimeError(f"{model.name}: status {status}: {process.stderr_tail()}")
    finally:
        workspace.close()
    instructions, cycles, dram_lines = (int(word) for word in lines[-1])
    return Counts(instructions, cycles, dram_lines, costs.hertz, costs.dram_line_cycles)

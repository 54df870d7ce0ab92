"""What modelling a phone's time costs on the emulated core.

(1) Speed of an inference in the three cost modes, in every emulator there is, over rounds of one process of each kind,
in an order that is turned from round to round: the host's clock times it while the plugin counts. (2) Seconds from
the command to the table, of MobileNet v1.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import common
from benchmarks.emulation import PHONE, Clocked, emulators
from tflprof import profile_model
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Block
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulator import CHOICE

MODES = ("instructions", "cycles", "caches")
TIMED = ("mobilenet_v1", 128, 0.5, "float32")
WHOLE = ("mobilenet_v1", 224, 1.0, "float32")


def time_of_inference(model: Path, emulator: Path, mode: str) -> float:
    """Median time of an inference of one emulated process in a cost mode, by the host's clock, ns."""
    os.environ[CHOICE] = str(emulator)
    device = Clocked(PHONE, counter_plugin, cost=mode)
    runner = NativeRunner(device, find_runtime(device.platform, None), runner_binary(device.platform))
    request = RunRequest((model,), variants=("plain",), warmup_ms=100, warmup_min=2, seconds=2.0)
    session = runner.start(request)
    try:
        blocks = [r for r in session.records() if isinstance(r, Block) and r.phase == "steady"]
    finally:
        session.close()
        runner.close()
        del os.environ[CHOICE]
    return float(np.median([value for block in blocks for value in block.value]))


def speeds(known: Mapping[str, Path], model: Path, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Millions of instructions per second, by version and mode, one value per round."""
    profile = profile_model(model, target=f"emulated:{PHONE}", cost="instructions")
    count = profile.summary.total.typical or 0.0
    kinds = [(version, mode) for version in known for mode in MODES]
    found: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds):
        at = turn % len(kinds)
        for version, mode in [*kinds[at:], *kinds[:at]]:
            found[version, mode].append(count / time_of_inference(model, known[version], mode) * 1e3)
    return found


def to_table(model: Path, mode: str) -> float:
    """Seconds from the command to its end; the table is its output."""
    command = [
        sys.executable,
        "-m",
        "tflprof",
        "profile",
        str(model),
        "--target",
        f"emulated:{PHONE}",
        "--cost",
        mode,
    ]
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        common.run([*command, "-o", Path(place) / "p.parquet"])
        return time.monotonic() - began


def main() -> None:
    """Measure both and publish them."""
    options = common.arguments(__doc__ or "", rounds=6, commands=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = common.network(folder, *WHOLE)
        seconds = {mode: [to_table(model, mode) for _ in range(options.commands)] for mode in MODES}
        found = speeds(emulators(), common.network(folder, *TIMED), options.rounds)
    speed = [(f"QEMU {version}", mode, spread(values, "MIPS")) for (version, mode), values in found.items()]
    whole = [(mode, spread(values, "s")) for mode, values in seconds.items()]
    text = "\n\n".join(
        (
            f"Speed of emulation, {_name(TIMED)} on {PHONE}: median of {options.rounds} rounds (least to greatest).",
            common.table(("emulator", "cost mode", "speed"), speed),
            f"From `tflprof profile` to its table and file, {_name(WHOLE)}: median of {options.commands}.",
            common.table(("cost mode", "time"), whole),
        )
    )
    data = {
        "mips": {f"{version} {mode}": values for (version, mode), values in found.items()},
        "seconds": seconds,
    }
    common.publish("emulation_cost", "What modelling time costs", text, data, options.out)


def spread(values: Sequence[float], unit: str) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):.1f} {unit} ({min(values):.1f} to {max(values):.1f})"


def _name(which: tuple[str, int, float, str]) -> str:
    network, size, width, dtype = which
    return f"`{network}` {width:g} {size} {dtype}"


if __name__ == "__main__":
    main()

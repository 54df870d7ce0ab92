"""What modelling a phone's time costs on the emulated core, and whether it repeats exactly.

(1) Speed of an inference in the three cost modes, in every emulator there is, over rounds of one process of each kind,
in an order that is turned from round to round: the host's clock times it while the plugin counts. (2) Seconds from
the command to the table, of MobileNet v1. (3) Runs in other directories, environments, users (of a user namespace),
model paths and under load: are instructions, cycles and lines from memory of every event the same?
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.emulation import PHONE, Clocked, emulators
from tflprof import profile_model, read_profile
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Block
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulator import CHOICE

MODES = ("instructions", "cycles", "caches")
COUNTED = ("instructions", "cycles", "dram_lines")
TIMED = ("mobilenet_v1", 128, 0.5, "float32")
WHOLE = ("mobilenet_v1", 224, 1.0, "float32")
REPEATED = (("mobilenet_v1", 96, 0.25, "float32"), ("mobilenet_v2", 96, 0.35, "int8"))


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


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that only compute."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def surroundings(run: int) -> dict[str, Any]:
    """How a run's process differs from others: every second, third and so on differs in one thing more."""
    return {
        "another directory": run % 2 == 1,
        "another user": run % 3 == 1,
        "another environment": run % 4 >= 2,
        "load": run % 5 in (2, 4),
        "another model path": run % 7 >= 4,
    }


def counted(model: Path, folder: Path, run: int) -> dict[str, Any]:
    """Digest of all counts of one run in its surroundings, and the total's."""
    how = surroundings(run)
    place = folder / ("a directory that is another one" if how["another directory"] else "here")
    place.mkdir(exist_ok=True)
    if how["another model path"]:
        model = Path(shutil.copy(model, place / "the same model under a much longer name.tflite"))
    environment = dict(os.environ)
    if how["another environment"]:
        environment |= {"PADDING": "x" * 3000, "LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}
    profile = place / f"{run}.parquet"
    command = [sys.executable, "-m", "tflprof", "profile", str(model), "--target", f"emulated:{PHONE}"]
    before = ["unshare", "--user"] if how["another user"] else []
    with load(2 if how["load"] else 0):
        common.run([*before, *command, "-o", profile], cwd=place, env=environment)
    found = digest(profile)
    profile.unlink()
    return {"surroundings": [name for name, differs in how.items() if differs], **found}


def digest(path: Path) -> dict[str, Any]:
    """SHA-256 of every count of every event of a profile in order, and counts of the last inference."""
    frame = read_profile(path).samples()
    own = frame[frame["counter"].isin(COUNTED)]
    columns = own[["kind", "variant", "phase", "inference", "event", "counter", "value"]]
    whole = own[own["kind"] == "inference"]
    totals = {name: int(whole[whole["counter"] == name]["value"].iloc[-1]) for name in COUNTED}
    return {"sha256": hashlib.sha256(columns.to_csv(index=False).encode()).hexdigest(), **totals}


def between_emulators(
    known: Mapping[str, Path], models: Sequence[Path], folder: Path
) -> list[dict[str, Any]]:
    """Counts of every model in every emulator."""
    rows = []
    for model in models:
        for version, path in known.items():
            profile = folder / f"{model.stem}-{version}.parquet"
            command = [
                sys.executable,
                "-m",
                "tflprof",
                "profile",
                str(model),
                "--target",
                f"emulated:{PHONE}",
            ]
            common.run([*command, "-o", profile], env={**os.environ, CHOICE: str(path)})
            rows.append({"model": model.stem, "emulator": version, **digest(profile)})
    return rows


def repeated_rows(repeated: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, ...]]:
    """Of each model: runs, how many different digests they have, and the counts."""
    return [
        (
            name,
            str(len(runs)),
            str(len({run["sha256"] for run in runs})),
            *(f"{runs[0][count]:,}" for count in COUNTED),
        )
        for name, runs in repeated.items()
    ]


def main() -> None:
    """Measure the three and publish them."""
    options = common.arguments(__doc__ or "", rounds=6, runs=20, commands=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = emulators()
        models = [common.network(folder, *which) for which in REPEATED]
        seconds = {
            mode: [to_table(common.network(folder, *WHOLE), mode) for _ in range(options.commands)]
            for mode in MODES
        }
        found = speeds(known, common.network(folder, *TIMED), options.rounds)
        repeated = {
            model.stem: [counted(model, folder, run) for run in range(options.runs)] for model in models
        }
        versions = between_emulators(known, models, folder)
    publish(seconds, found, repeated, versions, options)


def publish(
    seconds: Mapping[str, Sequence[float]],
    found: Mapping[tuple[str, str], Sequence[float]],
    repeated: Mapping[str, Sequence[Mapping[str, Any]]],
    versions: Sequence[Mapping[str, Any]],
    options: Any,
) -> None:
    """Tables and data; exits with a message if runs differ."""

    def spread(values: Sequence[float], unit: str) -> str:
        return f"{statistics.median(values):.1f} {unit} ({min(values):.1f} to {max(values):.1f})"

    speed = [(f"QEMU {version}", mode, spread(values, "MIPS")) for (version, mode), values in found.items()]
    whole = [(mode, spread(values, "s")) for mode, values in seconds.items()]
    same = [
        (
            one["model"],
            f"QEMU {one['emulator']}",
            one["sha256"][:12],
            *(f"{one[count]:,}" for count in COUNTED),
        )
        for one in versions
    ]
    text = "\n\n".join(
        (
            f"Speed of emulation, {_name(TIMED)} on {PHONE}: median of {options.rounds} rounds, least and greatest.",
            common.table(("emulator", "cost mode", "speed"), speed),
            f"From `tflprof profile` to its table and file, {_name(WHOLE)}: median of {options.commands}.",
            common.table(("cost mode", "time"), whole),
            "The same command again, in another directory, environment, user, model path and under load of both cores, "
            "in changing combinations. A digest is of every count of every event.",
            common.table(("model", "runs", "different digests", *COUNTED), repeated_rows(repeated)),
            "Between emulators:",
            common.table(("model", "emulator", "digest", *COUNTED), same),
        )
    )
    data = {
        "mips": {f"{version} {mode}": list(values) for (version, mode), values in found.items()},
        "seconds": {mode: list(values) for mode, values in seconds.items()},
        "repeated": {name: [dict(run) for run in runs] for name, runs in repeated.items()},
        "between_emulators": [dict(one) for one in versions],
    }
    common.publish(
        "emulation_cost", "What modelling time costs", text, json.loads(json.dumps(data)), options.out
    )
    differing = [name for name, runs in repeated.items() if len({run["sha256"] for run in runs}) > 1]
    if differing:
        raise SystemExit(f"runs differ: {differing}")


def _name(which: tuple[str, int, float, str]) -> str:
    network, size, width, dtype = which
    return f"`{network}` {width:g} {size} {dtype}"


if __name__ == "__main__":
    main()

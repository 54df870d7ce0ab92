"""Is counting on the emulated core exact, the right core's, the same in every version of the emulator, and cheap?

(1) MobileNet v1 is profiled twice, the second time from another directory, as another user (65534, in a user
namespace), with another environment and another model path: the counts of every layer are compared.
(2) Instructions per inference on the big and the little core of the phone. (3) The installed emulator and the one
that `tflprof doctor --build-emulator` builds (the tests' one, which is built now if it is not there) profile the same
networks: the counts of every layer are compared. (4) Time of an inference in each of them, with the plugin and
without, over rounds of one process of each kind, in an order that is turned from round to round.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import common
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Block
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import CHOICE, Plugin, check_emulator
from tflprof.targets.emulator_build import build_emulator

PHONE = "pixel2"
# Where the tests keep the emulator that they build.
BUILT = Path(__file__).resolve().parent.parent / "build" / "emulator"
# Networks and phones whose counts are compared between emulators: kernels with and without dot products.
COMPARED = (
    ("mobilenet_v1", 224, 1.0, "float32", "pixel2"),
    ("mobilenet_v1", 96, 0.25, "int8", "rpi5"),
    ("mobilenet_v2", 96, 0.5, "float32", "rpi4"),
    ("mobilenet_v2", 96, 0.5, "int8", "pixel3a"),
)


class Clocked(EmulatedDevice):
    """The emulated phone with the host's clock instead of counts, with or without the plugin."""

    deterministic = False
    counting = True

    def __init__(self, name: str, plugin: Callable[[int], Plugin], cost: str = "instructions") -> None:
        super().__init__(name, plugin, cost)
        self.counters = ("ns",)

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """The phone's, but for the clock."""
        kept = ("guest_cpu", "cpuinfo", "hwcap", "hwcap2")
        return [("mode", "time"), *(pair for pair in super().runner_options(cpus) if pair[0] in kept)]

    def _command(self, argv: Sequence[str]) -> list[str]:
        command = super()._command(argv)
        if not self.counting:
            at = command.index("-plugin")
            del command[at : at + 2]
        return command


def profile(
    model: Path,
    folder: Path,
    core: str = "big",
    before: Sequence[str] = (),
    phone: str = PHONE,
    **options: Any,
) -> dict[str, Any]:
    """The command's JSON for a model on an emulated phone; options are those of a new process."""
    return common.profile_document(
        model,
        f"emulated:{phone}",
        "--core",
        core,
        "--cost",
        "instructions",
        before=before,
        cwd=folder,
        **options,
    )


def elsewhere(model: Path, folder: Path) -> dict[str, Any]:
    """The same in other surroundings: directory, user, environment, model path."""
    place = folder / "another" / "and much longer place"
    place.mkdir(parents=True)
    copied = shutil.copy(model, place / "the same model under another name.tflite")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    shutil.copytree(caches / "tflprof", place / "cache" / "tflprof")
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C",
        "PADDING": "x" * 3000,
        "XDG_CACHE_HOME": str(place / "cache"),
    }
    return profile(Path(copied), place, before=("unshare", "--user"), env=environment)


def counts(document: dict[str, Any]) -> dict[str, float]:
    """Instructions by layer id, and in total."""
    return {layer["id"]: layer["typical"] for layer in document["layers"]} | {
        "total": document["total"]["typical"]
    }


def emulators() -> dict[str, Path]:
    """The installed emulator and the built one, by their versions."""
    installed = shutil.which("qemu-aarch64")
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(BUILT)):
        built = build_emulator()
    paths = [built, *([Path(installed)] if installed else [])]
    return {version_of(path): path for path in reversed(paths)}


def version_of(path: Path) -> str:
    """Such as ``10.0.13``."""
    found = re.search(r"version (\S+)", check_emulator(path).banner)
    return found[1] if found else "unknown"


def compare_emulators(known: Mapping[str, Path], folder: Path) -> list[dict[str, Any]]:
    """Of every network: what each emulator counts in total, and the layers that they do not agree on."""
    rows = []
    for name, size, width, dtype, phone in COMPARED:
        model = common.network(folder, name, size, width, dtype)
        found = {
            version: counts(profile(model, folder, phone=phone, env={**os.environ, CHOICE: str(path)}))
            for version, path in known.items()
        }
        first = next(iter(found.values()))
        different = sorted(
            {layer for one in found.values() for layer in one if one[layer] != first.get(layer)}
        )
        totals = {version: one["total"] for version, one in found.items()}
        rows.append(
            {
                "model": model.stem,
                "phone": phone,
                "totals": totals,
                "layers": len(first) - 1,
                "different": different,
            }
        )
    return rows


def time_of_inference(model: Path, emulator: Path, counting: bool) -> float:
    """Median wall time of an inference of one emulated process, ns."""
    os.environ[CHOICE] = str(emulator)
    device = Clocked(PHONE, counter_plugin)
    device.counting = counting
    runner = NativeRunner(device, find_runtime(device.platform, None), runner_binary(device.platform))
    session = runner.start(
        RunRequest((model,), variants=("plain",), warmup_ms=100, warmup_min=2, seconds=2.0)
    )
    try:
        blocks = [r for r in session.records() if isinstance(r, Block) and r.phase == "steady"]
    finally:
        session.close()
        runner.close()
        del os.environ[CHOICE]
    return float(np.median([value for block in blocks for value in block.value]))


def time_emulators(
    known: Mapping[str, Path], model: Path, rounds: int
) -> dict[tuple[str, bool], list[float]]:
    """Times of an inference, ns, by version and whether it was counted."""
    kinds = [(version, counting) for version in known for counting in (False, True)]
    times: dict[tuple[str, bool], list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds):
        at = turn % len(kinds)
        for version, counting in [*kinds[at:], *kinds[:at]]:
            times[version, counting].append(time_of_inference(model, known[version], counting))
    return times


def speed_rows(times: Mapping[tuple[str, bool], Sequence[float]]) -> list[tuple[str, list[float]]]:
    """What is compared of the times, and the median ratio with its 90 % interval."""
    versions = list(dict.fromkeys(version for version, _ in times))
    compared = [(f"QEMU {one}: counting / not", (one, True), (one, False)) for one in versions]
    for one in versions[1:]:
        for counting, how in ((True, "counting"), (False, "not counting")):
            compared.append((f"QEMU {one} / {versions[0]}, {how}", (one, counting), (versions[0], counting)))
    return [
        (title, list(common.relative_interval([a / b for a, b in zip(times[top], times[low], strict=True)])))
        for title, top, low in compared
    ]


def exactness(folder: Path) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Rows and data of what does not depend on the emulator's version."""
    model = common.network(folder, "mobilenet_v1", 224, 1.0, "float32")
    first, second = profile(model, folder), elsewhere(model, folder)
    little = counts(profile(model, folder, "little"))["total"]
    here, there = counts(first), counts(second)
    different = [layer for layer, count in here.items() if there[layer] != count]
    rows = [
        (
            "two runs in different surroundings",
            f"{len(first['layers'])} layers and the total: "
            + (f"different: {different}" if different else "identical"),
        ),
        (f"MobileNet v1 1.0 224 float32, {PHONE} big core", f"{here['total'] / 1e6:.2f} M instructions"),
        ("… little core", f"{little / 1e6:.2f} M instructions"),
    ]
    return rows, {"identical": here == there, "counts": here, "big": here["total"], "little": little}


def main() -> None:
    """Measure the four and publish them."""
    options = common.arguments(__doc__ or "", pairs=20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = emulators()
        rows, data = exactness(folder)
        compared = compare_emulators(known, folder)
        small = common.network(folder, "mobilenet_v1", 96, 0.25, "float32")
        times = time_emulators(known, small, options.pairs)
    for one in compared:
        told = f"different: {one['different']}" if one["different"] else "identical"
        total = " / ".join(f"{count / 1e6:.2f}" for count in one["totals"].values())
        rows.append(
            (
                f"QEMU {' and '.join(known)}: {one['model']}, {one['phone']}",
                f"{one['layers']} layers and the total: {told} ({total} M)",
            )
        )
    for (version, counting), values in times.items():
        how = "counting" if counting else "not counting"
        rows.append((f"QEMU {version}, {how}: an inference", f"{statistics.median(values) / 1e6:.2f} ms"))
    speed = speed_rows(times)
    rows += [
        (f"{title}, {options.pairs} rounds", f"{m:.3f} [{lo:.3f}, {hi:.3f}] (90 %)")
        for title, (m, lo, hi) in speed
    ]
    data |= {
        "emulators": list(known),
        "between_emulators": compared,
        "speed": dict(speed),
        "times_ns": {
            f"{version} {'counting' if on else 'plain'}": values for (version, on), values in times.items()
        },
    }
    common.publish("emulation", "The emulated core", common.table(("", ""), rows), data, options.out)


if __name__ == "__main__":
    main()

"""Is counting on the emulated core exact, the right core's, and cheap?

(1) MobileNet v1 is profiled twice, the second time from another directory, as another user (65534, in a user
namespace), with another environment and another model path: the counts of every layer are compared.
(2) Instructions per inference on the big and the little core of the phone. (3) Time of an inference under the
emulator with the plugin and without, over alternating processes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Block
from tflprof.runtimes.library import find_runtime
from tflprof.targets.emulated import EmulatedDevice

PHONE = "pixel2"


class Clocked(EmulatedDevice):
    """The emulated phone with the host's clock instead of counts, with or without the plugin."""

    counters: tuple[str, ...] = ("ns",)
    deterministic = False
    counting = True

    def runner_options(self, cpus: tuple[int, ...] | None) -> Sequence[tuple[str, str]]:
        """The phone's, but for the clock."""
        kept = ("guest_cpu", "hwcap", "hwcap2")
        return [("mode", "time"), *(pair for pair in super().runner_options(cpus) if pair[0] in kept)]

    def _command(self, argv: Sequence[str]) -> list[str]:
        command = super()._command(argv)
        if not self.counting:
            at = command.index("-plugin")
            del command[at : at + 2]
        return command


def profile(
    model: Path, folder: Path, core: str = "big", before: Sequence[str] = (), **options: Any
) -> dict[str, Any]:
    """The command's JSON for a model on the emulated phone; options are those of a new process."""
    return common.profile_document(
        model, f"emulated:{PHONE}", "--core", core, before=before, cwd=folder, **options
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


def time_of_inference(model: Path, counting: bool) -> float:
    """Median wall time of an inference of one emulated process, ns."""
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
    return float(np.median([value for block in blocks for value in block.value]))


def main() -> None:
    """Measure the three and publish them."""
    options = common.arguments(__doc__ or "", pairs=20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = common.network(folder, "mobilenet_v1", 224, 1.0, "float32")
        first, second = profile(model, folder), elsewhere(model, folder)
        same = counts(first) == counts(second)
        little = profile(model, folder, "little")
        small = common.network(folder, "mobilenet_v1", 96, 0.25, "float32")
        ratios = []
        for pair in range(options.pairs):
            order = (True, False) if pair % 2 else (False, True)
            found = {counting: time_of_inference(small, counting) for counting in order}
            ratios.append(found[True] / found[False])
    slower, lo, hi = common.relative_interval(ratios)
    big_count, little_count = counts(first)["total"], counts(little)["total"]
    different = [layer for layer, count in counts(first).items() if counts(second)[layer] != count]
    rows = [
        (
            "two runs in different surroundings",
            f"{len(first['layers'])} layers and the total: "
            + ("identical" if same else f"different: {different}"),
        ),
        (f"MobileNet v1 1.0 224 float32, {PHONE} big core", f"{big_count / 1e6:.2f} M instructions"),
        ("… little core", f"{little_count / 1e6:.2f} M instructions"),
        (
            f"emulation with counting / without, {options.pairs} process pairs",
            f"{slower:.3f} [{lo:.3f}, {hi:.3f}] (90 %)",
        ),
    ]
    data = {
        "identical": same,
        "counts": counts(first),
        "big": big_count,
        "little": little_count,
        "slowdown": [slower, lo, hi],
        "ratios": ratios,
    }
    common.publish("emulation", "The emulated core", common.table(("", ""), rows), data, options.out)


if __name__ == "__main__":
    main()

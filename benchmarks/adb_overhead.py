"""What does the ADB path cost, and does streaming disturb the runner?

On the virtual phone, with one small network. (1) Wall time of everything `profile --target adb` does with the phone
around one session (look at it, choose a library, push, run, stream, clean up), less what the same takes by hand:
`adb push` of the same files and `adb shell` of the same command. First run: the phone holds nothing of ours, and
the time it hashes the files is taken off too. Second run: everything is there. (2) Times that the runner itself
measured, with the link throttled to a crawl and without, in alternating sessions.

The phone's programs run on the last core of this machine, everything else (this program, the adb server) on the rest;
all of them at the highest priority, so that other work of the machine disturbs little.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from tests.phone import AdbServer, VirtualPhone
from tflprof.runner.binary import runner_binary
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.open import open_runner
from tflprof.runner.options import render_options, request_options
from tflprof.runner.records import Block
from tflprof.runtimes.fetch import cache_directory
from tflprof.runtimes.library import find_runtime
from tflprof.targets.adb.device import AdbDevice
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.adb.store import ROOT
from tflprof.targets.emulator import find_guest_libraries

PLATFORM = "linux-aarch64"
HAND = "/data/local/tmp/by-hand"
LOADER = "./ld-linux-aarch64.so.1 --inhibit-cache --library-path ."
FIRST_LIMIT, SECOND_LIMIT = 1.5, 0.7
# Less than the runner writes in the same time: the link's buffers fill, and it has to wait between its blocks.
CRAWL_BYTES_PER_SECOND = 16000


def request(model: Path, blocks: int) -> RunRequest:
    """A session of so many rounds of one inference each: the same work every time."""
    return RunRequest(
        (model,),
        warmup_ms=0,
        warmup_min=1,
        block_max=1,
        profiled_max=1,
        fill=False,
        seconds=600.0,
        blocks=blocks,
    )


def session(runner: Runner, wanted: RunRequest) -> list[Block]:
    """The steady blocks of one session."""
    running = runner.start(wanted)
    try:
        return [r for r in running.records() if isinstance(r, Block) and r.phase == "steady"]
    finally:
        running.close()


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass
class Bench:
    """The phone, the model, and the same work by hand."""

    phone: VirtualPhone
    model: Path
    blocks: int = 4

    def run(self, sessions: int = 1) -> None:
        """All that a profile does with the phone."""
        runner = open_runner("adb")
        try:
            runner.conditions()
            for _ in range(sessions):
                session(runner, request(self.model, self.blocks))
            runner.conditions()
        finally:
            runner.close()

    def forget(self) -> None:
        """Make the next run a first one."""
        self.phone.shell(f"rm -rf {ROOT}")
        shutil.rmtree(cache_directory().parent / "probed", ignore_errors=True)

    def files(self) -> dict[str, Path]:
        """What a first run pushes, by its name on the phone."""
        named = {"tflprof-runner": runner_binary(PLATFORM).path, "libLiteRt.so": find_runtime(PLATFORM).path}
        return {**find_guest_libraries(), **named, "model0.tflite": self.model}

    def prepare(self, folder: Path) -> list[Path]:
        """The files of the run by hand, in a folder of this machine."""
        device = AdbDevice.open(None, PhoneSetup())
        try:
            own = device.runner_options(device.cpus_for(None, 1))
        finally:
            device.close()
        wanted = request(self.model, self.blocks)
        pairs = [("library", "./libLiteRt.so"), ("model", "./model0.tflite"), *request_options(wanted), *own]
        (folder / "options").write_bytes(render_options(pairs))
        for name, path in self.files().items():
            shutil.copyfile(path, folder / name)
            (folder / name).chmod(0o755)
        return sorted(folder.iterdir())

    def adb(self, *arguments: str | Path) -> None:
        """Run adb; raises with what it said."""
        words = [str(word) for word in arguments]
        done = self.phone.server.run("-s", self.phone.serial, *words, timeout=120)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)

    def by_hand(self, files: Sequence[Path]) -> dict[str, float]:
        """Seconds of an empty command, of the push, of the hashing, of the run and of the trial of the library."""
        enter = f"cd {HAND} && exec"
        names = " ".join(path.name for path in files)
        self.adb("shell", f"rm -rf {HAND}; mkdir -p {HAND}")
        empty = timed(lambda: self.adb("shell", ":"))
        return {
            "empty": empty,
            "push": timed(lambda: self.adb("push", *files, HAND)),
            "hash": timed(lambda: self.adb("shell", f"{enter} sha256sum {names}")) - empty,
            "run": timed(lambda: self.adb("shell", f"{enter} {LOADER} ./tflprof-runner ./options")) - empty,
            "trial": timed(
                lambda: self.adb("shell", f"{enter} {LOADER} ./tflprof-runner --probe ./libLiteRt.so")
            )
            - empty,
        }


def overhead(bench: Bench, runs: int) -> dict[str, list[float]]:
    """Seconds of every part, of ``runs`` rounds in which all take turns; the first round is not kept."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = bench.prepare(Path(name))
        for _ in range(runs + 1):
            parts = bench.by_hand(files)
            bench.forget()
            parts["first"] = timed(bench.run)
            parts["second"] = timed(bench.run)
            parts["three sessions"] = timed(lambda: bench.run(3))
            for key, value in parts.items():
                found.setdefault(key, []).append(value)
    kept = {key: values[1:] for key, values in found.items()}
    first = zip(kept["first"], kept["push"], kept["hash"], kept["run"], strict=True)
    kept["first, beyond"] = [whole - push - digest - run for whole, push, digest, run in first]
    kept["second, beyond"] = [a - b for a, b in zip(kept["second"], kept["run"], strict=True)]
    more = zip(kept["three sessions"], kept["second"], kept["run"], strict=True)
    kept["a further session, beyond"] = [(three - one) / 2 - run for three, one, run in more]
    return kept


def throttling(bench: Bench, pairs: int) -> tuple[dict[str, list[float]], dict[bool, list[float]]]:
    """Ratios of the runner's own times (throttled / free) by variant, and the seconds of sessions, throttled or not."""
    ratios: dict[str, list[float]] = {"plain": [], "profiled": []}
    lasted: dict[bool, list[float]] = {True: [], False: []}
    runner = open_runner("adb")
    try:
        session(runner, request(bench.model, bench.blocks))
        for pair in range(pairs):
            medians = {}
            for crawl in (True, False) if pair % 2 else (False, True):
                bench.phone.change(bytes_per_second=CRAWL_BYTES_PER_SECOND if crawl else 0)
                began = time.perf_counter()
                blocks = session(runner, request(bench.model, bench.blocks))
                lasted[crawl].append(time.perf_counter() - began)
                bench.phone.change(bytes_per_second=0)
                for variant in ratios:
                    values = [value for block in blocks if block.v == variant for value in block.value]
                    medians[variant, crawl] = float(np.median(values))
            for variant, found in ratios.items():
                found.append(medians[variant, True] / medians[variant, False])
    finally:
        runner.close()
    return ratios, lasted


def rows(found: dict[str, list[float]], ratios: dict[str, list[float]]) -> list[tuple[str, str]]:
    """The table."""

    def seconds(key: str, limit: float | None = None) -> str:
        values = found[key]
        text = f"{statistics.median(values):.3f} s [{min(values):.3f}, {max(values):.3f}]"
        return text if limit is None else f"{text}, wanted: ≤ {limit} s"

    table = [
        ("by hand: `adb push` of the same bytes", seconds("push")),
        ("by hand: the phone's hashing of them", seconds("hash")),
        ("by hand: the run itself", seconds("run")),
        ("first run, all of it", seconds("first")),
        ("**first run, beyond these three**", seconds("first, beyond", FIRST_LIMIT)),
        ("… of which the trial of the library takes the phone", seconds("trial")),
        ("second run, all of it", seconds("second")),
        ("**second run, beyond the run itself**", seconds("second, beyond", SECOND_LIMIT)),
        ("each further session, beyond its run", seconds("a further session, beyond")),
    ]
    for variant, values in ratios.items():
        ratio, lo, hi = common.relative_interval(values)
        table.append(
            (
                f"runner's own {variant} times, link throttled / free",
                f"{ratio:.3f} [{lo:.3f}, {hi:.3f}] (90 %)",
            )
        )
    return table


def main() -> None:
    """Measure both and publish them."""
    options = common.arguments(__doc__ or "", runs=9, pairs=16, blocks=240)
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    here = os.sched_getaffinity(0)
    last = {common.last_core()}
    with tempfile.TemporaryDirectory() as name:
        model = common.network(Path(name), "mobilenet_v1", 32, 0.25, "float32")
        server = AdbServer()
        os.sched_setaffinity(0, here - last or here)
        server.start()
        os.sched_setaffinity(0, last)
        with VirtualPhone(server=server) as phone:
            os.sched_setaffinity(0, here - last or here)
            adb = {key: value for key, value in phone.environment.items() if key != "HOME"}
            os.environ.update(adb)
            found = overhead(Bench(phone, model), options.runs)
            ratios, lasted = throttling(Bench(phone, model, options.blocks), options.pairs)
        server.close()
    publish(options, found, ratios, lasted)


def publish(
    options: Any,
    found: dict[str, list[float]],
    ratios: dict[str, list[float]],
    lasted: dict[bool, list[float]],
) -> None:
    """Write the report."""
    crawling, free = (statistics.median(lasted[crawl]) for crawl in (True, False))
    text = common.table(("", "median [least, most]"), rows(found, ratios)) + (
        f"\n\n{options.runs} rounds, all parts of a round one after the other; a first round was not kept. "
        f"Throttling: {options.pairs} pairs of sessions in alternating order, {CRAWL_BYTES_PER_SECOND} bytes a second; "
        f"a throttled session took {crawling:.1f} s, a free one {free:.1f} s. The phone's programs "
        "had the last core of the machine, everything else the others, all at nice -20; other work went on there. "
        "Load averages (1, 5, 15 minutes) at the end: "
        + ", ".join(f"{load:.1f}" for load in os.getloadavg())
        + "."
    )
    data = {"seconds": found, "ratios": ratios, "throttled": lasted[True], "free": lasted[False]}
    common.publish("adb_overhead", "What the ADB path costs", text, data, options.out)


if __name__ == "__main__":
    main()

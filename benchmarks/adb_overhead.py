"""What does the ADB path cost, and does streaming disturb the runner?

On the virtual phone, with one small network. (1) Wall time of a profile with ``target="adb"``, each in a fresh process
(benchmarks/adb_child.py) with a fixed schedule of one session. Taken away is what would be needed without ADB: the same
in a fresh process that gets the records from a file instead of a phone (interpreter, imports that every target needs,
reading the model, collecting, attributing), and the run by hand: `adb shell` of the same command. What stays is
everything that ADB adds: import of adbutils and of our modules for phones, hashing files here, talking to the server,
looking at the phone at start and end, choosing the library, links, the stream and its records, cleaning up. First
run: the phone holds nothing of ours; `adb push` of the same files and the time in which the phone hashes them are
taken away, too. Second run: everything is there. (2) Times that the runner itself measured, with the link throttled
to a crawl and without, in alternating sessions.

The phone's programs run on the last core of this machine, everything else (these processes, the adb server) on the
rest; all of them at the highest priority, so that other work of the machine disturbs little.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.adb_child import fixed
from tests.phone import AdbServer, VirtualPhone
from tests.phone.machine import PROJECT
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
    """The session that every process runs."""
    return fixed(RunRequest((model,)), blocks)


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

    def run(self, how: str = "phone", sessions: int = 1) -> None:
        """A profile in a process of its own: on the ``phone``, or as ``replay`` of what the last one there recorded."""
        recording = self.model.with_suffix(f".{sessions}.records")
        words = (str(self.model), str(sessions), str(self.blocks), str(recording), how)
        common.run([sys.executable, "-m", "benchmarks.adb_child", *words], cwd=PROJECT)

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
    """Seconds of every part, of ``runs`` rounds in which all take turns in random order; an earlier one is not kept."""
    found: dict[str, list[float]] = {}
    turns = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        files = bench.prepare(Path(name))
        for _ in range(runs + 1):
            bench.forget()
            parts = {"first": timed(bench.run)}
            works: list[Callable[[], dict[str, float]]] = [
                lambda: bench.by_hand(files),
                lambda: {"second": timed(bench.run)},
                lambda: {"three sessions": timed(lambda: bench.run(sessions=3))},
                lambda: {"without a phone": timed(lambda: bench.run("replay"))},
            ]
            for work in turns.sample(works, len(works)):
                parts.update(work())
            for key, value in parts.items():
                found.setdefault(key, []).append(value)
    return with_differences({key: values[1:] for key, values in found.items()})


def with_differences(kept: dict[str, list[float]]) -> dict[str, list[float]]:
    """The parts, and round by round what the ADB path adds."""

    def less(whole: str, *taken: str) -> list[float]:
        return [
            first - sum(rest) for first, *rest in zip(*(kept[key] for key in (whole, *taken)), strict=True)
        ]

    more = zip(kept["three sessions"], kept["second"], kept["run"], strict=True)
    return {
        **kept,
        "first, beyond": less("first", "without a phone", "run", "push", "hash"),
        "second, beyond": less("second", "without a phone", "run"),
        "a further session, beyond": [(three - one) / 2 - run for three, one, run in more],
    }


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
        ("the same process without a phone, from recorded records", seconds("without a phone")),
        ("first run, the whole process", seconds("first")),
        ("**first run, beyond these four**", seconds("first, beyond", FIRST_LIMIT)),
        ("… of which the trial of the library takes the phone", seconds("trial")),
        ("second run, the whole process", seconds("second")),
        (
            "**second run, beyond the run and the process without**",
            seconds("second, beyond", SECOND_LIMIT),
        ),
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
    before = os.getloadavg()
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
    publish(options, before, found, ratios, lasted)


def loads(averages: Sequence[float]) -> str:
    """Load averages as text."""
    return ", ".join(f"{load:.1f}" for load in averages)


def publish(
    options: Any,
    before: Sequence[float],
    found: dict[str, list[float]],
    ratios: dict[str, list[float]],
    lasted: dict[bool, list[float]],
) -> None:
    """Write the report."""
    crawling, free = (statistics.median(lasted[crawl]) for crawl in (True, False))
    text = common.table(("", "median [least, most]"), rows(found, ratios)) + (
        "\n\nEvery profile is a fresh process with one session of fixed work. **Taken away**, round by "
        "round: the run by hand, and a fresh process that does everything but ADB (interpreter, imports "
        "that every target needs, reading the model, collecting, attributing) with recorded records; of a "
        "first run also the push by hand and the phone's hashing. **Included** is the rest: import of "
        "adbutils and of our modules for phones, hashing files here, the adb server, looking at the phone "
        "at start and end, choosing the library, links, the stream and parsing it, cleaning up. A further "
        "session is half of what two more take, less its run; collecting it is "
        f"included.\n\n{options.runs} rounds, each a first run and then the other parts in random order; an "
        "earlier "
        "round was not kept. "
        f"Throttling: {options.pairs} pairs of sessions in alternating order, {CRAWL_BYTES_PER_SECOND} bytes a second; "
        f"a throttled session took {crawling:.1f} s, a free one {free:.1f} s. The phone's programs "
        "had the last core of the machine, everything else the others, all at nice -20; other work went on there. "
        f"Load averages (1, 5, 15 minutes) at the start: {loads(before)}; at the end: {loads(os.getloadavg())}."
    )
    data = {"seconds": found, "ratios": ratios, "throttled": lasted[True], "free": lasted[False]}
    common.publish("adb_overhead", "What the ADB path costs", text, data, options.out)


if __name__ == "__main__":
    main()

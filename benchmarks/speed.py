"""How fast tflprof itself is: its help, looking into a model of 1 GiB, and making a profile of 400 layers.

The large model is dense: 256 fully connected layers of 1024 x 1024 random float32, within one flatbuffer. It lies in
the page cache when it is inspected (it is read once before). Each command is a process of its own, from the start of
Python to its end; resident memory is the peak that the kernel counts for it, pages of the mapped file included. The
400-layer profile is of a real run on this machine; timed are reading the model and attributing, writing the profile,
and reading it again with its summary. All numbers are of ``--repeats`` runs after one that does not count.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import arguments, publish, table
from tflprof.measure.assemble import assemble
from tflprof.measure.pipeline import measure
from tflprof.model.build.layers import Network
from tflprof.model.read import read_model
from tflprof.profile.store import read_profile, write_profile
from tflprof.runner.interface import RunRequest
from tflprof.runner.open import open_runner
from tflprof.workflow.plan import make_plan

LAYERS = 400
LARGE_LAYERS = 256
LARGE_SIDE = 1024

# A process is counted the memory of the one that starts it, so that one must be small.
_TIMED = """
import json, os, sys, time
out = os.open(os.devnull, os.O_WRONLY)
begin = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.perf_counter() - begin, usage.ru_maxrss]))
"""


def large_model(path: Path) -> None:
    """1 GiB of weights."""
    net = Network("1 GiB of weights", "float32")
    graph = net.graph
    rng = np.random.default_rng(0)
    value = graph.input("input", (1, LARGE_SIDE))
    for number in range(LARGE_LAYERS):
        weights = rng.standard_normal((LARGE_SIDE, LARGE_SIDE), np.float32)
        result = graph.tensor(f"layer_{number}/output", (1, LARGE_SIDE))
        inputs = [value, graph.constant(f"layer_{number}/weights", weights), -1]
        graph.op("FULLY_CONNECTED", inputs, [result], {"fused_activation_function": "RELU"})
        value = result
    graph.output(value)
    net.writer.signature(graph)
    net.writer.save(path)


def many_layers(path: Path) -> None:
    """400 small layers of four kinds, in turn."""
    net = Network(f"{LAYERS} layers", "float32")
    value = net.input("input", (1, 8, 8, 8))
    for number in range(LAYERS // 4):
        before = value
        value = net.conv2d(value, f"block_{number}/conv", 8)
        value = net.depthwise_conv2d(value, f"block_{number}/depthwise")
        value = net.add(value, before, f"block_{number}/add")
        value = net.apply("LOGISTIC", [value], f"block_{number}/logistic", value.shape, like=value)
    path.write_bytes(net.finish(value))


def spent(*words: str) -> tuple[float, int]:
    """Seconds and peak resident bytes of a tflprof command."""
    argv = [sys.executable, "-S", "-c", _TIMED, sys.executable, "-m", "tflprof", *words]
    status, seconds, kilobytes = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    if status:
        raise SystemExit(f"tflprof {' '.join(words)} ended with {status}")
    return seconds, kilobytes * 1024


def command(repeats: int, *words: str) -> dict[str, Any]:
    """The same command again and again."""
    spent(*words)
    runs = [spent(*words) for _ in range(repeats)]
    seconds = [one for one, _ in runs]
    return {**spread(seconds), "peak_resident_bytes": max(peak for _, peak in runs)}


def spread(seconds: list[float]) -> dict[str, Any]:
    """What is told of repeated times."""
    return {"median_seconds": statistics.median(seconds), "most_seconds": max(seconds), "seconds": seconds}


def repeated(repeats: int, work: Callable[[], object]) -> dict[str, Any]:
    """Times of a piece of work in this process."""
    work()
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return spread(seconds)


def profile_of_many(folder: Path, repeats: int) -> dict[str, Any]:
    """Reading and attributing, writing, reading again."""
    model, file = folder / "layers.tflite", folder / "layers.parquet"
    many_layers(model)
    plan, request = make_plan(10.0, 0.01, None, None), RunRequest(models=(model,))
    runner = open_runner("host")
    try:
        outcome = measure(runner, request, plan, lambda _: None)

        def attributed() -> Any:
            return assemble(read_model(model), runner, request, plan, outcome)

        profile = attributed()
        found = {
            "read and attribute": repeated(repeats, attributed),
            "write": repeated(repeats, lambda: write_profile(profile, file, overwrite=True)),
            "read again": repeated(repeats, lambda: read_profile(file).summary),
        }
    finally:
        runner.close()
    rows = len(read_profile(file).summary.layers)
    if rows < LAYERS:
        raise SystemExit(f"the profile has {rows} rows")
    total = sum(part["median_seconds"] for part in found.values())
    return {**found, "median_seconds": total, "rows": rows, "samples": profile.table.num_rows}


def main() -> None:
    """Run and publish."""
    options = arguments(__doc__ or "", repeats=9)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "large.tflite"
        large_model(large)
        size = large.stat().st_size
        shown = command(options.repeats, "inspect", str(large))
        large.unlink()
        found = {
            "help": command(options.repeats, "--help"),
            "inspect": shown,
            "profile": profile_of_many(folder, options.repeats),
        }
    rows = [
        ("`tflprof --help`", *_times(found["help"]), "0.3 s"),
        (f"`tflprof inspect` of {size / 2**30:.2f} GiB", *_times(found["inspect"]), "1.5 s, 250 MiB"),
        (f"a profile of {LAYERS} layers: all of", *_times(found["profile"]), "1 s"),
        *(
            (f"- {part}", *_times(found["profile"][part]), "")
            for part in ("read and attribute", "write", "read again")
        ),
    ]
    text = (
        f"{options.repeats} runs each; load average {load:.1f} on {os.cpu_count()} cores at the start. "
        f"The profile has {found['profile']['rows']} rows and {found['profile']['samples']} samples.\n\n"
        + table(("what", "median", "slowest", "peak resident", "at most"), rows)
    )
    data = {"repeats": options.repeats, "load_average": load, "large_bytes": size, **found}
    publish("speed", "Speed of tflprof itself", text, data, options.out)


def _times(found: dict[str, Any]) -> tuple[str, str, str]:
    peak, most = found.get("peak_resident_bytes"), found.get("most_seconds")
    return (
        f"{found['median_seconds']:.3f} s",
        f"{most:.3f} s" if most is not None else "–",
        f"{peak / 2**20:.0f} MiB" if peak else "–",
    )


if __name__ == "__main__":
    main()

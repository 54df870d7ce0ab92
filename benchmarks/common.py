"""What the benchmarks share: models, the machine's name, and where results go."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tflprof.model.build import build_micro, build_network
from tflprof.runtimes.library import find_runtime, host_platform

REPORTS = Path(__file__).resolve().parent.parent / "reports" / "benchmarks"


def arguments(description: str, **numbers: int) -> argparse.Namespace:
    """Command line of a benchmark: an integer option per keyword, with its default."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=REPORTS)
    return parser.parse_args()


def network(folder: Path, name: str, size: int, width: float, dtype: str) -> Path:
    """A reference network as a file."""
    path = folder / f"{name}_{width:g}_{size}_{dtype}.tflite"
    path.write_bytes(build_network(name, size=size, width=width, dtype=dtype))
    return path


def micro(folder: Path, name: str, dtype: str = "float32") -> Path:
    """A micro-model as a file."""
    path = folder / f"{name}_{dtype}.tflite"
    path.write_bytes(build_micro(name, dtype))
    return path


def last_core() -> int:
    """The core that benchmarks pin to: the last this process may use."""
    return max(os.sched_getaffinity(0))


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    runtime = find_runtime(host_platform(), None)
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "runtime": f"{runtime.name} {runtime.version}",
    }


def relative_interval(ratios: Sequence[float], level: float = 0.90) -> tuple[float, float, float]:
    """Median of ratios and its distribution-free interval (order statistics of the sign test)."""
    from scipy.stats import binom

    ordered = sorted(ratios)
    k = int(binom.ppf((1 - level) / 2, len(ordered), 0.5))
    k = max(k - 1, 0)
    return statistics.median(ordered), ordered[k], ordered[len(ordered) - 1 - k]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def publish(name: str, title: str, text: str, data: dict[str, Any], out: Path) -> None:
    """Print the result and keep it: NAME.md for people, NAME.json for programs."""
    out.mkdir(parents=True, exist_ok=True)
    here = machine()
    # Results of this machine's own times have a name of their own; the program has not.
    command = f"python -m benchmarks.{name.removesuffix('_host')} " + " ".join(_without_place(sys.argv[1:]))
    head = f"# {title}\n\n`{command.strip()}`, {datetime.now(UTC):%Y-%m-%d}, {here['cpu']}, {here['runtime']}.\n\n"
    (out / f"{name}.md").write_text(head + text.rstrip() + "\n")
    (out / f"{name}.json").write_text(json.dumps({"machine": here, **data}, indent=1) + "\n")
    print(text)


def _without_place(words: Sequence[str]) -> list[str]:
    """A command line without where its results went."""
    return [word for at, word in enumerate(words) if word != "--out" and words[at - 1 : at] != ["--out"]]


def run(argv: Sequence[str | Path], **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; raises with its standard error if it fails."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def profile_document(
    model: Path, target: str, *options: str, before: Sequence[str] = (), **process: Any
) -> dict[str, Any]:
    """What ``tflprof profile --json`` prints; ``before`` stands before the command, ``process`` is how it is run."""
    tflprof = [*before, sys.executable, "-m", "tflprof"]
    command = [*tflprof, "profile", str(model), "--target", target, *options, "--json"]
    found: dict[str, Any] = json.loads(run(command, **process).stdout)
    return found


def percent(value: float) -> str:
    """A share or relative difference with its sign."""
    return f"{100 * value:+.2f} %"

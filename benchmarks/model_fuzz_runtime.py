"""What LiteRT does with damaged models that the reader accepts: it runs, refuses them, crashes, or does not end.

Micro-models are mutated with knowledge of what lies where; each file that the reader accepts is run, half of them with
XNNPACK and half with the builtin kernels, by the runner in a process of its own as for the target ``host``, with 4 GiB
of address space and 10 s of the processor at most. ``--keep`` names where the files go that crashed or did not end.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common import REPORTS, publish, table
from benchmarks.model_mutations import Known, mutated, places
from tflprof.errors import ModelError, UsageError
from tflprof.model.build import MICRO_MODELS, build_micro
from tflprof.model.read import read_model
from tflprof.runner.binary import runner_binary
from tflprof.runtimes.library import find_runtime, host_platform

MEMORY = 4 << 30
SECONDS = 10


@dataclass(frozen=True)
class Ending:
    """How a run ended: ``ran``, ``refused``, ``crashed`` or ``endless``, and what was said."""

    kind: str
    detail: str


class RealRuntime:
    """Runs models one after the other, each in a new process.

    Args:
        kernels: ``xnnpack`` or ``builtin``.
    """

    def __init__(self, kernels: str) -> None:
        platform = host_platform()
        self._library = find_runtime(platform, None).path
        self._runner = runner_binary(platform).path
        self._kernels = kernels

    def run(self, model: Path) -> Ending:
        """Load a model, prepare it and run it a few times."""
        with tempfile.TemporaryDirectory() as folder:
            return self._ended(self.command(model, Path(folder)))

    def command(self, model: Path, folder: Path) -> list[Path]:
        """The command that does so; its options file is written to a folder."""
        options = {
            "library": self._library,
            "model": model,
            "kernels": self._kernels,
            "variants": "plain",
            "warmup_ms": 0,
            "warmup_min": 1,
            "block_ms": 1,
            "blocks": 1,
            "seconds": 0,
        }
        file = folder / "options"
        file.write_text("".join(f"{key}={value}\n" for key, value in options.items()))
        return [self._runner, file]

    def _ended(self, command: list[Path]) -> Ending:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=60 * SECONDS,
                preexec_fn=_limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ending("endless", "")
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return Ending("endless", f"over {SECONDS} s of the processor")
        if done.returncode < 0:
            return Ending("crashed", f"{signal.Signals(-done.returncode).name}: {_last(done.stderr)}")
        records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
        failures = [record for record in records if record["r"] == "error"]
        if failures:
            where, message = str(failures[0].get("where")), str(failures[0].get("message"))
            kind = "crashed" if where == "signal" else "refused"
            return Ending(kind, f"{where}: {message}: {_last(done.stderr)}")
        return Ending("ran" if done.returncode == 0 else "refused", f"status {done.returncode}")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _last(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return " | ".join(lines[-3:])[:400]


Seed = tuple[str, bytes, Known]


@dataclass
class Seen:
    """What LiteRT did; ``notable``: kernels, whole model and words of what crashed or did not end."""

    endings: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    notable: list[tuple[str, str, str]] = field(default_factory=list)
    tried: int = 0


def seeds() -> list[Seed]:
    """The whole models to damage."""
    found = []
    for name in MICRO_MODELS:
        for dtype in ("float32", "int8"):
            try:
                content = build_micro(name, dtype)
            except UsageError:
                continue  # there is none of this type
            found.append((f"{name} {dtype}", content, places(content)))
    return found


def give(whole: Sequence[Seed], runs: int, seed: int, keep: Path) -> Seen:
    """Mutate until so many accepted files were run."""
    rng, seen, file = random.Random(seed), Seen(), keep / "model.tflite"
    runtimes = [(kernels, RealRuntime(kernels)) for kernels in ("xnnpack", "builtin")]
    while (done := seen.endings.total()) < runs:
        name, content, known = rng.choice(whole)
        changed, _ = mutated(rng, content, known)
        if changed == content or not _accepted(file, changed):
            seen.tried += 1
            continue
        kernels, runtime = runtimes[done % 2]
        ending = runtime.run(file)
        seen.endings[ending.kind] += 1
        if ending.kind == "refused":
            seen.refusals[_cause(ending.detail)] += 1
        elif ending.kind != "ran":
            seen.notable.append((kernels, name, _plain(f"{ending.kind}: {ending.detail}")))
            (keep / f"{ending.kind}_{seed}_{done}_{name.replace(' ', '_')}.tflite").write_bytes(changed)
    return seen


def _accepted(file: Path, content: bytes) -> bool:
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    try:
        read_model(file)
    except ModelError:
        return False
    return True


def _cause(detail: str) -> str:
    """Where a refusal came from, without numbers."""
    where, _, message = detail.partition(": ")
    text = message.split(": ", 2)[-1] if where != "run" else message
    return re.sub(r"-?\d+(\.\d+)?", "N", _plain(f"{where}: {text}"))[:100]


def _plain(words: str) -> str:
    return " ".join(re.sub(r"[^ -{}~]|[`|\\]", " ", words).split())[:240]


def main() -> None:
    """Run and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path, default=REPORTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = options.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        seen = give(seeds(), options.runs, options.seed, keep)
    bad = seen.endings["crashed"]
    text = (
        f"{seen.endings.total()} damaged models that the reader accepted, of {seen.tried + seen.endings.total()} made: "
        + ", ".join(f"{count} {kind}" for kind, count in seen.endings.most_common())
        + f". **{bad} crashed LiteRT.**\n\n"
        + "".join(f"- {kernels}, made of {name}: `{words}`\n" for kernels, name, words in seen.notable)
        + "\n"
        + table(("why LiteRT refused", "files"), [(why, str(n)) for why, n in seen.refusals.most_common(30)])
    )
    data = {
        "runs": seen.endings.total(),
        "made": seen.tried + seen.endings.total(),
        "endings": dict(seen.endings),
        "notable": seen.notable,
        "refusals": dict(seen.refusals.most_common()),
        "seed": options.seed,
    }
    publish("model_fuzz_runtime", "Damaged models in LiteRT", text, data, options.out)


if __name__ == "__main__":
    main()

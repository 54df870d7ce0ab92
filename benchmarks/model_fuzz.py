"""A million damaged models: the reader must neither crash, stall nor take up memory.

Micro-models of every kind, models with sparse and packed constants, and networks are mutated. First libFuzzer, guided
by the coverage of the reader, looks for files that reach something new (``--guided`` of the files; needs atheris). Then
these and the whole models are mutated with knowledge of what lies where. Whatever ends in anything but a model or a
ModelError is a failure, as are 2 s of the processor for one file, and 64 MiB more at the peak of memory. ``--keep``
names where the files go that failed. What LiteRT does with the accepted ones: benchmarks/model_fuzz_runtime.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import REPORTS, publish, table
from benchmarks.model_feed import MOST_GROWTH, Feeder, Tally
from benchmarks.model_mutations import Known, mutated, places
from benchmarks.model_reach import lines_reached
from tests.unit.model.tables import packed_model, sparse_model
from tflprof.errors import UsageError
from tflprof.model.build import MICRO_MODELS, build_micro, build_network

NETWORK_SHARE = 0.01
"""Of the mutated files: networks are large, and hashing them takes most of the time."""

Seed = tuple[str, bytes, Known]


def small_models() -> dict[str, bytes]:
    """The whole models to damage."""
    found = {"sparse": sparse_model(), "packed": packed_model()}
    for name in MICRO_MODELS:
        for dtype in ("float32", "int8"):
            try:
                found[f"{name} {dtype}"] = build_micro(name, dtype)
            except UsageError:
                continue  # there is none of this type
    return found


def networks() -> dict[str, bytes]:
    """Small networks of more than one kind."""
    return {
        f"{name} {dtype}": build_network(name, size=32, width=0.25, dtype=dtype)
        for name in ("mobilenet_v1", "mobilenet_v2")
        for dtype in ("float32", "int8")
    }


def seeds(models: dict[str, bytes]) -> list[Seed]:
    """Models with where things lie in them."""
    return [(name, content, places(content)) for name, content in models.items()]


def guided(
    models: dict[str, bytes], files: int, seed: int, keep: Path
) -> tuple[Tally, dict[str, bytes], str]:
    """Let libFuzzer mutate; its tally, the sound files it added, and what it says of coverage."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        for name, content in models.items():
            (corpus / name.replace(" ", "_")).write_bytes(content)
        words = [
            sys.executable,
            "-m",
            "benchmarks.model_fuzz_guided",
            str(corpus),
            str(keep),
            str(files),
            str(seed),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        report = keep / "guided.json"
        if done.returncode or not report.exists():
            raise SystemExit(f"the guided part ended with {done.returncode}: {done.stderr[-2000:]}")
        told = json.loads(report.read_text())
        found = {path.name: path.read_bytes() for path in corpus.iterdir()}
    tally = Tally(told["files"], told["accepted"], Counter(told["reasons"]), Counter(told["mutations"]))
    tally.failures, tally.slowest = told["failures"], told["slowest"]
    covered = re.findall(r"cov: \d+ ft: \d+ corp: \d+", done.stderr)
    return tally, {name: content for name, content in found.items() if _is_sound(content)}, covered[-1]


def _is_sound(content: bytes) -> bool:
    try:
        places(content)
    except Exception:  # noqa: BLE001 - whatever an unsound file makes of it
        return False
    return True


def bulk(small: Sequence[Seed], large: Sequence[Seed], files: int, seed: int, feeder: Feeder) -> None:
    """Mutate with knowledge of what lies where, and read."""
    rng = random.Random(seed)
    while feeder.tally.files < files:
        _, content, known = rng.choice(large if rng.random() < NETWORK_SHARE else small)
        changed, names = mutated(rng, content, known)
        feeder.tally.mutations.update(names)
        feeder.feed(changed)


def main() -> None:
    """Run and publish."""
    options = _options()
    keep = options.keep or Path(tempfile.mkdtemp(prefix="tflprof-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    shared = Path("/dev/shm")
    begin, used = time.perf_counter(), os.times()
    models = small_models()
    first, found, covered = Tally(), models, "not measured: atheris is not installed"
    if options.guided and _has_atheris():
        first, found, covered = guided(models, options.guided, options.seed, keep)
    small, large = seeds({**models, **found}), seeds(networks())
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        feeder = Feeder(Path(folder), keep)
        bulk(small, large, options.files - first.files, options.seed, feeder)
        reached = lines_reached([content for _, content, _ in small], Path(folder))
    now = os.times()
    seconds = {
        "wall": time.perf_counter() - begin,
        "processor": sum(now[:4]) - sum(used[:4]),
    }
    _publish(options, models, (first, feeder.tally), (covered, reached), seconds)


def _publish(
    options: argparse.Namespace,
    models: dict[str, bytes],
    tallies: tuple[Tally, Tally],
    coverage: tuple[str, tuple[int, int]],
    seconds: dict[str, float],
) -> None:
    both = Tally(sum(t.files for t in tallies), sum(t.accepted for t in tallies))
    both.reasons, both.mutations = (tallies[0].reasons + tallies[1].reasons), tallies[1].mutations
    failures = {**tallies[0].failures, **tallies[1].failures}
    slowest = max(t.slowest for t in tallies)
    covered, (reached, lines) = coverage
    text = (
        f"{both.files} mutated files, made of {len(models)} micro-models and {len(networks())} networks, "
        f"{tallies[0].files} of them guided by coverage, in {seconds['wall']:.0f} s ({seconds['processor']:.0f} s of "
        f"the processor): {both.accepted} accepted, {both.files - both.accepted} refused, **{len(failures)} "
        "failures**. "
        f"The slowest file took {1000 * slowest:.0f} ms of the processor; resident memory peaked at "
        f"{tallies[1].peak >> 20} MiB, and no file raised the peak by more than {MOST_GROWTH >> 20} MiB. "
        f"The whole models and what libFuzzer kept reach {reached} of {lines} lines of the reader. "
        f"libFuzzer: {covered}.\n\n"
        + (Path(__file__).parent / "model_fuzz_findings.md").read_text()
        + "\n"
        + table(("why refused", "files"), [(why, str(n)) for why, n in both.reasons.most_common(60)])
        + "\n\n"
        + table(("mutation", "times"), [(name, str(n)) for name, n in both.mutations.most_common()])
    )
    data: dict[str, Any] = {
        "files": both.files,
        "guided_files": tallies[0].files,
        "accepted": both.accepted,
        "failures": failures,
        "reasons": dict(both.reasons.most_common()),
        "mutations": dict(both.mutations),
        "slowest_processor_seconds": slowest,
        "peak_bytes": tallies[1].peak,
        "lines_reached": reached,
        "lines": lines,
        "libfuzzer": covered,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "seed": options.seed,
    }
    publish("model_fuzz", "Damaged models", text, data, options.out)
    if failures:
        raise SystemExit(str(failures))


def _has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--guided", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path, default=REPORTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

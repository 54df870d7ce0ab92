"""The part of benchmarks/model_fuzz.py that is guided by coverage, in a process of its own.

``python -m benchmarks.model_fuzz_guided CORPUS KEEP FILES SEED`` lets libFuzzer (through atheris) mutate what is in
the folder CORPUS, and add to it what reaches something new in the reader. Half of the mutations are libFuzzer's own,
half know where things lie in a .tflite file. What came of the files is written to KEEP/guided.json.
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.model_mutations import Known, mutated, places

MOST_BYTES = 16384


@lru_cache(4096)
def _places(content: bytes) -> Known | None:
    try:
        return places(content)
    except (struct.error, LookupError, ValueError):
        return None


def main() -> None:
    """Fuzz until so many files were read; does not return."""
    import atheris

    corpus, keep, files, seed = sys.argv[1:]
    with atheris.instrument_imports(include=["tflprof.model"]):
        from benchmarks.model_feed import Feeder

    folder = Path(os.environ.get("FUZZ_FOLDER", "/dev/shm")) / f"tflprof-fuzz-{os.getpid()}"
    folder.mkdir()
    feeder, wanted = Feeder(folder, Path(keep)), int(files)

    def one(content: bytes) -> None:
        feeder.feed(content)
        if feeder.tally.files >= wanted:
            _finish(feeder, Path(keep))

    def mutate(content: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        known = _places(content) if rng.random() < 0.5 else None
        if known is None:
            other: bytes = atheris.Mutate(content, most)
            return other
        changed, names = mutated(rng, content, known)
        feeder.tally.mutations.update(names)
        return changed[:most]

    words = [sys.argv[0], corpus, f"-seed={seed}", f"-max_len={MOST_BYTES}", "-len_control=0", "-timeout=60"]
    atheris.Setup(
        [*words, "-rss_limit_mb=0", f"-artifact_prefix={keep}/", "-print_final_stats=1"],
        one,
        custom_mutator=mutate,
    )
    atheris.Fuzz()


def _finish(feeder: Any, keep: Path) -> None:
    tally = feeder.tally
    (keep / "guided.json").write_text(json.dumps({**vars(tally), "peak": tally.peak}))
    feeder.file.unlink(missing_ok=True)
    feeder.file.parent.rmdir()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

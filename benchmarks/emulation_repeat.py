"""Does a predicted profile repeat exactly, wherever it is made?

(1) The same command in other directories, environments, users (of a user namespace), model paths and under load, in
changing combinations: are instructions, cycles and lines from memory of every event the same? (2) And in another
emulator?
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.emulation import PHONE, emulators
from tflprof import read_profile
from tflprof.targets.emulator import CHOICE

COUNTED = ("instructions", "cycles", "dram_lines")
MODELS = (("mobilenet_v1", 96, 0.25, "float32"), ("mobilenet_v2", 96, 0.35, "int8"))


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
    """Run them all and publish; exits with a message if runs of one emulator differ."""
    options = common.arguments(__doc__ or "", runs=20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [common.network(folder, *which) for which in MODELS]
        repeated = {
            model.stem: [counted(model, folder, run) for run in range(options.runs)] for model in models
        }
        versions = between_emulators(emulators(), models, folder)
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
            "The same command in another directory, environment, user, under another model path and load of both "
            f"cores, in changing combinations, on {PHONE}. A digest is of every count of every event.",
            common.table(("model", "runs", "different digests", *COUNTED), repeated_rows(repeated)),
            "In other emulators; blocks of code are cut in other places there, and memory lies elsewhere:",
            common.table(("model", "emulator", "digest", *COUNTED), same),
        )
    )
    data = json.loads(json.dumps({"repeated": repeated, "between_emulators": versions}))
    common.publish("emulation_repeat", "Do predictions repeat?", text, data, options.out)
    differing = [name for name, runs in repeated.items() if len({run["sha256"] for run in runs}) > 1]
    if differing:
        raise SystemExit(f"runs differ: {differing}")


if __name__ == "__main__":
    main()

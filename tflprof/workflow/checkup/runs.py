"""A tiny run on a target, as a user would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tflprof import units
from tflprof.targets.spec import DEFAULT_TARGET
from tflprof.workflow.checkup.check import Check, tailored

RUN_SECONDS = 90
_MODEL = "conv_2d"


def try_target(target: str, folder: Path) -> Check:
    """Profile a model of one operator on a target, in a process of its own: whatever it does, it harms nothing.

    Args:
        target: as for ``--target``.
        folder: for the model; it is the run's working folder, too, so that no configuration has a say.
    """
    from tflprof.model.build import build_micro

    model = folder / f"{target.partition(':')[0]}.tflite"
    model.write_bytes(build_micro(_MODEL))
    command = [sys.executable, "-P", "-m", "tflprof", "profile", model.name, "--target", target]
    try:
        done = subprocess.run(
            [*command, "--max-seconds", "0.5", "--json"],
            cwd=folder,
            env={**os.environ, "COLUMNS": "1000"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=RUN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Check(
            target, "missing", f"a tiny run did not end within {RUN_SECONDS} s", _by_hand(target), target
        )
    if done.returncode:
        return _failed(target, done.stderr, done.returncode)
    document = json.loads(done.stdout)
    total = units.format_value(document["total"]["typical"], document["unit"])
    if target != DEFAULT_TARGET:
        return Check(target, "ok", f"a tiny model takes {total} [{document['provenance']}]", target=target)
    counted = document["total"]["instructions"]
    if counted is None or not document["schedule"]["reached"]:
        return Check(target, "limited", "a tiny run did not count the same twice", _by_hand(target), target)
    counts = f"{units.format_count(counted)} instructions, the same twice"
    return Check(
        target, "ok", f"a tiny model takes {total} [{document['provenance']}], {counts}", target=target
    )


def _failed(target: str, said: str, status: int) -> Check:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith("tflprof: ")), lines[-1] if lines else "")
    hint = next((line.removeprefix("→ ") for line in lines if line.startswith("→ ")), None)
    told = f"a tiny run ended with {status}: {error.removeprefix('tflprof: ').removeprefix('error: ')}"
    return Check(target, "missing", told, tailored(hint) if hint else _by_hand(target), target)


def _by_hand(target: str) -> str:
    return f"tflprof build {_MODEL} -o t.tflite && tflprof -v profile t.tflite --target {target}"

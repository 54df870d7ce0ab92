"""What LiteRT does with a model that the reader accepted: it runs, refuses it, crashes, or never ends.

The runner is a process of its own, as for the target ``host``; its memory and time are limited.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

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
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "options"
            file.write_text("".join(f"{key}={value}\n" for key, value in options.items()))
            return self._ended(file)

    def _ended(self, options: Path) -> Ending:
        try:
            done = subprocess.run(
                [self._runner, options], capture_output=True, timeout=SECONDS, preexec_fn=_limit, check=False
            )
        except subprocess.TimeoutExpired:
            return Ending("endless", "")
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
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _last(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return " | ".join(lines[-3:])[:400]

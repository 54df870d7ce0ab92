"""Drives the runner: builds it for tests, writes its options, reads its records."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[1]
FAKE = Path(__file__).resolve().parent / "fake_litert"
FAKE_TFLITE = Path(__file__).resolve().parent / "fake_tflite"
FAKE_SYSTEM = Path(__file__).resolve().parent / "fake_system"
LIBRARIES = ("-ldl", "-lm")
WRAPPED = tuple(
    f"-Wl,--wrap={name}"
    for name in ("syscall", "read", "clock_gettime", "clock_nanosleep", "time", "gettimeofday")
)

# The sanitizers interpose the same functions of libc as the runner, whose own are left out here.
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DRUNNER_NO_INTERPOSERS")

QUICK = {"seconds": 0.05, "warmup_ms": 1, "warmup_min": 1, "block_ms": 1, "block_max": 5}

Record = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A runner that has ended: its exit status, its records in order and what it told humans."""

    status: int
    records: list[Record]
    stderr: str

    def of(self, kind: str, **fields: object) -> list[Record]:
        """Records of a kind whose fields have these values."""
        wanted = {"r": kind, **fields}
        return [r for r in self.records if all(r.get(key) == value for key, value in wanted.items())]

    def blocks(self, **fields: object) -> list[Record]:
        return self.of("block", **fields)

    def error(self) -> Record:
        """The one error record, after making sure that it is followed by an honest end."""
        (error,) = self.of("error")
        end = {"r": "end", "status": "error", "records": len(self.records) - 1}
        assert self.records[-2:] == [error, end]
        return error


@dataclass(frozen=True)
class Runner:
    """A runner program, the library it loads and a folder for its files."""

    program: Path
    library: Path
    folder: Path

    def options(self, *lines: str, models: Iterable[Path | str] = (), **settings: object) -> Path:
        """An options file: the library, the models, quick settings unless others are given, then the lines."""
        values = {"library": self.library, **QUICK, **settings}
        text = [f"{key}={value}" for key, value in values.items() if value is not None]
        text += [f"model={model}" for model in models or [self.model("a")]]
        path = self.folder / "options"
        path.write_text("\n".join([*text, *lines]) + "\n", encoding="utf-8", errors="surrogateescape")
        return path

    def model(self, name: str) -> Path:
        """A file that the fake library takes for a model."""
        path = self.folder / f"{name}.tflite"
        path.write_bytes(b"not looked into")
        return path

    def command(self, options: Path) -> list[str]:
        return [str(self.program), str(options)]

    def environment(self, script: str) -> dict[str, str]:
        return {**os.environ, "FAKE_LITERT": script, "ASAN_OPTIONS": "abort_on_error=0"}

    def run(
        self, *lines: str, script: str = "", models: Iterable[Path | str] = (), **settings: object
    ) -> Finished:
        """Runs to the end; keyword arguments are settings of the options file, None leaves one out."""
        options = self.options(*lines, models=models, **settings)
        done = subprocess.run(
            self.command(options),
            env=self.environment(script),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        return finished(done.returncode, done.stdout, done.stderr)

    def start(self, *lines: str, script: str = "", **settings: object) -> subprocess.Popen[bytes]:
        """Starts it with all three streams as pipes."""
        options = self.options(*lines, **settings)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.command(options), env=self.environment(script), stdin=pipe, stdout=pipe, stderr=pipe
        )


def finished(status: int, stdout: bytes, stderr: bytes) -> Finished:
    text = stderr.decode(errors="replace")
    assert "Sanitizer" not in text, text
    assert "runtime error" not in text, text
    return Finished(status, [json.loads(line) for line in stdout.decode().splitlines()], text)


def compile_sanitized(folder: Path) -> tuple[Path, Path]:
    """The runner with sanitizers and the fake library; returns both paths."""
    runner, library = folder / "runner", folder / "libfake.so"
    sources = [str(path) for folder in (SOURCES, FAKE_SYSTEM) for path in sorted(folder.glob("*.c"))]
    fakes = [str(path) for path in sorted(FAKE.glob("*.c"))]
    subprocess.run(
        ["gcc", *FLAGS, *SANITIZERS, *sources, "-o", str(runner), *WRAPPED, *LIBRARIES], check=True
    )
    subprocess.run(["gcc", *FLAGS, "-shared", "-fPIC", *fakes, "-o", str(library)], check=True)
    return runner, library


def tflite_sources() -> list[Path]:
    """The sources of the scripted library with TensorFlow Lite's interface."""
    return [*sorted(FAKE_TFLITE.glob("*.c")), FAKE / "script.c"]


def compile_tflite(folder: Path, *flags: str) -> Path:
    """The scripted library with TensorFlow Lite's interface; ``-DFAKE_OLD`` makes it an old one."""
    library = folder / "libtensorflowlite_c.so"
    sources = [str(path) for path in tflite_sources()]
    subprocess.run(["gcc", *FLAGS, *flags, "-shared", "-fPIC", *sources, "-o", str(library)], check=True)
    return library

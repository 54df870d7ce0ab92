"""Runs the Android runners without an Android: over glibc's loader, with stand-ins for bionic's libraries."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from android_runner import build
from android_runner.tests.harness import FAKE, SOURCES, Runner, tflite_sources

SHIM = SOURCES / "tests" / "bionic_shim"
LIBRARIES = ("libc", "libdl")


@dataclass(frozen=True)
class Machine:
    """Where the programs of a platform run: zig's target, the emulator if need be, glibc's loader and libraries."""

    platform: str
    target: str
    emulator: tuple[str, ...]
    loader: Path
    libraries: Path
    package: str
    """The Debian package with these libraries."""

    def missing(self) -> str | None:
        """What keeps programs from running here."""
        return None if self.loader.exists() else f"{self.loader} is missing: install {self.package}"


MACHINES = {
    "android-x86_64": Machine(
        "android-x86_64",
        "x86_64-linux-gnu.2.34",
        (),
        Path("/lib64/ld-linux-x86-64.so.2"),
        Path("/lib/x86_64-linux-gnu"),
        "libc6",
    ),
    "android-aarch64": Machine(
        "android-aarch64",
        "aarch64-linux-gnu.2.34",
        ("qemu-aarch64",),
        Path("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1"),
        Path("/usr/aarch64-linux-gnu/lib"),
        "libc6-arm64-cross",
    ),
    # Android passes floating-point arguments in integer registers, like Debian's armel.
    "android-armv7": Machine(
        "android-armv7",
        "arm-linux-gnueabi.2.34",
        ("qemu-arm",),
        Path("/usr/arm-linux-gnueabi/lib/ld-linux.so.3"),
        Path("/usr/arm-linux-gnueabi/lib"),
        "libc6-armel-cross",
    ),
}


@dataclass(frozen=True)
class AndroidRunner(Runner):
    """A runner for Android on a machine with the stand-ins in ``shim``."""

    machine: Machine
    shim: Path

    def started(self, *arguments: Path | str) -> list[str]:
        path = f"{self.shim}:{self.machine.libraries}"
        loader = (*self.machine.emulator, str(self.machine.loader), "--library-path", path)
        return [*loader, str(self.program), *(str(argument) for argument in arguments)]

    def command(self, options: Path) -> list[str]:
        return self.started(options)


def compile_library(machine: Machine, sources: Sequence[Path], result: Path, *flags: str) -> Path:
    """Compile a shared library for a machine."""
    command = [*build.zig_command(), "cc", f"--target={machine.target}", "-std=c11", "-D_GNU_SOURCE", "-O1"]
    named = [str(source) for source in sources]
    scratch = result.with_suffix(".part")  # zig takes some names of libraries for its own
    flags = ("-Wall", "-Wextra", "-Werror", "-fno-sanitize=undefined", "-shared", "-fPIC", *flags)
    subprocess.run([*command, *flags, *named, "-o", str(scratch)], check=True)
    return scratch.replace(result)


def compile_shim(machine: Machine, folder: Path) -> Path:
    """Compile the stand-ins for bionic's libraries into a folder."""
    folder.mkdir()
    for name in LIBRARIES:
        compile_library(machine, [SHIM / f"{name}.c"], folder / f"{name}.so", f"-Wl,-soname,{name}.so")
    return folder


def compile_litert(machine: Machine, folder: Path) -> Path:
    """Compile the scripted LiteRT library for a machine."""
    return compile_library(machine, sorted(FAKE.glob("*.c")), folder / "libLiteRt.so")


def compile_tflite(machine: Machine, folder: Path) -> Path:
    """Compile the scripted library with TensorFlow Lite's interface for a machine."""
    name = "libtensorflowlite_c.so"
    return compile_library(machine, tflite_sources(), folder / name, f"-Wl,-soname,{name}")


def program(machine: Machine) -> Path:
    """The runner as it is shipped."""
    build.build()
    return build.DEFAULT_OUT / f"tflprof-runner-{machine.platform}"

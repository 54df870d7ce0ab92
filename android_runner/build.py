"""Build the runner and the emulator plugin for every platform with ziglang.

Run as ``python android_runner/build.py [--out DIR] [--zig PATH]``. The binaries depend on
the sources, the flags and the zig version only, and ``build.json`` says which they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
DEFAULT_OUT = SOURCES.parent / "tflprof" / "runner" / "bin"

COMMON_FLAGS = (
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O2",
    "-g0",
    "-s",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fvisibility=hidden",
    "-Wl,-z,now",
    "-Wl,--build-id=none",
)
RUNNER_FLAGS = ("-rdynamic", "-ldl", "-lm")
PLUGIN_FLAGS = ("-shared", "-fPIC")


@dataclass(frozen=True)
class Binary:
    """One file to build: its name, its zig target and CPU, its sources and its own flags."""

    name: str
    target: str
    cpu: str
    sources: str
    flags: tuple[str, ...]


BINARIES = (
    Binary("tflprof-runner-linux-x86_64", "x86_64-linux-gnu.2.17", "x86_64", "*.c", RUNNER_FLAGS),
    Binary("tflprof-runner-linux-aarch64", "aarch64-linux-gnu.2.17", "generic", "*.c", RUNNER_FLAGS),
    Binary("tflprof-counter-linux-x86_64.so", "x86_64-linux-gnu.2.17", "x86_64", "plugin/*.c", PLUGIN_FLAGS),
    Binary(
        "tflprof-counter-linux-aarch64.so", "aarch64-linux-gnu.2.17", "generic", "plugin/*.c", PLUGIN_FLAGS
    ),
)


def zig_command(zig: Path | None = None) -> tuple[str, ...]:
    """Return the command that runs zig: the given executable, or the installed ziglang package."""
    return (str(zig),) if zig else (sys.executable, "-m", "ziglang")


def zig_version(zig: Sequence[str]) -> str:
    """Return the version zig states, e.g. ``0.17.0``."""
    return subprocess.run([*zig, "version"], check=True, capture_output=True, text=True).stdout.strip()


def build_id(version: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of everything the binaries depend on."""
    digest = hashlib.sha256(repr((version, COMMON_FLAGS, BINARIES)).encode())
    for directory in (SOURCES, SOURCES / "plugin"):
        for source in sorted(directory.glob("*.[ch]")):
            content = source.read_bytes()
            digest.update(f"{source.relative_to(SOURCES).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def build(out: Path = DEFAULT_OUT, zig: Sequence[str] | None = None) -> dict[str, object]:
    """Build what is not up to date in ``out`` and return the content of its ``build.json``.

    Raises:
        subprocess.CalledProcessError: zig failed; it has written why to standard error.
    """
    zig = zig or zig_command()
    version = zig_version(zig)
    identity = build_id(version)
    known = _up_to_date(out, identity)
    if known is not None:
        return known
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".building-") as scratch:
        built = {binary.name: _compile(binary, identity, zig, Path(scratch)) for binary in BINARIES}
        manifest: dict[str, object] = {
            "build": identity,
            "zig": version,
            "sha256": {name: _sha256(path) for name, path in built.items()},
        }
        for name, path in built.items():
            path.replace(out / name)
        written = Path(scratch) / "build.json"
        written.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        written.replace(out / "build.json")
    return manifest


def _compile(binary: Binary, identity: str, zig: Sequence[str], scratch: Path) -> Path:
    """Compile one binary; run in the source directory, so that no path of it gets in."""
    result = scratch / binary.name
    sources = sorted(str(path.relative_to(SOURCES)) for path in SOURCES.glob(binary.sources))
    command = [
        *zig,
        "cc",
        f"--target={binary.target}",
        f"-mcpu={binary.cpu}",
        f'-DRUNNER_BUILD="{identity}"',
        f"-ffile-prefix-map={SOURCES}=.",
        *COMMON_FLAGS,
        *sources,
        *binary.flags,
        "-o",
        str(result),
    ]
    subprocess.run(command, check=True, cwd=SOURCES)
    return result


def _up_to_date(out: Path, identity: str) -> dict[str, object] | None:
    """Return the manifest of ``out`` if it is of this build and every binary is still the one built."""
    try:
        manifest = json.loads((out / "build.json").read_text(encoding="utf-8"))
        digests = manifest["sha256"]
        current = {binary.name: _sha256(out / binary.name) for binary in BINARIES}
    except (OSError, ValueError, KeyError):
        return None
    return manifest if manifest["build"] == identity and digests == current else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and print the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="directory of the binaries")
    parser.add_argument(
        "--zig", type=Path, default=None, help="zig executable instead of the ziglang package"
    )
    options = parser.parse_args(arguments)
    try:
        manifest = build(options.out.resolve(), zig_command(options.zig))
    except subprocess.CalledProcessError as error:
        print(f"build failed: {error.cmd[:4]} ended with {error.returncode}", file=sys.stderr)
        return 1
    print(json.dumps(manifest, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

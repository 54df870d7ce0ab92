"""Build the runner and the emulator plugin for every platform with ziglang.

Run as ``python android_runner/build.py [--out DIR] [--zig PATH]``. The binaries depend on
the sources, the flags and the zig version only, and ``build.json`` says which they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
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
# The emulator plugin, for each version of the interface; a counter counts alike whatever it was compiled with.
_PLUGIN_SHARED = " ".join(
    f"plugin/{name}.c"
    for name in (
        *(
            "core_file",
            "core_keys",
            "core_line",
            "counter",
            "decode",
            "decode_memory",
            "decode_simd",
            "memory",
        ),
        *("model", "operation", "pipeline", "ports", "price", "runs"),
    )
)
PLUGIN_SOURCES = {1: f"{_PLUGIN_SHARED} plugin/direct.c", 2: f"{_PLUGIN_SHARED} plugin/scoreboard.c"}
PLUGIN_HOSTS = (("x86_64", "x86_64"), ("aarch64", "generic"))
PLUGIN_IDENTITY = ("plugin/*.[ch]", "counters.h")

# Android, without its development kit: headers, entry and stand-ins for its libraries are in bionic/,
# the kernel's headers come with zig. No thread-locals, no streams; pages may be of 16 KiB.
ANDROID_FLAGS = (
    "-ffreestanding",
    "-nostdlib",
    "-rtlib=compiler-rt",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Ibionic/include",
)
ANDROID_LINK_FLAGS = (
    "-pie",
    "-fPIE",
    "-rdynamic",
    "-Wl,-z,norelro",
    "-Wl,-z,max-page-size=16384",
    "-Wl,--hash-style=both",
)
ANDROID_LIBRARIES = ("libc", "libdl")


class BuildError(Exception):
    """The compiler is not as expected."""


@dataclass(frozen=True)
class Binary:
    """One file to build: its name, its zig target and CPU, patterns of its sources and its own flags."""

    name: str
    target: str
    cpu: str
    sources: str
    flags: tuple[str, ...]
    kernel: str = ""
    """For Android: the folder of the kernel's headers for this processor."""


def _android(name: str, target: str, cpu: str, kernel: str, linker: str, *flags: str) -> Binary:
    link = (*ANDROID_LINK_FLAGS, f"-Wl,--dynamic-linker=/system/bin/{linker}")
    return Binary(f"tflprof-runner-android-{name}", target, cpu, "*.c", (*flags, *link), kernel)


def _plugin(api: int, machine: str, cpu: str) -> Binary:
    name, target = f"tflprof-counter{api}-linux-{machine}.so", f"{machine}-linux-gnu.2.17"
    return Binary(name, target, cpu, PLUGIN_SOURCES[api], (*PLUGIN_FLAGS, f"-DPLUGIN_API={api}"))


BINARIES = (
    Binary("tflprof-runner-linux-x86_64", "x86_64-linux-gnu.2.17", "x86_64", "*.c", RUNNER_FLAGS),
    Binary("tflprof-runner-linux-aarch64", "aarch64-linux-gnu.2.17", "generic", "*.c", RUNNER_FLAGS),
    *(_plugin(api, machine, cpu) for api in PLUGIN_SOURCES for machine, cpu in PLUGIN_HOSTS),
    _android("aarch64", "aarch64-linux-android", "generic", "aarch64", "linker64"),
    _android("armv7", "arm-linux-androideabi", "generic+v7a+vfp3d16", "arm", "linker", "-mfloat-abi=softfp"),
    _android("x86_64", "x86_64-linux-android", "x86_64", "x86", "linker64"),
)


def zig_command(zig: Path | None = None) -> tuple[str, ...]:
    """Return the command that runs zig: the given executable, or the installed ziglang package."""
    return (str(zig),) if zig else (sys.executable, "-m", "ziglang")


def zig_version(zig: Sequence[str]) -> str:
    """Return the version zig states, e.g. ``0.17.0``."""
    return subprocess.run([*zig, "version"], check=True, capture_output=True, text=True).stdout.strip()


def build_id(version: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of everything the binaries depend on."""
    digest = hashlib.sha256(repr((version, COMMON_FLAGS, ANDROID_FLAGS, BINARIES)).encode())
    _add_sources(digest, "*.[ch]", "plugin/*.[ch]", "bionic/*.*", "bionic/include/**/*.h")
    return digest.hexdigest()[:12]


def plugin_id() -> str:
    """Return the SHA-256 of the plugin's sources: profiles tell it, since counts depend on nothing else of it."""
    digest = hashlib.sha256()
    _add_sources(digest, *PLUGIN_IDENTITY)
    return digest.hexdigest()


def _add_sources(digest: hashlib._Hash, *patterns: str) -> None:
    for source in _sources(*patterns):
        content = (SOURCES / source).read_bytes()
        digest.update(f"{source}\0{len(content)}\0".encode() + content)


def _sources(*patterns: str) -> list[str]:
    return [
        path.relative_to(SOURCES).as_posix() for pattern in patterns for path in sorted(SOURCES.glob(pattern))
    ]


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
            "plugin": plugin_id(),
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
    sources = _sources(*binary.sources.split())
    extra: tuple[str, ...] = ()
    if binary.kernel:
        sources.append("bionic/start.c")
        extra = (*_android_headers(binary, zig), *_android_stubs(binary, zig, scratch))
    flags = (f'-DRUNNER_BUILD="{identity}"', f"-ffile-prefix-map={SOURCES}=.", *COMMON_FLAGS, *extra)
    _zig_cc(zig, binary, *flags, *sources, *binary.flags, "-o", str(result))
    return result


def _zig_cc(zig: Sequence[str], binary: Binary, *arguments: str) -> None:
    command = [*zig, "cc", f"--target={binary.target}", f"-mcpu={binary.cpu}", *arguments]
    subprocess.run(command, check=True, cwd=SOURCES)


def _android_headers(binary: Binary, zig: Sequence[str]) -> tuple[str, ...]:
    """The flags that make Android's C headers and the kernel's known."""
    environment = subprocess.run([*zig, "env"], check=True, capture_output=True, text=True).stdout
    found = re.search(r'lib_dir"?\s*[:=]\s*"([^"]+)"', environment)
    if not found:
        raise BuildError(f"`zig env` does not tell its lib_dir: {environment[:200]}")
    # Relative to where we are, while the compiler runs elsewhere.
    kernel = Path.cwd() / found[1] / "libc" / "include"
    folders = (kernel / f"{binary.kernel}-linux-any", kernel / "any-linux-any")
    return (*ANDROID_FLAGS, *(part for folder in folders for part in ("-isystem", str(folder))))


def _android_stubs(binary: Binary, zig: Sequence[str], scratch: Path) -> list[str]:
    """Libraries to link against, which have the names of Android's functions and nothing else."""
    folder = scratch / f"libraries-{binary.kernel}"
    folder.mkdir()
    for name in ANDROID_LIBRARIES:
        source = folder / f"{name}.c"
        source.write_text("".join(f"void {symbol}(void) {{}}\n" for symbol in android_symbols(name)))
        flags = ("-ffreestanding", "-nostdlib", "-shared", "-fPIC", "-g0", f"-Wl,-soname,{name}.so")
        _zig_cc(zig, binary, *flags, "-fno-builtin", str(source), "-o", str(folder / f"{name}.so"))
    return [str(folder / f"{name}.so") for name in ANDROID_LIBRARIES]


def android_symbols(library: str) -> list[str]:
    """What the runner may import of Android's ``libc`` or ``libdl``: what every release since Android 7 has."""
    lines = (SOURCES / "bionic" / f"{library}.symbols").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


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
    except BuildError as error:
        print(f"build failed: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"build failed: {error.cmd[:4]} ended with {error.returncode}", file=sys.stderr)
        return 1
    print(json.dumps(manifest, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

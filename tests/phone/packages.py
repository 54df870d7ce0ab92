"""The phone's file tree, made once from Debian's arm64 packages: mksh and toybox under Android's names.

The machine's own packages stay as they are: apt works in a directory of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflprof.errors import EnvironmentFault

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / "build" / "phone"
GUEST_PACKAGES = ("mksh", "toybox", "libc6", "libcrypt1", "libstdc++6", "libgcc-s1")
EMULATOR_PACKAGE = "qemu-user-static"
# Where the guest's C library is: not where Linux programs look for one, for Android has none.
LIBRARIES = "/apex/arch64-linux-gnu"
LOADER = "/apex/ld.so"
DIRECTORIES = (
    *("apex", "data", "dev", "etc", "phone", "proc", "sdcard", "sys", "system/bin", "system/lib64", "tmp"),
    *("vendor", "old"),
)
NEEDED = (
    "the virtual phone needs Linux on x86-64, root, and Debian's apt for packages of the arm64 architecture"
)
PRELOAD_FLAGS = (
    *("--target=aarch64-linux-gnu.2.17", "-mcpu=generic", "-std=c11", "-D_GNU_SOURCE", "-O2", "-g0", "-s"),
    *("-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-shared", "-fPIC"),
)


def guest_tree() -> Path:
    """The directory with ``root/`` (the phone's files) and ``qemu``; made now if it is not there.

    Raises:
        EnvironmentFault: it cannot be made here; says what is missing.
    """
    tree = CACHE / _identity()
    with _locked():
        if not tree.is_dir():
            scratch = CACHE / f".making-{tree.name}"
            shutil.rmtree(scratch, ignore_errors=True)
            _make(scratch)
            scratch.rename(tree)
    return tree


def _identity() -> str:
    """Changes with everything that the tree is made from."""
    digest = hashlib.sha256()
    for source in (Path(__file__), *sorted((HERE / "guest").rglob("*"))):
        if source.is_file():
            digest.update(f"{source.name}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(scratch: Path) -> None:
    root, packages = scratch / "root", CACHE / "packages"
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True)
    _download(packages)
    unpacked = scratch / "unpacked"
    for archive in sorted(packages.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(archive), str(unpacked)])
    (unpacked / "usr/bin/qemu-aarch64-static").rename(scratch / "qemu")
    _install_tools(unpacked, root)
    _install_libraries(unpacked, root)
    shutil.rmtree(unpacked)
    _install_commands(root)


def _download(packages: Path) -> None:
    """Fetch the packages into a directory, unless they are there."""
    wanted = (*GUEST_PACKAGES, EMULATOR_PACKAGE)
    if all(any(packages.glob(f"{name}_*.deb")) for name in wanted):
        return
    shutil.rmtree(packages, ignore_errors=True)
    state = CACHE / "apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    packages.mkdir()
    private = (
        *("-qq", "-o", "APT::Sandbox::User=root", "-o", f"Dir::State={state}/state"),
        *("-o", f"Dir::Cache={state}/cache", "-o", "Dir::State::status=/dev/null"),
    )
    for architecture, names in (("arm64", GUEST_PACKAGES), ("amd64", (EMULATOR_PACKAGE,))):
        chosen = ("-o", f"APT::Architecture={architecture}", "-o", f"APT::Architectures={architecture}")
        _run(["apt-get", *private, *chosen, "update"])
        _run(["apt-get", *private, *chosen, "download", *names], packages)
    shutil.rmtree(state)


def _install_tools(unpacked: Path, root: Path) -> None:
    """The statically linked mksh as the shell, and a link for everything that toybox can do."""
    programs = root / "system/bin"
    (unpacked / "usr/lib/aarch64-linux-musl/bin/mksh").rename(programs / "sh")
    toybox = programs / "toybox"
    toybox.write_bytes(_with_loader((unpacked / "bin/toybox").read_bytes()))
    toybox.chmod(0o755)
    for name in ("bin", "usr"):
        (root / name).symlink_to("system/bin" if name == "bin" else "system")


def _install_libraries(unpacked: Path, root: Path) -> None:
    directory = root / LIBRARIES.removeprefix("/")
    directory.mkdir()
    for part in ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"):
        for library in (unpacked / part).glob("*.so*"):
            shutil.copy(library, directory / library.name)
    loader = (directory / "ld-linux-aarch64.so.1").read_bytes()
    private = root / LOADER.removeprefix("/")
    # The paths have the same length.
    private.write_bytes(loader.replace(b"/lib/aarch64-linux-gnu/", f"{LIBRARIES}/".encode()))
    private.chmod(0o755)
    (root / "etc/ld.so.preload").write_text("/apex/cpus.so\n")
    _run(
        [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
            *PRELOAD_FLAGS,
            str(HERE / "guest/cpus.c"),
            "-o",
            str(root / "apex/cpus.so"),
        ]
    )


def _with_loader(program: bytes) -> bytes:
    usual = b"/lib/ld-linux-aarch64.so.1"
    if program.count(usual) != 1:
        raise EnvironmentFault("this toybox names its loader in an unexpected way")
    return program.replace(usual, LOADER.encode().ljust(len(usual), b"\0"))


def _install_commands(root: Path) -> None:
    programs = root / "system/bin"
    listing = _run([str(CACHE / f".making-{_identity()}/qemu"), "-L", str(root), str(programs / "toybox")])
    for name in listing.split():
        if name != "[" and not (programs / name).exists():
            (programs / name).symlink_to("toybox")
    (programs / "[").symlink_to("toybox")
    for script in sorted((HERE / "guest/bin").iterdir()):
        installed = programs / script.name
        installed.unlink(missing_ok=True)
        shutil.copy(script, installed)
        installed.chmod(0o755)
    # There is no linker of Android's, but a test may put one in this place.
    (programs / "linker64").symlink_to("/phone/linker64")
    (root / "etc/passwd").write_text("root:x:0:0::/:/system/bin/sh\nshell:x:2000:2000::/:/system/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nlog:x:1007:\nadb:x:1011:\nshell:x:2000:\n")


def _run(command: list[str], directory: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except OSError as error:
        raise EnvironmentFault(f"{command[0]}: {error.strerror}", NEEDED) from error
    if done.returncode:
        raise EnvironmentFault(f"{' '.join(command[:12])} … failed: {done.stderr.strip()[-500:]}", NEEDED)
    return done.stdout

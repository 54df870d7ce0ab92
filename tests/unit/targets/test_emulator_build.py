"""Building an emulator, with shell scripts in the place of apt, the compiler and QEMU's own build."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault
from tflprof.targets import emulator_build
from tflprof.targets.build_log import CommandFailed
from tflprof.targets.debian_source import read_description, unpack
from tflprof.targets.emulator import find_emulator
from tflprof.targets.emulator_build import build_emulator
from tflprof.targets.emulator_cache import emulator_directory

# Serves what is in the folder `archive`; fails for mirrors that are listed in the file `down`.
APT = """
echo "$@" >>"$HERE/apt"
case "$1" in indextargets) cat "$HERE/mirrors" 2>/dev/null; exit 0;; esac
cp "$3" "$HERE/apt.conf"
cp "$(dirname "$3")/sources.list" "$HERE/sources.list"
while read -r down; do
    if grep -q "$down" "$HERE/sources.list"; then echo "E: Failed to fetch $down"; exit 100; fi
done <"$HERE/down"
case "$*" in *source*) cp "$HERE"/archive/* .;; esac
"""
QEMU = """
case "$1" in --version) echo "qemu-aarch64 version 10.0.13 (Debian source)";; *) echo "-plugin";; esac
"""
CONFIGURE = """#!/bin/sh
echo "$@" >"$HERE/configured"
"""
NINJA = """
echo "compiling" "$@"
echo "[1/2] one"
[ ! -e "$HERE/slow" ] || { echo $$ >"$HERE/pid"; sleep 60; }
if [ -e "$HERE/broken" ]; then echo "fatal error: glib.h"; exit 1; fi
echo "[2/2] two"
cp "$HERE/qemu" "$1"
"""
NEEDED = ("sh", "cat", "cp", "dirname", "grep", "sleep", "mkdir", "chmod", "rm")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which everything works, and where what is done is written to."""
    folder, programs = tmp_path / "here", tmp_path / "bin"
    (folder / "archive").mkdir(parents=True)
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name) or "")
    for name, body in {"apt-get": APT, "cc": "echo cc 1", "pkg-config": "", "make": "", "strip": ""}.items():
        program(programs / name, body)
    program(folder / "qemu", QEMU)
    (folder / "down").touch()
    fill_archive(folder)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(emulator_build, "_make_tools", lambda place, _log: tools(place))
    monkeypatch.setattr(emulator_build, "KEYRINGS", (folder / "qemu",))
    for name in ("TFLPROF_QEMU", "TFLPROF_DEBIAN_MIRROR", "TFLPROF_DEBIAN_SUITE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERE", str(folder))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return folder


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def tools(scratch: Path) -> Path:
    (scratch / "python" / "bin").mkdir(parents=True)
    program(scratch / "python" / "bin" / "ninja", NINJA)
    return scratch / "python" / "bin" / "python"


def fill_archive(folder: Path, version: str = "10.0.13", members: tuple[str, ...] = ()) -> None:
    """Debian's source package of QEMU, as far as a build looks at it."""
    shutil.rmtree(folder / "archive")
    (folder / "archive").mkdir()
    original = folder / "archive" / f"qemu_{version}+ds.orig.tar.xz"
    with tarfile.open(original, "w:xz") as tar:
        for name, text in {
            f"qemu-{version}/configure": CONFIGURE,
            f"qemu-{version}/roms/large": "",
            **dict.fromkeys(members, ""),
        }.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o755, len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    sha256 = hashlib.sha256(original.read_bytes()).hexdigest()
    (folder / "archive" / f"qemu_{version}.dsc").write_text(
        f"Format: 3.0 (quilt)\nSource: qemu\nVersion: 1:{version}+ds-0+deb13u1\n"
        f"Checksums-Sha256:\n {sha256} {original.stat().st_size} {original.name}\nFiles:\n"
    )


def nothing_is_left(here: Path) -> bool:
    """Nothing in the directory for temporary files, and no emulator or half of one in the cache."""
    kept = {path.name for path in emulator_directory().iterdir()}
    return not list((here.parent / "scratch").iterdir()) and kept <= {"lock", "build.log"}


def test_it_is_built_once_and_then_found(here: Path) -> None:
    told = []
    path = build_emulator(lambda *progress: told.append(progress))
    assert find_emulator().path == path
    assert find_emulator().plugin_api == 2
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["source"]["version"] == "1:10.0.13+ds-0+deb13u1"
    assert list(manifest["source"]["files"]) == ["qemu_10.0.13+ds.orig.tar.xz"]
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "--enable-plugins" in (here / "configured").read_text()
    assert [done for stage, done, _ in told if stage == "compile"] == [0.5, 1.0]
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        *("wait", "fetch", "unpack", "tools", "configure", "compile"),
    ]
    assert not list((here.parent / "scratch").iterdir())
    asked = (here / "apt").read_text()
    assert build_emulator() == path
    assert (here / "apt").read_text() == asked, "it was there"


def test_apt_leaves_the_system_alone_and_trusts_nothing_unsigned(here: Path) -> None:
    build_emulator()
    configuration = (here / "apt.conf").read_text()
    for line in (
        'Dir::Etc::sourceparts "/dev/null"',
        "#clear APT::Update::Post-Invoke;",
        'AllowUnauthenticated "false"',
    ):
        assert line in configuration
    for directory in ("State::lists", "Cache", "Etc::sourcelist"):
        (line,) = (line for line in configuration.splitlines() if line.startswith(f"Dir::{directory} "))
        assert str(here.parent / "scratch") in line
    assert "[signed-by=/usr/share/keyrings/debian-archive-keyring" in (here / "sources.list").read_text()


def test_the_machines_own_mirror_comes_first_and_debians_own_steps_in(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "mirrors").write_text(
        "Debian Debian-Security http://security/\nDebian Debian http://near/debian/\nGoogle cloud http://x/\n"
    )
    build_emulator()
    assert " http://near/debian trixie main" in (here / "sources.list").read_text()
    (here / "down").write_text("near\n")
    build_emulator(again=True)
    assert " http://deb.debian.org/debian trixie main" in (here / "sources.list").read_text()
    monkeypatch.setenv("TFLPROF_DEBIAN_MIRROR", "http://mine/debian")
    monkeypatch.setenv("TFLPROF_DEBIAN_SUITE", "forky")
    build_emulator(again=True)
    assert " http://mine/debian forky main" in (here / "sources.list").read_text()


def test_without_the_network_it_says_what_apt_said(here: Path) -> None:
    (here / "down").write_text("debian\n")
    with pytest.raises(CommandFailed, match=r"cannot fetch .* from http://deb\.debian\.org") as caught:
        build_emulator()
    assert caught.value.tail == ("E: Failed to fetch debian",)
    assert "TFLPROF_DEBIAN_MIRROR" in (caught.value.hint or "")
    assert caught.value.exit_code == 3
    assert nothing_is_left(here)


def test_what_is_missing_is_named_with_the_command_that_installs_it(here: Path) -> None:
    for name in ("pkg-config", "make"):
        (here.parent / "bin" / name).unlink()
    with pytest.raises(
        EnvironmentFault, match=r"needs make, pkg-config, libglib2\.0-dev, zlib1g-dev"
    ) as caught:
        build_emulator()
    assert caught.value.hint
    assert caught.value.hint.startswith("apt-get install make pkg-config libglib2.0-dev zlib1g-dev")
    assert not (here / "apt").exists()


def test_a_compiler_without_headers_is_none(here: Path) -> None:
    program(here.parent / "bin" / "cc", "exit 1")
    program(here.parent / "bin" / "pkg-config", 'case "$2" in zlib) exit 1;; esac')
    assert emulator_build.missing_packages() == ["libc6-dev", "zlib1g-dev"]


@pytest.mark.parametrize("machine", ["riscv64", "x86_64"])
def test_other_machines_build_none(machine: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    if machine == "x86_64":
        (here.parent / "bin" / "apt-get").unlink()
    with pytest.raises(EnvironmentFault, match="built on Debian") as caught:
        build_emulator()
    assert "--enable-plugins" in (caught.value.hint or "")


def test_too_little_space_is_said_before_anything_is_fetched(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1 << 40, 0, 100 << 20))
    with pytest.raises(
        EnvironmentFault, match="has 100 MiB free, a build of the emulator needs 1024 MiB"
    ) as caught:
        build_emulator()
    assert "TMPDIR" in (caught.value.hint or "")
    assert not (here / "apt").exists()
    assert nothing_is_left(here)


def test_a_file_that_is_not_what_debian_signed_is_refused(here: Path) -> None:
    (tarball,) = (here / "archive").glob("*.xz")
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    with pytest.raises(EnvironmentFault, match=r"orig\.tar\.xz is not what qemu_10\.0\.13\.dsc says"):
        build_emulator()
    assert not (here / "configured").exists()
    assert nothing_is_left(here)


@pytest.mark.parametrize("member", ["../evil", "/tmp/evil", "qemu-10.0.13/../../evil", "other/file"])
def test_a_tarball_that_reaches_out_is_refused(member: str, here: Path) -> None:
    fill_archive(here, members=(member,))
    with pytest.raises(EnvironmentFault, match=r"orig\.tar\.xz"):
        build_emulator()
    assert not list(here.parent.rglob("evil"))
    assert nothing_is_left(here)


@pytest.mark.parametrize("version", ["11.0.0", "5.2.0"])
def test_a_version_that_no_plugin_fits_is_not_built(version: str, here: Path) -> None:
    fill_archive(here, version)
    with pytest.raises(EnvironmentFault, match=f"Debian trixie has QEMU {version}") as caught:
        build_emulator()
    assert "TFLPROF_DEBIAN_SUITE" in (caught.value.hint or "")


def test_a_failed_compile_shows_its_end_and_keeps_the_log(here: Path) -> None:
    (here / "broken").touch()
    with pytest.raises(CommandFailed, match="QEMU cannot be compiled: ninja ended with 1") as caught:
        build_emulator()
    assert caught.value.tail[-1] == "fatal error: glib.h"
    log = emulator_directory() / "build.log"
    assert str(log) in (caught.value.hint or "")
    assert "compiling qemu-aarch64" in log.read_text()
    assert nothing_is_left(here)


def test_a_program_that_loads_no_plugins_is_not_kept(here: Path) -> None:
    program(here / "qemu", QEMU.replace("-plugin", "-strace"))
    with pytest.raises(EnvironmentFault, match="built without plugins"):
        build_emulator()
    assert nothing_is_left(here)


def test_an_interrupt_ends_the_compiler_and_leaves_nothing(here: Path) -> None:
    (here / "slow").touch()

    def interrupt(stage: str, _done: float | None, _detail: str) -> None:
        while stage == "compile" and not ((here / "pid").exists() and (here / "pid").read_text()):
            pass
        if stage == "compile":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_emulator(interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int((here / "pid").read_text()), 0)
    assert nothing_is_left(here)


def test_two_at_once_build_one(here: Path) -> None:
    built: list[Path] = []
    threads = [threading.Thread(target=lambda: built.append(build_emulator())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 2
    assert built[0] == built[1]
    assert (here / "apt").read_text().count("source --download-only") == 1


def test_a_damaged_one_is_replaced(here: Path) -> None:
    path = build_emulator()
    path.write_text("")
    assert build_emulator() == path
    assert path.read_bytes() == (here / "qemu").read_bytes()


def test_a_cache_that_cannot_be_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "file"))
    with pytest.raises(EnvironmentFault, match="cannot build an emulator for") as caught:
        build_emulator()
    assert "XDG_CACHE_HOME" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["", "Version: 1\n", "Version: 1\nChecksums-Sha256:\n ab 1 ../x\n", "Checksums-Sha256:\n ab 1 x\n"],
)
def test_a_description_that_is_none(text: str) -> None:
    with pytest.raises(EnvironmentFault, match="description"):
        read_description(text)


def test_an_archive_that_is_cut_off(tmp_path: Path, here: Path) -> None:
    (tarball,) = (here / "archive").glob("*.xz")
    cut = tmp_path / "cut.tar.xz"
    cut.write_bytes(tarball.read_bytes()[:120])
    (tmp_path / "to").mkdir()
    with pytest.raises(EnvironmentFault, match="cannot unpack"):
        unpack(cut, tmp_path / "to")

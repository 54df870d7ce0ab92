"""Finding, fetching and verifying libraries, with a small stand-in for pip and its wheel."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tflprof.errors import RuntimeMissing
from tflprof.runtimes import catalog, fetch, library
from tflprof.runtimes.catalog import Entry, Wheel, catalogue
from tflprof.runtimes.fetch import cache_directory, cached_library
from tflprof.runtimes.library import find_runtime, host_platform

MACHINES = {"linux-x86_64": 62, "linux-aarch64": 183}


def elf(platform: str, kind: int = 3) -> bytes:
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return header + kind.to_bytes(2, "little") + MACHINES[platform].to_bytes(2, "little") + bytes(100)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class FakePip:
    """Downloads one wheel, counting how often."""

    def __init__(self) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("ai_edge_litert/libLiteRt.so", elf("linux-aarch64"))
            archive.writestr("../evil", b"")
        self.wheel = content.getvalue()
        self.downloads = 0

    def entry(self) -> Entry:
        wheel = Wheel("pkg==1", "3.11", "tag", "ai_edge_litert/libLiteRt.so", sha256(self.wheel))
        return Entry("LiteRT", "9.9.9", "linux-aarch64", sha256(elf("linux-aarch64")), wheel)

    def download(self, entry: Entry, wheel: Wheel, directory: Path) -> None:
        self.downloads += 1
        (directory / "some.whl").write_bytes(self.wheel)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePip:
    fake = FakePip()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "_pip_download", fake.download)
    return fake


def test_a_library_is_fetched_once(pip: FakePip, tmp_path: Path) -> None:
    first, second = cached_library(pip.entry()), cached_library(pip.entry())
    assert first == second
    assert first == tmp_path / "cache/tflprof/runtimes/litert-9.9.9-linux-aarch64/libLiteRt.so"
    assert first.read_bytes() == elf("linux-aarch64")
    assert pip.downloads == 1
    assert sorted(path.name for path in first.parent.iterdir()) == ["libLiteRt.so", "lock"]


def test_a_corrupt_cache_is_mended(pip: FakePip) -> None:
    path = cached_library(pip.entry())
    path.write_bytes(b"rust")
    assert cached_library(pip.entry()).read_bytes() == elf("linux-aarch64")
    assert pip.downloads == 2


def test_two_at_once_fetch_once(pip: FakePip) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: cached_library(pip.entry()), range(4)))
    assert len(set(paths)) == 1
    assert pip.downloads == 1


def test_an_altered_wheel_is_refused(pip: FakePip) -> None:
    entry = pip.entry()
    pip.wheel += b"!"
    with pytest.raises(RuntimeMissing, match=r"the wheel some\.whl has SHA-256"):
        cached_library(entry)
    assert not list(cache_directory().rglob("libLiteRt.so"))
    assert not list(cache_directory().rglob("fetch-*"))


def test_an_altered_library_is_refused(pip: FakePip) -> None:
    good = pip.entry()
    with pytest.raises(RuntimeMissing, match="has SHA-256"):
        cached_library(Entry(good.name, good.version, good.platform, "0" * 64, good.wheel))


def test_a_cache_that_cannot_be_written(pip: FakePip, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(RuntimeMissing, match="cannot keep LiteRT") as caught:
        cached_library(pip.entry())
    assert caught.value.hint
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_pip_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'ERROR: no network' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(RuntimeMissing, match="pip said 'ERROR: no network'") as caught:
        cached_library(FakePip().entry())
    assert caught.value.hint
    assert "--runtime" in caught.value.hint


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "tflprof" / "runtimes"


# Choosing


def test_the_host_uses_the_installed_library() -> None:
    runtime = find_runtime(host_platform())
    assert runtime.path.name == "libLiteRt.so"
    assert runtime.version is not None
    assert runtime.version.startswith("2.3.")
    assert set(runtime.identity()) == {"name", "version", "platform", "sha256"}


def test_an_override_of_an_unknown_version(tmp_path: Path) -> None:
    path = tmp_path / "libLiteRt.so"
    path.write_bytes(elf("linux-aarch64"))
    runtime = find_runtime("linux-aarch64", path)
    assert (runtime.version, runtime.sha256, runtime.path) == (None, sha256(path.read_bytes()), path)


def test_an_override_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "renamed.so"
    path.write_bytes(elf("linux-x86_64"))
    entry = Entry("LiteRT", "1.2.3", "linux-x86_64", sha256(path.read_bytes()))
    monkeypatch.setattr(catalog, "catalogue", lambda: (entry,))
    assert find_runtime("linux-x86_64", path).version == "1.2.3"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (elf("linux-x86_64"), "is built for linux-x86_64, the target needs linux-aarch64"),
        (elf("linux-aarch64", kind=2), "is not a shared library"),
        (b"\x7fELF", "is not a little-endian ELF file"),
        (b"PK\x03\x04" * 100, "is damaged or of an unknown kind"),
    ],
)
def test_an_override_that_does_not_fit(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "libLiteRt.so"
    path.write_bytes(content)
    with pytest.raises(RuntimeMissing, match=told) as caught:
        find_runtime("linux-aarch64", path)
    assert str(path) in caught.value.what


def test_an_override_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeMissing, match="No such file"):
        find_runtime("linux-aarch64", tmp_path / "missing.so")


def test_nothing_for_a_platform() -> None:
    with pytest.raises(RuntimeMissing, match="no inference library for windows-arm64") as caught:
        find_runtime("windows-arm64")
    assert caught.value.hint


def test_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PACKAGE", "not_installed_at_all")
    monkeypatch.setattr(library, "host_platform", lambda: "linux-x86_64")
    with pytest.raises(RuntimeMissing, match="no inference library for linux-x86_64"):
        find_runtime("linux-x86_64")


def test_the_catalogue() -> None:
    for entry in catalogue():
        assert len(entry.sha256) == 64
        assert entry.wheel is None or len(entry.wheel.sha256) == 64
    assert catalog.fetchable("linux-aarch64") is not None

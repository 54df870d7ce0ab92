"""The Android runners as files: what Android's dynamic linkers want, from Android 7 on."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_runner import build
from tests.integration import elf_reference as elf

POSITION_INDEPENDENT = 3
PAGE = 16384
MOST_BYTES = 100_000

PLATFORMS = {
    "android-aarch64": (64, 183, "/system/bin/linker64"),
    "android-armv7": (32, 40, "/system/bin/linker"),
    "android-x86_64": (64, 62, "/system/bin/linker64"),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    build.build()
    return build.DEFAULT_OUT


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(folder: Path, platform: str) -> Path:
    return folder / f"tflprof-runner-{platform}"


@pytest.fixture
def file(path: Path) -> elf.Elf:
    return elf.read_elf(path)


def test_it_is_a_program_for_its_processor(file: elf.Elf, platform: str) -> None:
    assert (file.bits, file.machine, file.interpreter) == PLATFORMS[platform]
    assert file.type == POSITION_INDEPENDENT


def test_its_segments_are_as_every_linker_wants(file: elf.Elf) -> None:
    loaded = file.of(elf.LOAD)
    assert loaded
    for segment in loaded:
        assert segment.alignment >= PAGE
        assert segment.offset % PAGE == segment.address % PAGE
        assert segment.size > 0
        assert segment.memory >= segment.size
    assert not file.of(elf.THREAD_LOCAL)
    assert not file.of(elf.RELRO)
    assert not [s for s in file.segments if s.kind in (elf.DYNAMIC, elf.INTERPRETER) and not s.size]


def test_it_needs_two_libraries_and_of_them_what_all_releases_have(file: elf.Elf) -> None:
    assert file.needed == ("libc.so", "libdl.so")
    assert file.imported <= {*build.android_symbols("libc"), *build.android_symbols("libdl")}
    assert {"__libc_init", "__errno", "dlopen"} <= file.imported
    assert file.dynamic >= elf.HASHES
    assert not file.dynamic & elf.UNWANTED


def test_it_exports_nothing_but_the_clock(file: elf.Elf) -> None:
    assert file.exported == {"clock_gettime"}


def test_it_is_small(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES


def test_the_symbols_are_in_order() -> None:
    for library in build.ANDROID_LIBRARIES:
        names = build.android_symbols(library)
        assert names == sorted(set(names))

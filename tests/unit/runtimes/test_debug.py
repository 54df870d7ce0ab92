"""How a library was built: told where its file says so, and not otherwise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.runtimes.elves import elf
from tflprof.runtimes.debug import checks_assertions, frame_share, how_built, unfit
from tflprof.runtimes.library import find_runtime, host_platform

SOURCE = """
#include <stddef.h>
#ifdef CHECKED
#include <assert.h>
#else
#define assert(x)
#endif
static float at(const float *m, int n, int i, int j) { assert(m[0] < 1); return m[i * n + j]; }
#define PRODUCT(name, op)                                                     \\
    void name(const float *a, const float *b, float *c, int n)                \\
    {                                                                         \\
        for (int i = 0; i < n; i++)                                           \\
            for (int j = 0; j < n; j++) {                                     \\
                float sum = 0;                                                \\
                for (int k = 0; k < n; k++)                                   \\
                    sum += at(a, n, i, k) op at(b, n, k, j);                  \\
                c[i * n + j] = sum;                                           \\
            }                                                                 \\
    }
#define FOUR(name) PRODUCT(name##_1, +) PRODUCT(name##_2, -) PRODUCT(name##_3, *) PRODUCT(name##_4, /)
FOUR(a) FOUR(b) FOUR(c) FOUR(d) FOUR(e) FOUR(f) FOUR(g) FOUR(h) FOUR(i) FOUR(j) FOUR(k) FOUR(l) FOUR(m)
"""


def built(folder: Path, *flags: str) -> Path:
    source, library = folder / "products.c", folder / "lib.so"
    source.write_text(SOURCE)
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    return library


@pytest.mark.parametrize(
    "flags", [["-O1"], ["-O2", "-g"], ["-O3"], ["-Os"], ["-O2", "-fno-omit-frame-pointer"]]
)
def test_an_optimised_library(tmp_path: Path, flags: list[str]) -> None:
    assert how_built(built(tmp_path, *flags)) is None


@pytest.mark.parametrize("flags", [["-O0"], ["-O0", "-g"], ["-O0", "-s"]])
def test_a_library_without_optimisation(tmp_path: Path, flags: list[str]) -> None:
    words = how_built(built(tmp_path, *flags))
    assert words is not None
    assert words.startswith("looks built without optimisation (")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-fsanitize=address"], "is built with an address sanitizer"),
        (["-fsanitize=undefined"], "is built with a sanitizer of undefined behaviour"),
        (["-fsanitize=address,undefined"], "an address sanitizer, a sanitizer of undefined behaviour"),
        (["--coverage"], "is built with a recorder of coverage"),
        (["-finstrument-functions"], "is built with a tracer of calls"),
        (["-pg"], "is built with a tracer of calls"),
    ],
)
def test_an_instrumented_library(tmp_path: Path, flags: list[str], words: str) -> None:
    assert words in (how_built(built(tmp_path, "-O2", *flags)) or "")


def test_assertions(tmp_path: Path) -> None:
    assert checks_assertions(built(tmp_path, "-O2", "-DCHECKED"))
    assert not checks_assertions(built(tmp_path, "-O2"))
    assert how_built(built(tmp_path, "-O2", "-DCHECKED")) is None


def test_the_library_that_is_shipped() -> None:
    path = find_runtime(host_platform()).path
    assert how_built(path) is None
    assert not checks_assertions(path)


def test_what_cannot_be_told(tmp_path: Path) -> None:
    for content in (elf(), elf("arm"), b"no library", b""):
        path = tmp_path / "lib.so"
        path.write_bytes(content)
        assert how_built(path) is None
        assert not checks_assertions(path)
    path.write_bytes(elf("x86_64"))
    assert frame_share(path) is None
    assert how_built(tmp_path / "absent") is None
    assert not checks_assertions(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("LiteRT", "2.3.0", None),
        ("LiteRT", "2.3.7", None),
        ("LiteRT", "2.4.0", "is LiteRT 2.4.0; the interface was tried with 2.3 only"),
        ("LiteRT", "12.3.0", "is LiteRT 12.3.0; the interface was tried with 2.3 only"),
        ("LiteRT", None, "is a LiteRT of unknown version; the interface was tried with 2.3 only"),
        ("TensorFlow Lite", None, None),
    ],
)
def test_a_version_that_was_not_tried(name: str, version: str | None, words: str | None) -> None:
    assert unfit(name, version) == words

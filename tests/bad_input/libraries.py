"""Inference libraries that are missing, damaged, or not for this machine."""

from __future__ import annotations

from pathlib import Path

from tests.bad_input.case import TARGETS, Case, NotHere, Place, Prepare, together, unprivileged, writes
from tests.bad_input.models import archive, good
from tflprof.errors import RuntimeMissing
from tflprof.runtimes.library import find_runtime, host_platform

_MODEL = writes(m_tflite=good)
_HERE = "profile m.tflite --target {target} -o p.parquet --runtime libLiteRt.so"


def platform_of(target: str) -> str:
    """What libraries of a target are built for."""
    return "linux-aarch64" if target.startswith("emulated") else host_platform()


def library(platform: str) -> Path:
    """The one of this machine for a platform. Raises NotHere."""
    try:
        return find_runtime(platform).path
    except RuntimeMissing as error:
        raise NotHere(str(error)) from error


def _other(place: Place) -> None:
    others = {"linux-aarch64", host_platform()} - {platform_of(place.target)}
    if not others:
        raise NotHere("there is only one platform")
    (place.folder / "libLiteRt.so").symlink_to(library(others.pop()))


def _cut(share: float) -> Prepare:
    def prepare(place: Place) -> None:
        source = library(platform_of(place.target))
        with source.open("rb") as file:
            (place.folder / "libLiteRt.so").write_bytes(file.read(int(source.stat().st_size * share)))

    return prepare


def _corrupt(place: Place) -> None:
    data = bytearray(library(platform_of(place.target)).read_bytes())
    data[0x1000 : len(data) // 2] = bytes(len(data) // 2 - 0x1000)
    (place.folder / "libLiteRt.so").write_bytes(data)


def _no_inference(place: Place) -> None:
    candidates = sorted(Path("/usr/lib/x86_64-linux-gnu").glob("libz.so.1*")) or sorted(
        Path("/lib").rglob("libm.so.6")
    )
    if not candidates:
        raise NotHere("there is no other library")
    (place.folder / "libLiteRt.so").write_bytes(candidates[0].read_bytes())


def _unreadable(place: Place) -> None:
    (place.folder / "libLiteRt.so").write_bytes(b"\x7fELF")
    (place.folder / "libLiteRt.so").chmod(0)
    unprivileged(place)


def _case(
    wrong: str, says: str, prepare: Prepare, targets: tuple[str, ...] = TARGETS, heavy: bool = False
) -> Case:
    return Case(
        "Inference library",
        wrong,
        _HERE,
        3,
        ("libLiteRt.so", says),
        together(_MODEL, prepare),
        targets=targets,
        heavy=heavy,
    )


LIBRARIES: tuple[Case, ...] = (
    _case("missing", "", lambda _: None),
    _case("a folder", "", lambda p: (p.folder / "libLiteRt.so").mkdir()),
    _case("empty", "", writes(libLiteRt_so=b"")),
    _case("no ELF file", "", writes(libLiteRt_so=b"#!/bin/sh\necho hello\n")),
    _case("unreadable", "", _unreadable),
    _case("an archive without a library", "", writes(libLiteRt_so=archive("a.txt", b"text"))),
    _case("for another architecture", "is built for", _other),
    _case("cut after its head", "", writes(libLiteRt_so=b"\x7fELF\x02\x01\x01" + bytes(9))),
    _case("cut in the middle", "", _cut(0.5)),
    _case("cut near its end", "", _cut(0.99), heavy=True),
    _case("half of it zeros", "", _corrupt, heavy=True),
    _case("another library", "", _no_inference, ("host", "interpreter")),
)

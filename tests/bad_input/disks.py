"""Disks that are full: small file systems in memory, which root may mount."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.bad_input.case import FILLING, TARGETS, Case, NotHere, Place, Prepare, together, writes
from tests.bad_input.models import good

_MODEL = writes(m_tflite=good)
_SHORT = "profile m.tflite --target {target} --max-seconds 1"


def mount(path: Path, place: Place, size: str) -> None:
    """A file system of its own in a folder, for as long as the case lasts. Raises NotHere."""
    path.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotHere(f"no file system can be mounted: {done.stderr.strip()}")
    place.undo.callback(subprocess.run, ["umount", "-l", str(path)], check=True)


def fill(path: Path, leave: int) -> None:
    """Use up all but so many bytes."""
    facts = os.statvfs(path)
    (path / FILLING).write_bytes(bytes(facts.f_bavail * facts.f_frsize - leave))


def full(name: str, leave: int = 0) -> Prepare:
    """A full disk as a folder of the command's."""

    def prepare(place: Place) -> None:
        path = place.folder / name
        mount(path, place, "1m")
        fill(path, leave)

    return prepare


def full_temporary(leave: int) -> Prepare:
    """The disk of temporary files has only so many bytes left."""

    def prepare(place: Place) -> None:
        mount(place.temporary, place, "64k")
        fill(place.temporary, leave)

    return prepare


def _case(wrong: str, says: tuple[str, ...], words: str, prepare: Prepare, **more: Any) -> Case:
    values: dict[str, Any] = {"targets": TARGETS, **more}
    return Case("Full disk", wrong, words, values.pop("status", 3), says, together(_MODEL, prepare), **values)


DISKS: tuple[Case, ...] = (
    _case(
        "for the profile",
        ("No space left", "full/q.parquet"),
        f"{_SHORT} -o full/q.parquet",
        full("full"),
        rescued=True,
    ),
    _case(
        "for the page",
        ("No space left", "full/p.html"),
        f"{_SHORT} -o p.parquet --html full/p.html",
        full("full"),
        kept="whole",
    ),
    _case(
        "for temporary files, but for a page of memory",
        ("No space left", "TMPDIR"),
        f"{_SHORT} -o p.parquet",
        full_temporary(4096),
        targets=("emulated:pixel2",),
    ),
    _case(
        "for temporary files: the system's other folder is used",
        (),
        f"{_SHORT} -o p.parquet",
        full_temporary(0),
        status=0,
        kept="whole",
    ),
)

"""Which files a history is made of: every ``*.parquet`` below its directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tflprof.errors import EnvironmentFault, UsageError


class Seen(NamedTuple):
    """A file as the index knows it: relative to the directory, with ``/``; equal if it has not changed."""

    path: str
    size: int
    mtime_ns: int


class Scan(NamedTuple):
    """What was found: files that may be profiles, and what could not be looked at, with the reason."""

    files: list[Seen]
    refused: list[tuple[str, str]]


def find_profiles(root: Path) -> Scan:
    """All files below ``root`` that may be profiles, by path; what begins with a dot is left out.

    Linked files count, linked folders are not entered. Raises UsageError: it is no folder; EnvironmentFault: it
    cannot be read.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise UsageError(f"the history {root} {what}", "give the folder that your profiles are in")
    refused: list[tuple[str, str]] = []
    try:
        return Scan(sorted(_below(root, "", refused)), refused)
    except OSError as error:
        raise EnvironmentFault(f"cannot read the folder {root}: {error.strerror or error}") from error


def _below(folder: Path, prefix: str, refused: list[tuple[str, str]]) -> Iterator[Seen]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                try:
                    yield from _below(folder / name, f"{prefix}{name}/", refused)
                except (PermissionError, FileNotFoundError) as error:
                    refused.append((f"{prefix}{name}/", f"cannot be entered: {error.strerror}"))
            elif name.lower().endswith(".parquet"):
                yield from _file(entry, prefix, refused)


def _file(entry: os.DirEntry[str], prefix: str, refused: list[tuple[str, str]]) -> Iterator[Seen]:
    path = prefix + entry.name
    try:
        path.encode("utf-8")
        stat = entry.stat()
    except UnicodeEncodeError:
        # No text can hold it, so no database can.
        refused.append((path.encode("utf-8", "backslashreplace").decode(), "its name is not valid Unicode"))
    except OSError as error:
        refused.append((path, f"cannot be found: {error.strerror}"))
    else:
        if entry.is_file():
            yield Seen(path, stat.st_size, stat.st_mtime_ns)

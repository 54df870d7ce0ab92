"""Summarises profiles into files of rows; also a program, so that several processes can share the work.

``python -m tflprof.analysis.history.worker ROOT PREFIX`` reads one JSON ``[path, size, mtime_ns]`` per line and
writes ``PREFIX.profiles``, ``PREFIX.layers`` and ``PREFIX.skipped``, one JSON row per line. It writes a line to
its standard output after each file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from tflprof.analysis.history.rows import layer_rows, profile_row
from tflprof.analysis.history.scan import Seen
from tflprof.analysis.history.tables import TABLES
from tflprof.errors import ProfileError
from tflprof.profile.store import read_profile


def summarise_files(root: Path, files: Iterable[Seen], prefix: Path, done: Callable[[], object]) -> None:
    """Write the rows of all files; one that is no profile, or a damaged one, becomes a skipped row."""
    with ExitStack() as stack:
        out = {
            name: stack.enter_context(prefix.with_suffix(f".{name}").open("w", encoding="ascii"))
            for name in TABLES
        }
        for file in files:
            _summarise(root, file, out)
            done()


def _summarise(root: Path, file: Seen, out: Mapping[str, IO[str]]) -> None:
    place = {"path": file.path, "file_bytes": file.size, "mtime_ns": file.mtime_ns}
    try:
        profile = read_profile(root / file.path)
        row, layers = profile_row(profile), layer_rows(profile)
    except ProfileError as error:
        _write(out["skipped"], [_skipped(root, place, error.what)])
    except Exception as error:  # noqa: BLE001 - one odd file must not cost all others
        _write(out["skipped"], [_skipped(root, place, f"is damaged: {type(error).__name__}: {error}")])
    else:
        _write(out["profiles"], [row | place])
        _write(out["layers"], [layer | {"path": file.path} for layer in layers])


def _skipped(root: Path, place: dict[str, Any], reason: str) -> dict[str, Any]:
    # The path stands beside it.
    short = reason.replace(f"{root / place['path']} ", "")
    readable = os.access(root / place["path"], os.R_OK)
    return {**place, "reason": short.encode("ascii", "backslashreplace").decode(), "again": not readable}


def _write(out: IO[str], rows: list[dict[str, Any]]) -> None:
    out.writelines(json.dumps(row) + "\n" for row in rows)


def _main() -> None:
    root, prefix = map(Path, sys.argv[1:3])
    files = [Seen(*json.loads(line)) for line in sys.stdin]

    def tick() -> None:
        sys.stdout.write("\n")
        sys.stdout.flush()

    summarise_files(root, files, prefix, tick)


if __name__ == "__main__":
    _main()

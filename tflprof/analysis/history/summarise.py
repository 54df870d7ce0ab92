"""Summaries of many profiles, by several processes where that pays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tflprof.analysis.history.scan import Seen

Progress = Callable[[int, int], None]

_PARALLEL_FROM = 64
"""Fewer files are done before another process would have started."""
_MOST_PROCESSES = 8


def summarise_all(root: Path, files: Sequence[Seen], folder: Path, on_progress: Progress) -> list[Path]:
    """Write the rows of all files into ``folder``; gives the prefixes of the files of rows.

    ``on_progress`` is told how many files are done, of how many.
    """
    if not files:
        return []
    # It needs much that an index which is up to date does without.
    from tflprof.analysis.history.worker import summarise_files

    done = [0]

    def tick() -> None:
        done[0] += 1
        on_progress(min(done[0], len(files)), len(files))

    count = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, _MOST_PROCESSES)
    if count < 2 or len(files) < _PARALLEL_FROM:
        summarise_files(root, files, folder / "rows", tick)
        return [folder / "rows"]
    # Interleaved: files of a model lie together, and models differ in what they cost.
    parts = [files[number::count] for number in range(count)]
    prefixes = [folder / f"rows{number}" for number in range(count)]
    for part, prefix, finished in zip(
        parts, prefixes, _in_processes(root, parts, prefixes, tick), strict=True
    ):
        if not finished:
            summarise_files(root, part, prefix, tick)
    return prefixes


def _in_processes(
    root: Path, parts: Sequence[Sequence[Seen]], prefixes: Sequence[Path], tick: Callable[[], object]
) -> list[bool]:
    """Which parts were finished; a process that cannot be started or dies leaves its part to the caller."""
    # Programs of our own and not multiprocessing, which would import the caller's script again.
    with ExitStack() as stack:
        processes = [_start(stack, root, part, prefix) for part, prefix in zip(parts, prefixes, strict=True)]
        pool = stack.enter_context(ThreadPoolExecutor(len(processes)))
        return list(pool.map(lambda process: _follow(process, tick), processes))


def _start(
    stack: ExitStack, root: Path, part: Sequence[Seen], prefix: Path
) -> subprocess.Popen[bytes] | None:
    todo = prefix.with_suffix(".todo")
    todo.write_text("".join(json.dumps(file) + "\n" for file in part), encoding="ascii")
    command = [sys.executable, "-m", "tflprof.analysis.history.worker", str(root), str(prefix)]
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        process = subprocess.Popen(
            command,
            stdin=stack.enter_context(todo.open("rb")),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | alone,
        )
    except OSError:
        return None
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


def _follow(process: subprocess.Popen[bytes] | None, tick: Callable[[], object]) -> bool:
    if process is None or process.stdout is None:
        return False
    for _ in process.stdout:
        tick()
    return process.wait() == 0

"""How many lines of the reader some files reach."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import tflprof.model.read
from benchmarks.model_feed import use
from tflprof.errors import ModelError
from tflprof.model.read import read_model

READER = (
    *("read", "storage", "constants", "options", "custom", "sparsity", "schema", "graph", "fingerprint"),
    *("verify", "layout", "soundness", "contracts", "filetype", "dtypes"),
)
_FOLDER = Path(tflprof.model.read.__file__).parent


def lines_reached(files: Sequence[bytes], folder: Path) -> tuple[int, int]:
    """Lines within functions of the reader that run while the files are read and used, and how many there are."""
    wanted = {str(_FOLDER / f"{name}.py") for name in READER}
    reached: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in wanted:
            return None
        if event == "line":
            reached.add((name, frame.f_lineno))
        return trace

    path = folder / "reach.tflite"
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for content in files:
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            _read(path)
    finally:
        sys.settrace(before)
    lines = {(name, line) for name in wanted for line in _lines(Path(name))}
    return len(reached & lines), len(lines)


def _read(path: Path) -> None:
    try:
        use(read_model(path))
    except ModelError:
        return


def _lines(path: Path) -> set[int]:
    """Lines of code within functions."""
    found: set[int] = set()

    def collect(code: CodeType, *, counted: bool) -> None:
        if counted:
            found.update(line for _, _, line in code.co_lines() if line and line != code.co_firstlineno)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                is_class = constant.co_flags & 0x3 == 0 and not counted
                collect(constant, counted=not is_class)

    collect(compile(path.read_text(), str(path), "exec"), counted=False)
    return found

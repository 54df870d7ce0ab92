"""What kind of file a log is, and reading it."""

from __future__ import annotations

import codecs
from pathlib import Path

from tflprof.errors import EnvironmentFault, UsageError
from tflprof.logs.join import join_runs
from tflprof.logs.lines import split_lines
from tflprof.logs.messages import read_profile_message, read_profile_text, read_runtime_message
from tflprof.logs.reader import read_text
from tflprof.logs.report import LogReport

_MOST_BYTES = 256 << 20
_LOOKED_AT = 4096
_TEXT_CONTROLS = b"\t\n\r\x07\x08\x0b\x0c\x1b"
_LOGGED = b"per_op_profiles {"
_EXPECTED = (
    "expected what benchmark_model or benchmark_litert_model printed with --enable_op_profiling=true or "
    "--use_profiler=true (docs/import.md)"
)


def read_log(data: bytes, name: str) -> LogReport:
    """Everything found in a log of any format.

    Raises:
        UsageError: there is nothing in it that one of the tools prints.
    """
    if not data.strip():
        raise UsageError(f"{name} is empty", _EXPECTED)
    if (
        data.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"<!DOCTYPE", b"\x7fELF"))
        or data[4:8] == b"TFL3"
    ):
        raise UsageError(f"{name} is {_kind(data)}, not a log of the tools", _EXPECTED)
    runtime = read_runtime_message(data) if b"\0" in data else None
    if runtime is not None:
        return LogReport((), runtime=runtime)
    message = read_profile_message(data) or (
        read_profile_text(split_lines(data)) if _LOGGED in data else None
    )
    report = read_text(data)
    if message is not None and not any(run.profiled() for run in report.runs):
        return LogReport((join_runs([*message.runs, *report.runs[-1:]]),))
    if not any(run.profiled() or (run.steady and run.steady.avg is not None) for run in report.runs):
        raise UsageError(f"{name} has neither a table of operators nor an average of inferences", _EXPECTED)
    return report


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises UsageError if it cannot be read, EnvironmentFault if it is too large."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise EnvironmentFault(
                f"{path} is larger than {_MOST_BYTES >> 20} MiB", "cut out the part of the run"
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the log {path}: {error.strerror or error}", _EXPECTED) from error


def _is_binary(data: bytes) -> bool:
    """True if there are control characters at the beginning that no text has, in UTF-16 neither."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    return any(byte < 32 and byte not in _TEXT_CONTROLS for byte in data[:_LOOKED_AT])


def _kind(data: bytes) -> str:
    if data.startswith(b"PAR1"):
        return "a Parquet file (show a profile with `tflprof show`)"
    if data[4:8] == b"TFL3":
        return "a model (name it with --model, after the log)"
    return "a compressed file, a page or a program"

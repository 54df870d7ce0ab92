"""A batch in the terminal: a row per model, then why some have no profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.analysis.batch import BatchEntry, BatchResult, Digest, Status, counted
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain

_STYLE: dict[Status, str] = {
    "measured": "green",
    "up to date": "green",
    "partial": "yellow",
    "failed": "bold red",
    "interrupted": "yellow",
    "not begun": "dim",
}
_TRUST = {"ok": "green", "doubtful": "yellow", "tainted": "red"}
_MOST_ERRORS = 50


def print_batch(result: BatchResult, console: Console) -> None:
    """Print what became of every model."""
    if head := _head(result.entries):
        console.print(Text(plain(head), style="dim"))
    if result.entries:
        Grid(_columns(result)).print(console)
    _print_errors(result.entries, console)
    console.print()
    console.print(Text(batch_words(result), style="bold"))
    _say(console, plain(f"profiles and summary.json are in {result.folder}"))
    if result.stopped:
        _say(console, f"ended early: {plain(result.stopped)}", "red")
    if result.hint and result.hint not in {entry.hint for entry in result.entries}:
        _say(console, f"  → {plain(result.hint)}")


def batch_words(result: BatchResult) -> str:
    """Such as ``3 models: 2 measured, 1 failed``."""
    counts = Counter(entry.status for entry in result.entries)
    parts = [f"{counts[status]} {status}" for status in _STYLE if counts[status]]
    return f"{counted(len(result.entries))}: {', '.join(parts)}"


def _head(entries: Sequence[BatchEntry]) -> str:
    """Where it was measured, and what the numbers are."""
    found = {f"{one.target}  [{one.provenance}]": None for one in (entry.digest for entry in entries) if one}
    return "; ".join(found)


def entry_words(entry: BatchEntry) -> str:
    """One model in a line: its status, and what was found or why not."""
    parts = [f"{entry.status}: {entry.model}"]
    if entry.digest is not None:
        spread = _spread(entry.digest)
        parts.append(_total(entry.digest) + ("" if spread == units.UNKNOWN else f" {spread}"))
    if entry.digest is not None and entry.digest.verdict != "ok":
        parts.append(f"{entry.digest.verdict} ({', '.join(entry.digest.findings)})")
    if entry.error is not None:
        parts[-1] = (
            f"{entry.status}: {_error(entry)}" if entry.digest is None else f"{parts[-1]}: {entry.error}"
        )
    if entry.reason is not None:
        parts.append(f"measured anew, since {entry.reason}")
    return ", ".join(parts)


def _error(entry: BatchEntry) -> str:
    """What went wrong, with the model if it does not name it."""
    error = entry.error or ""
    return error if entry.model in error else f"{entry.model}: {error}"


def _print_errors(entries: Sequence[BatchEntry], console: Console) -> None:
    broken = [entry for entry in entries if entry.error is not None]
    for entry in broken[:_MOST_ERRORS]:
        console.print()
        _say(console, plain(f"{entry.status}: {_error(entry)}"), _STYLE[entry.status])
        if entry.hint:
            _say(console, f"  → {plain(entry.hint)}")
    if len(broken) > _MOST_ERRORS:
        _say(console, f"… and {len(broken) - _MOST_ERRORS} more")


def _columns(result: BatchResult) -> list[Column]:
    entries = result.entries
    base = _shared_folder(entries)
    digests = [entry.digest for entry in entries]
    first = next((digest for digest in digests if digest is not None), None)
    unit, provenance = ("ns", "") if first is None else (first.unit, first.provenance)
    return [
        Column("model", [plain(_below(entry.model, base)) for entry in entries], 100, False, 14),
        Column("status", [Text(entry.status, style=_STYLE[entry.status]) for entry in entries], 95, False),
        Column(units.value_name(unit, provenance), [_total(digest) for digest in digests], 90),
        Column("± (95 %)", [_spread(digest) for digest in digests], 80),
        *_counted(digests),
        Column("slowest layer", [plain(_layer(digest)) for digest in digests], 60, False, 18, middle=True),
        Column("share", [_share(digest) for digest in digests], 55),
        Column("trust", [_trust(digest) for digest in digests], 70, False),
        Column("profile", [plain(_file(entry, result.folder)) for entry in entries], 50, False, 14),
    ]


def _counted(digests: Sequence[Digest | None]) -> list[Column]:
    """Instructions beside predicted times, if there are any."""
    if not any(digest is not None and digest.provenance == "predicted" for digest in digests):
        return []
    counts = [None if digest is None else digest.instructions for digest in digests]
    return [Column("instr.", ["" if count is None else units.format_count(count) for count in counts], 65)]


def _shared_folder(entries: Sequence[BatchEntry]) -> PurePath:
    parents = [PurePath(entry.model).parent.parts for entry in entries]
    shared = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return PurePath(*shared)


def _below(model: str, base: PurePath) -> str:
    path = PurePath(model)
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def _total(digest: Digest | None) -> str:
    """Instructions are no time: what a column of several targets holds has its unit in every cell."""
    if digest is None:
        return ""
    text = units.format_value(digest.total, digest.unit)
    return (
        text
        if digest.unit == "ns" or digest.total is None
        else f"{text} {_SHORT.get(digest.unit, digest.unit)}"
    )


_SHORT = {"instructions": "instr."}


def _spread(digest: Digest | None) -> str:
    return "" if digest is None else units.format_spread(digest.total, digest.lo, digest.hi)


def _layer(digest: Digest | None) -> str:
    if digest is None or digest.layer_id is None:
        return ""
    return f"{digest.layer_op} {digest.layer}"


def _share(digest: Digest | None) -> str:
    return "" if digest is None else units.format_share(digest.layer_share)


def _trust(digest: Digest | None) -> Text:
    return Text("") if digest is None else Text(plain(digest.verdict), style=_TRUST.get(digest.verdict, ""))


def _file(entry: BatchEntry, folder: str) -> str:
    if entry.profile is None:
        return ""
    path = PurePath(entry.profile)
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style), soft_wrap=True)

"""Removing from phones what runs left on them."""

from __future__ import annotations

from collections.abc import Iterator

from tflprof.errors import UsageError
from tflprof.targets.adb.clean import Cleaned
from tflprof.targets.spec import parse_target

__all__ = ["Cleaned", "clean"]


def clean(target: str | None = None, *, every: bool = False) -> Iterator[Cleaned]:
    """Remove what tflprof pushed to a phone, and what broken runs left on it.

    Args:
        target: ``adb`` or None for the phone that ANDROID_SERIAL names or the only one, or ``adb:SERIAL``.
        every: all connected phones instead; the result of one that fails carries the error.

    Raises:
        UsageError: the target is no phone, or one phone and every phone are asked for.
        TargetError: there is no such phone, or tflprof is at work on it.
    """
    from tflprof.targets.adb.clean import clean_phone, clean_phones

    spec = parse_target(target or "adb")
    if spec.kind != "adb":
        raise UsageError(
            f"target {target!r} keeps nothing that could be removed", "phones do: adb or adb:SERIAL"
        )
    if every and spec.detail:
        raise UsageError(f"--target {target} and --all exclude each other", "give one of them")
    if every:
        yield from clean_phones()
    else:
        yield clean_phone(spec.detail)

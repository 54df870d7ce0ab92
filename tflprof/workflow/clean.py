"""Removing from phones what runs left on them."""

from __future__ import annotations

from tflprof.errors import UsageError
from tflprof.targets.adb.clean import Cleaned
from tflprof.targets.spec import parse_target

__all__ = ["Cleaned", "clean"]


def clean(target: str = "adb", *, every: bool = False) -> list[Cleaned]:
    """Remove what tflprof pushed to a phone, and what broken runs left on it.

    Args:
        target: ``adb`` for the only phone, or ``adb:SERIAL``.
        every: all connected phones instead.

    Raises:
        UsageError: the target is no phone.
        TargetError: there is no such phone, or tflprof is at work on it.
    """
    from tflprof.targets.adb.clean import clean_phones

    spec = parse_target(target)
    if spec.kind != "adb":
        raise UsageError(
            f"target {target!r} keeps nothing that could be removed", "phones do: adb or adb:SERIAL"
        )
    return clean_phones(spec.detail, every=every)

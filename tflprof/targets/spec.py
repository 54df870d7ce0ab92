"""Target strings: ``KIND[:DETAIL]``."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.errors import TargetError

DEFAULT_TARGET = "emulated:pixel2"
KINDS = ("adb", "emulated", "host", "interpreter")


@dataclass(frozen=True)
class TargetSpec:
    """A target string taken apart at its first colon.

    Attributes:
        kind: one of :data:`KINDS`.
        detail: what follows the colon (a phone's name or serial number), None without a colon.
    """

    kind: str
    detail: str | None = None

    def __str__(self) -> str:
        return self.kind if self.detail is None else f"{self.kind}:{self.detail}"


def parse_target(text: str) -> TargetSpec:
    """Take a target string apart. Raises TargetError if the kind is unknown or the detail is out of place."""
    kind, colon, detail = text.partition(":")
    if kind not in KINDS:
        raise TargetError(f"unknown target {text!r}", f"one of: {', '.join(KINDS)}; see `tflprof targets`")
    if kind == "emulated":
        if not detail:
            raise TargetError(
                f"target {text!r} names no phone", f"such as {DEFAULT_TARGET}; see `tflprof targets`"
            )
        return TargetSpec(kind, detail)
    if kind == "adb":
        if colon and not detail:
            raise TargetError(
                f"target {text!r} names no phone",
                "use `adb` for the only one, or adb:SERIAL; see `adb devices`",
            )
        return TargetSpec(kind, detail or None)
    if colon:
        raise TargetError(f"target {text!r}: {kind} takes no detail", f"use `{kind}`")
    return TargetSpec(kind)

"""Remedies as they work on this machine."""

from __future__ import annotations


def as_typed_here(remedy: str) -> str:
    """The remedy with the adb of this machine in its commands: without one in the path, it is named in full."""
    if "`adb " not in remedy:
        return remedy
    from tflprof.targets.adb.client import adb_command

    return remedy.replace("`adb ", f"`{adb_command()} ")

"""The targets that exist here, for listing; recording what a phone tells of itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.files import check_writable, write_atomically
from tflprof.targets.describe import TargetDescription, describe_target
from tflprof.targets.listing import TargetInfo, list_targets
from tflprof.targets.spec import parse_target

__all__ = ["TargetDescription", "TargetInfo", "describe_target", "list_targets", "record_phone"]


def record_phone(path: str | os.PathLike[str], target: str = "adb", *, overwrite: bool = False) -> str:
    """Save what a phone tells of itself, without what names it or its owner; returns its model.

    Args:
        path: the file to write (docs/phones.md).
        target: ``adb`` for the only phone, or ``adb:SERIAL``.
        overwrite: replace a file that exists.

    Raises:
        UsageError: the target is no phone, or the file exists.
        TargetError: there is no such phone, or it cannot be used now.
    """
    from tflprof.targets.adb.listing import record_dump

    spec = parse_target(target)
    if spec.kind != "adb":
        raise UsageError(f"target {target!r} cannot be recorded", "phones can: adb or adb:SERIAL")
    if Path(path).is_file() and not overwrite:
        raise UsageError(f"{path} exists", "give another name to --record, or --force to overwrite it")
    check_writable(Path(path), overwrite=overwrite)
    name, dump = record_dump(spec.detail)
    text = json.dumps(dump.to_json(), indent=1, sort_keys=True) + "\n"
    write_atomically(Path(path), lambda part: part.write_text(text, encoding="utf-8"))
    return name

"""What a phone's store already has, without a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflprof.targets.adb.store import LocalFile, Store
from tflprof.targets.adb.wire import Entry

LARGE = LocalFile(Path("large.tflite"), "a" * 64, (1 << 32) + 5)


class Pushed(Exception):
    """Something was sent to the phone."""


class Phone:
    """The link to a phone that only lists one file."""

    def __init__(self, size: int) -> None:
        self.size = size

    def entries(self, _: str) -> dict[str, Entry]:
        return {LARGE.sha256: Entry(0o100755, self.size, 0)}

    def run(self, *_: object) -> None:
        raise Pushed


def ensure(size: int) -> None:
    link: Any = Phone(size)
    Store(link, "0" * 8).ensure([LARGE], lambda *_: None)


def test_a_file_of_more_than_4_gib_is_listed_with_the_rest_of_its_size() -> None:
    ensure(5)
    with pytest.raises(Pushed):
        ensure(6)

"""Names of ARM cores."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def _parts() -> dict[tuple[int, int], tuple[str, int]]:
    text = resources.files(__package__).joinpath("arm_parts.toml").read_text("utf-8")
    return {(item[0], item[1]): (item[2], item[3]) for item in tomllib.loads(text)["part"]}


def make_midr(implementer: int, variant: int, part: int, revision: int) -> int:
    """The main ID register of a core from the four numbers in /proc/cpuinfo."""
    return implementer << 24 | variant << 20 | 0xF << 16 | part << 4 | revision


def _key(midr: int) -> tuple[int, int]:
    return midr >> 24 & 0xFF, midr >> 4 & 0xFFF


def part_name(midr: int) -> str | None:
    """Human name of a core, None if it is not in the table."""
    return _parts().get(_key(midr), (None, 0))[0]


def part_class(midr: int | None) -> int:
    """1 little, 2 big, 3 prime; 0 if unknown."""
    return 0 if midr is None else _parts().get(_key(midr), ("", 0))[1]

"""Values of a plan file, taken one by one: what is missing or of another kind is refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflprof.errors import UsageError

PLAN_KIND = "compression-plan"
PLAN_VERSION = 1


def refuse(path: Path, why: str) -> UsageError:
    """The error for a file that is no plan, or a damaged one."""
    return UsageError(f"{path} is not a usable plan: {why}", "tflprof compress plan -o makes a new one")


def changed(wanted: str, path: str, found: str) -> UsageError:
    """The error for a model that is not the plan's."""
    return UsageError(
        f"the plan is for another model: it was made for the file with SHA-256 {wanted[:12]}…, "
        f"and {path} has {found[:12]}…",
        "give the model it was made for with --model, or plan anew",
    )


@dataclass(frozen=True)
class Fields:
    """An object of a plan file, with where it stands for messages."""

    path: Path
    where: str
    values: Mapping[str, Any]

    @classmethod
    def opened(cls, path: Path, document: Any) -> Fields:
        """The whole file. Raises UsageError if it is something else, or of a newer version."""
        if not isinstance(document, dict) or document.get("kind") != PLAN_KIND:
            raise refuse(path, f'it does not say "kind": "{PLAN_KIND}"')
        version = document.get("schema_version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise refuse(path, f"its schema_version is {version!r}")
        if version > PLAN_VERSION:
            raise UsageError(
                f"{path} is a plan of version {version}; this tflprof reads up to {PLAN_VERSION}",
                "use a newer tflprof",
            )
        return cls(path, "", document)

    def wrong(self, name: str, why: str) -> UsageError:
        """The error for a value that will not do."""
        return refuse(self.path, f"{self.where}{name}: {why}")

    def _take(self, name: str, kind: type | tuple[type, ...], word: str) -> Any:
        if name not in self.values:
            raise self.wrong(name, "it is missing")
        value = self.values[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(name, f"expected {word}, not {str(value)[:40]!r}")
        return value

    def text(self, name: str) -> str:
        """A text."""
        return str(self._take(name, str, "a text"))

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """One of some words."""
        value = self.text(name)
        if value not in known:
            raise self.wrong(name, f"expected one of {', '.join(known)}, not {value[:40]!r}")
        return value

    def sha256(self, name: str) -> str:
        """64 hexadecimal digits."""
        value = self.text(name)
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise self.wrong(name, "expected the 64 digits of a SHA-256")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        try:
            value = float(self._take(name, (int, float), "a number"))
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.wrong(name, "expected a finite number")
        return value

    def number_or_none(self, name: str) -> float | None:
        """A finite number, or None for null."""
        return None if self.values.get(name, "") is None else self.number(name)

    def whole(self, name: str) -> int:
        """A whole number."""
        return int(self._take(name, int, "a whole number"))

    def count(self, name: str) -> int:
        """A whole number from 0 to what fits 32 bits."""
        value = self.whole(name)
        if not 0 <= value < 1 << 32:
            raise self.wrong(name, f"expected a number from 0, not {str(value)[:40]}")
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        return bool(self._take(name, bool, "true or false"))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object whose values are not looked into."""
        found: Mapping[str, Any] = self._take(name, dict, "an object")
        return found

    def numbers(self, name: str) -> Mapping[str, float]:
        """An object of numbers."""
        inside = self.inside(name)
        return {key: inside.number(key) for key in inside.values}

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._take(name, list, "a list")
        if not all(isinstance(each, str) for each in found):
            raise self.wrong(name, "expected a list of texts")
        return tuple(found)

    def inside(self, name: str) -> Fields:
        """An object."""
        return Fields(self.path, f"{self.where}{name}.", self.mapping(name))

    def items(self, name: str) -> Iterator[Fields]:
        """The objects of a list."""
        for number, each in enumerate(self._take(name, list, "a list")):
            place = f"{self.where}{name}[{number}]"
            if not isinstance(each, dict):
                raise refuse(self.path, f"{place}: expected an object, not {str(each)[:40]!r}")
            yield Fields(self.path, f"{place}.", each)

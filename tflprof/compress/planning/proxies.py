"""What a change costs in quality: found by running the changed model on calibration data, and remembered."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tflprof.compress.apply import Applied, apply_changes
from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change, JudgingMethod, Method, Option, Subject
from tflprof.compress.methods import LOSSLESS
from tflprof.errors import ModelError, RunnerError
from tflprof.locking import exclusive

_SOURCES = (
    ("", "*.py"),
    ("", "[!_p]*/**/*.py"),
    ("prune", "*.py"),
    ("../model", "edit*.py"),
)
"""What decides what becomes of a change, seen from ``compress``: other sources make losses anew, planning does not."""

UNUSABLE = math.inf
"""Loss of a change that gives a model which does not run, or results that are not finite."""


class LossMemory:
    """Losses that were found before, one file per model and calibration; a folder of None remembers nothing.

    A file that cannot be read or written costs time, never the result.
    """

    def __init__(self, folder: Path | None, model_sha256: str, calibration_sha256: str) -> None:
        self._path = folder and folder / f"{model_sha256[:16]}-{calibration_sha256[:16]}.jsonl"
        self._known: dict[str, float] = {}
        if self._path is not None:
            self._known.update(_read(self._path))

    def get(self, key: str) -> float | None:
        """The loss that was found, None if none was."""
        return self._known.get(key)

    def keep(self, key: str, loss: float) -> None:
        """Remember a loss."""
        self._known[key] = loss
        if self._path is None:
            return
        line = json.dumps({"key": key, "loss": loss if math.isfinite(loss) else None}) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(self._path.with_suffix(".lock")), self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            self._path = None


def _read(path: Path) -> dict[str, float]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    except OSError:
        return {}
    found: dict[str, float] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            loss = entry["loss"]
            value = UNUSABLE if loss is None else float(loss)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue  # half a line of a process that was killed
        if value >= 0:
            found[str(entry["key"])] = value
    return found


class Losses:
    """Losses of changes of one model.

    Args:
        subject: the model, with the samples.
        methods: by name.
        memory: where losses are remembered.
    """

    def __init__(self, subject: Subject, methods: Mapping[str, Method], memory: LossMemory) -> None:
        self.subject = subject
        self.methods = methods
        self._memory = memory
        self._reference: Reference | None = None
        self.runs = 0

    @property
    def reference(self) -> Reference:
        """The original's outputs; made when they are first needed."""
        if self._reference is None:
            self._reference = Reference(self.subject.executor, self.subject.model, self.subject.calibration)
        return self._reference

    def alone(self, option: Option) -> float:
        """Loss of one option with everything else as it is: 0 or more, infinite if it is unusable."""
        if option.change is None or option.change.method in LOSSLESS:
            return 0.0
        method = self.methods[option.change.method]
        own = method.loss(self.subject, option) if isinstance(method, JudgingMethod) else None
        return own if own is not None else self.together([option.change])

    def together(self, changes: Sequence[Change]) -> float:
        """Loss of several changes at once."""
        if not changes:
            return 0.0
        key = _key(changes)
        known = self._memory.get(key)
        if known is None:
            known = self._found(changes)
            self._memory.keep(key, known)
        return known

    def applied(self, changes: Sequence[Change]) -> Applied:
        """The model with changes made. Raises as :func:`apply_changes` does."""
        return apply_changes(self.subject, changes, self.methods)

    def _found(self, changes: Sequence[Change]) -> float:
        self.runs += 1
        try:
            content = self.applied(changes).content
            return self.reference.fidelity(content).divergence
        except (ModelError, RunnerError):
            # LiteRT refuses it or crashes on it: no choice, whatever it would save.
            return UNUSABLE


def alone(losses: Losses, options: Sequence[Option], tell: Callable[[int, int], None]) -> list[float]:
    """Losses of options, each alone; ``tell``: how many are done, of how many."""
    found = []
    for number, option in enumerate(options):
        tell(number, len(options))
        found.append(losses.alone(option))
    return found


@functools.cache
def sources_version(folder: Path = Path(__file__).parents[1]) -> str:
    """A hash that another version of the methods does not share; of the package's version if there are no sources."""
    digest = hashlib.sha256()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        digest.update(importlib.metadata.version("tflprof").encode())
    for place, pattern in _SOURCES:
        for path in sorted((folder / place).glob(pattern)):
            with contextlib.suppress(OSError):
                name = path.relative_to(folder / place).as_posix()
                digest.update(f"{place}/{name}".encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _key(changes: Sequence[Change]) -> str:
    parts = sorted(
        json.dumps([one.method, list(one.layers), dict(one.parameters)], sort_keys=True) for one in changes
    )
    return hashlib.sha256(json.dumps([sources_version(), parts]).encode()).hexdigest()[:32]

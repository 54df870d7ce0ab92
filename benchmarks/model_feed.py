"""One mutated file after the other through the reader, under limits of time and memory."""

from __future__ import annotations

import hashlib
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tflprof.errors import ModelError
from tflprof.model.cost import model_cost
from tflprof.model.custom import custom_options
from tflprof.model.graph import Model
from tflprof.model.read import read_model

MOST_SECONDS = 2.0
"""Of the processor, for one file."""
MOST_GROWTH = 64 << 20
"""Bytes by which one file may raise the peak of resident memory."""
MOST_MEMORY = 4 << 30


class TooSlow(BaseException):
    """A file took longer than the limit; no Exception, which the reader would turn into a refusal."""


@dataclass
class Tally:
    """What came of the files so far; ``slowest``: seconds of the processor."""

    files: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0

    @property
    def peak(self) -> int:
        """Peak of this process's resident memory in bytes."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Feeder:
    """Feeds files to the reader.

    Args:
        folder: where each is written, best in memory; what fails is kept in ``keep``.
    """

    def __init__(self, folder: Path, keep: Path) -> None:
        self.file = folder / "model.tflite"
        self.keep = keep
        self.tally = Tally()
        signal.signal(signal.SIGPROF, _too_slow)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))

    def feed(self, content: bytes) -> bool:
        """Read one file and use all that was read. Whether it was accepted."""
        # A new inode every time: the file of a live mapping must not change.
        self.file.unlink(missing_ok=True)
        self.file.write_bytes(content)
        tally, peak = self.tally, self.tally.peak
        tally.files += 1
        begin, accepted = time.process_time(), False
        try:
            with _limited():
                accepted = self._read()
        except (Exception, TooSlow) as error:  # noqa: BLE001 - any other end is what is looked for
            self._failed(content, f"{type(error).__name__}: {error}")
        tally.slowest = max(tally.slowest, time.process_time() - begin)
        tally.accepted += accepted
        if tally.peak - peak > MOST_GROWTH:
            self._failed(content, f"peak memory grew by {(tally.peak - peak) >> 20} MiB")
        return accepted

    def _read(self) -> bool:
        try:
            model = read_model(self.file)
        except ModelError as error:
            self.tally.reasons[reason(error.what)] += 1
            return False
        use(model)
        return True

    def _failed(self, content: bytes, why: str) -> None:
        if why not in self.tally.failures:
            name = f"{hashlib.sha256(content).hexdigest()[:12]}.tflite"
            (self.keep / name).write_bytes(content)
            self.tally.failures[why] = name


def use(model: Model) -> None:
    """Everything that ``tflprof inspect`` may ask of a model; where it may refuse, it may."""
    model_cost(model)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.is_constant:
                with suppress(ModelError):
                    model.data(graph.index, tensor.index)
    for op in model.ops():
        if "custom_options" in op.options:
            with suppress(ModelError):
                custom_options(op)


def reason(message: str) -> str:
    """Why a file was refused, without its path, numbers and names."""
    why = re.sub(r"^.*?model\.tflite ", "", message)
    why = why.removeprefix("is truncated or damaged: ").removeprefix("contradicts itself: ")
    why = re.sub(r"(signature|bytes 4-8 are) (b?'[^']*'|b?\"[^\"]*\")", r"\1 …", why)
    why = re.sub(r"\([A-Za-z_0-9\\�\W]*\)", "(…)", why)
    return re.sub(r"-?\d+", "N", why)[:110]


@contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_slow(*_: object) -> None:
    raise TooSlow(f"more than {MOST_SECONDS:g} s")

"""The rules that the records of a session keep among themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tflprof.errors import RunnerError
from tflprof.runner.protocol import parse_line
from tflprof.runner.records import PROTOCOL_VERSION, Block, End, Hello, LoadedModel, Record, Structure

_RECORD = b'{"r":'


class StreamRules:
    """Checks each record against those before it.

    Attributes:
        end: the End record, once it was seen.
        noise: lines before the first record that are none: what a shell on the way had to say.
    """

    def __init__(self) -> None:
        self.end: End | None = None
        self.noise: list[bytes] = []
        self._count = 0
        self._models: set[int] = set()
        self._events: dict[int, int] = {}

    @property
    def begun(self) -> bool:
        """True once a record was seen."""
        return self._count > 0

    def check(self, record: Record) -> None:
        """Take the next record. Raises RunnerError if it breaks the protocol."""
        if self.end is not None:
            raise RunnerError(f"the runner went on after its end, with {type(record).__name__}")
        if self._count == 0:
            _check_hello(record)
        if isinstance(record, LoadedModel):
            self._models.add(record.m)
        elif isinstance(record, Structure):
            self._check_structure(record)
        elif isinstance(record, Block):
            self._check_block(record)
        elif isinstance(record, End):
            self._check_end(record)
        self._count += 1

    def _check_structure(self, record: Structure) -> None:
        if not len(record.events) == len(record.start) == len(record.elapsed):
            raise RunnerError(f"structure {record.s} of the runner has lists of different lengths")
        self._events[record.s] = len(record.events)

    def _check_block(self, record: Block) -> None:
        if record.m not in self._models:
            raise RunnerError(
                f"block {record.b} of the runner is of model {record.m}, which was not announced"
            )
        count = len(record.value)
        if count == 0 or len(record.core) != count:
            raise RunnerError(f"block {record.b} has {count} values and {len(record.core)} cores")
        for counter, counts in (record.pmu or {}).items():
            if len(counts) != count:
                raise RunnerError(
                    f"block {record.b} has {count} values and {len(counts)} counts of {counter}"
                )
        if any(len(worker) != 2 for worker in record.workers):
            raise RunnerError(f"block {record.b} has a worker that is not a thread and a core")
        if record.v != "profiled":
            return
        if not len(record.structure) == len(record.events) == count:
            raise RunnerError(f"block {record.b} has not one list of events for each of {count} inferences")
        for structure, events in zip(record.structure, record.events, strict=True):
            if self._events.get(structure) != len(events):
                raise RunnerError(
                    f"block {record.b} has {len(events)} events of structure {structure}, "
                    f"which has {self._events.get(structure, 'not been announced')}"
                )

    def _check_end(self, record: End) -> None:
        if record.records != self._count:
            raise RunnerError(
                f"{self._count} records arrived, but the runner wrote {record.records}: some were lost"
            )
        self.end = record


def _check_hello(record: Record) -> None:
    if not isinstance(record, Hello):
        raise RunnerError(f"the runner began with {type(record).__name__} instead of Hello")
    if record.protocol != PROTOCOL_VERSION:
        raise RunnerError(
            f"the runner speaks protocol {record.protocol}, tflprof needs {PROTOCOL_VERSION}",
            "build the runner again: python android_runner/build.py",
        )


def parse_stream(lines: Iterable[bytes], rules: StreamRules) -> Iterator[Record]:
    """Records of whole lines, checked; an incomplete last line is dropped (the missing End tells of it).

    Lines before the first record are passed over, since a shell or a banner may speak first.

    Raises RunnerError if a later line is no record, or if one breaks the rules.
    """
    for line in lines:
        if not rules.begun and not line.startswith(_RECORD):
            rules.noise.append(line)
        elif line.endswith(b"\n"):
            record = parse_line(line)
            rules.check(record)
            yield record

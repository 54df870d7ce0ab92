"""A runner whose sessions follow a script: what the pipeline sees of a device, without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tflprof.errors import RunnerError
from tflprof.facts import DeviceFacts
from tflprof.runner.interface import RunRequest, Session
from tflprof.runner.records import (
    Block,
    Clock,
    End,
    Event,
    Hello,
    Init,
    LoadedModel,
    Memory,
    Record,
    Structure,
)
from tflprof.targets.cost_table import CoreCosts

SECOND = 1_000_000_000
INVOKE = Event(1, 0, 0, 0, "Invoke")


def block(
    variant: str, number: int, values: list[int], phase: str = "steady", t: int = 0, **more: object
) -> Block:
    """A block of plain or profiled inferences; profiled ones have an Invoke and one kernel of 90 %."""
    events = tuple((value, value * 9 // 10) for value in values) if variant == "profiled" else ()
    structure = (0,) * len(values) if variant == "profiled" else ()
    counter = str(more.get("counter", "ns"))
    return Block(
        0,
        variant,
        phase,
        number,
        number,
        counter,
        t,
        None,
        0,
        tuple(values),
        (1,) * len(values),
        structure,
        events,
    )


def opening() -> list[Record]:
    """What every session begins with."""
    return [
        Hello(1, "0" * 12, "linux-x86_64", 1, 0),
        Clock("ns", 1, 20),
        Init(0, "plain", "none", 0, 1000),
        LoadedModel(0, "m.tflite", "serving_default", 0, 0, (), ()),
        Memory(0, "first", 1 << 20, 1 << 20),
        Structure(0, 0, (INVOKE, Event(8, 0, 0, 0, "Softmax (NC, F32)")), (0, 0), (10, 9)),
    ]


def steady(start: int, blocks: int = 8, value: int = 10_000_000, inferences: int = 6) -> list[Record]:
    """Alternating steady blocks, a little noisy."""
    found: list[Record] = []
    for number in range(blocks):
        for variant in ("plain", "profiled"):
            noise = (number * 7919 + inferences) % 5 * value // 2000
            found.append(
                block(variant, number, [value + noise] * inferences, t=start + number * SECOND // 10)
            )
    return found


@dataclass
class ScriptedSession:
    """Yields records; an exception in their place is raised there, once."""

    script: list[Record | BaseException]
    stopped: bool = False
    closed: bool = False

    def records(self) -> Iterator[Record]:
        while self.script:
            item = self.script.pop(0)
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


@dataclass
class ScriptedRunner:
    """Starts the sessions that ``script`` makes, given the number of each."""

    script: Callable[[int], list[Record | BaseException]]
    facts: DeviceFacts = field(default_factory=lambda: DeviceFacts("scripted", "host", "none", "none"))
    provenance: str = "measured"
    source: str = "native"
    counters: tuple[str, ...] = ("ns",)
    runtime: Mapping[str, str | None] = field(default_factory=lambda: {"version": "1.0"})
    build: str = "0" * 12
    deterministic: bool = False
    cost: str | None = None
    sessions: list[ScriptedSession] = field(default_factory=list)
    requests: list[RunRequest] = field(default_factory=list)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        return None

    def costs(self, cpus: tuple[int, ...] | None) -> CoreCosts | None:
        return None

    def start(self, request: RunRequest) -> Session:
        self.requests.append(request)
        session = ScriptedSession(self.script(len(self.sessions)))
        self.sessions.append(session)
        return session

    def conditions(self) -> dict[str, object]:
        return {}

    def recover(self) -> None:
        raise AssertionError("nothing was lost")

    def close(self) -> None:
        """Nothing to free."""


def whole(number: int) -> list[Record | BaseException]:
    """A session that goes well."""
    return [*opening(), *steady(number * SECOND), End("ok", 20)]


def lost() -> RunnerError:
    """What a session raises when the runner dies."""
    return RunnerError("the runner was killed by signal 9")

"""Reading the runtime's flat event list against the graph: which event ran what, inside what.

The runtime notes an operator when it begins and a delegate's kernels when their partition has ended, so
events come in order of execution but do not say what encloses them. The graph does: parts follow each
other as :mod:`tflprof.model.partition` says, and only operators with subgraphs enclose anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tflprof.model.graph import Model, Op
from tflprof.model.partition import Part, partition
from tflprof.profile.events import KERNELS as KERNELS
from tflprof.profile.events import OPERATOR as OPERATOR
from tflprof.profile.events import PHASE as PHASE
from tflprof.profile.meta import EventInfo


@dataclass(frozen=True)
class Run:
    """Kernels (positions of events) that served one delegated part of a subgraph."""

    subgraph: int
    part: Part
    events: tuple[int, ...]


@dataclass
class Reading:
    """What an event list says.

    Attributes:
        parent: position of the enclosing event of each, -1 for none.
        operators: position of event -> the operator's id; also the calls an operator makes of its subgraphs.
        runs: kernels by delegated part.
        unread: positions that fitted nowhere; they stay unattributed.
    """

    parent: list[int]
    operators: dict[int, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)


class _Reader:
    def __init__(self, model: Model, events: Sequence[EventInfo]) -> None:
        self.model = model
        self.events = events
        self.at = 0
        self.reading = Reading(parent=[-1] * len(events))
        self.parts = {graph.index: self._parts(graph.index) for graph in model.subgraphs}

    def _parts(self, subgraph: int) -> tuple[Part, ...]:
        own = {event.m1 for event in self.events if event.type == OPERATOR and event.m2 == subgraph}
        graph = self.model.subgraphs[subgraph]
        return partition(graph, {op.index for op in graph.ops if op.index not in own})

    def read(self, subgraph: int) -> Reading:
        while self.at < len(self.events):
            if self._is_call():
                invoke = self._take(-1)
                self._call(subgraph, invoke)
                self._rest(invoke)
            elif self.events[self.at].type == PHASE:
                self._take(-1)
            else:
                self.reading.unread.append(self._take(-1))
        return self.reading

    def _is_call(self) -> bool:
        if self.at >= len(self.events):
            return False
        event = self.events[self.at]
        return event.type == PHASE and event.tag == "Invoke"

    def _is_own_phase(self) -> bool:
        """True at a phase of the interpreter (a call, an allocation), not at one of the library around it."""
        if self.at >= len(self.events):
            return False
        event = self.events[self.at]
        return event.type == PHASE and not event.tag.startswith("LiteRT::")

    def _take(self, parent: int) -> int:
        position = self.at
        self.reading.parent[position] = parent
        self.at += 1
        return position

    def _rest(self, parent: int) -> None:
        """Operators and kernels left over in the outermost call: inside it, but nobody's."""
        while self.at < len(self.events) and self.events[self.at].type != PHASE:
            self.reading.unread.append(self._take(parent))

    def _call(self, subgraph: int, parent: int) -> None:
        for part in self.parts[subgraph]:
            if part.delegated:
                run = tuple(self._kernels(parent))
                if run:
                    self.reading.runs.append(Run(subgraph, part, run))
            else:
                self._operators(subgraph, part, parent)

    def _kernels(self, parent: int) -> Iterator[int]:
        previous = -1
        while self.at < len(self.events):
            event = self.events[self.at]
            if event.type not in KERNELS or event.m1 <= previous:
                return
            previous = event.m1
            yield self._take(parent)

    def _operators(self, subgraph: int, part: Part, parent: int) -> None:
        graph = self.model.subgraphs[subgraph]
        for index in part.ops:
            if not self._at_operator(subgraph, index):
                continue
            op = graph.ops[index]
            position = self._take(parent)
            self.reading.operators[position] = op.id
            while op.subgraphs and self._is_own_phase():
                call = self._is_call()
                inner = self._take(position)
                self.reading.operators[inner] = op.id
                if call:
                    self._call(self._called(op), inner)

    def _at_operator(self, subgraph: int, index: int) -> bool:
        if self.at >= len(self.events):
            return False
        event = self.events[self.at]
        return event.type == OPERATOR and event.m2 == subgraph and event.m1 == index

    def _called(self, op: Op) -> int:
        """The subgraph that the call just taken runs: the event's own word, else that of the next operator."""
        named = self.events[self.at - 1].m2
        if named in op.subgraphs:
            return named
        following = next((e.m2 for e in self.events[self.at :] if e.type == OPERATOR), op.subgraphs[0])
        return following if following in op.subgraphs else op.subgraphs[0]


def read_events(model: Model, subgraph: int, events: Sequence[EventInfo]) -> Reading:
    """Tell of each event of one inference what it ran and what encloses it.

    Args:
        model: the model that ran.
        subgraph: the subgraph its signature starts in.
        events: the inference's events in order.
    """
    return _Reader(model, events).read(subgraph)

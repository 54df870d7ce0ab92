"""Models and event lists for attribution tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tflprof.measure.attribute import EventList
from tflprof.model.build import build_micro
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.meta import EventInfo

INVOKE = EventInfo(1, 0, 0, 0, "Invoke")
BEFORE = EventInfo(1, 0, 0, 0, "LiteRT::Run[buffer registration]")
AFTER = EventInfo(1, 0, 0, 0, "LiteRT::Run[Buffer sync]")


def micro(folder: Path, name: str, dtype: str = "float32") -> Model:
    """A micro-model, built and read."""
    path = folder / f"{name}.tflite"
    path.write_bytes(build_micro(name, dtype))
    return read_model(path)


def node(index: int, tag: str, subgraph: int = 0) -> EventInfo:
    """The event of an operator that the runtime ran itself."""
    return EventInfo(2, 0, index, subgraph, tag)


def kernels(*tags: str) -> tuple[EventInfo, ...]:
    """The events of one partition of the delegate."""
    return tuple(EventInfo(8, 0, index, 0, tag) for index, tag in enumerate(tags))


def events(*inner: EventInfo) -> EventList:
    """One inference with these events inside its call, all of equal cost."""
    listed = (BEFORE, INVOKE, *inner, AFTER)
    return EventList(listed, np.ones(len(listed)))

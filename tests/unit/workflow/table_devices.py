"""Stand-ins for profiling while latency tables are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.factories import make_profile, part
from tests.latency_tables import conv
from tflprof.errors import RunnerError
from tflprof.model.read import read_model
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import TableMeta, meta_of
from tflprof.profile.profile import Profile
from tflprof.workflow.profile import Interrupted
from tflprof.workflow.table_reference import Beside

MANY = [conv(size=size, outputs=outputs) for size in (4, 8, 12) for outputs in range(8, 8 + 8 * 20, 8)]

REFETCH = Refetch((1000.0, 1e6), (0.0, 0.25), (0.0, 0.5), (0.0, 1.0))
"""Of a device whose caches are used up between a thousand bytes and a million."""


def counted_meta() -> TableMeta:
    """Of tables that :class:`Device` makes."""
    return meta_of(make_profile(unit="instructions").meta)


class Device:
    """Stands for profiling: every operator costs a thousand instructions more than the one before."""

    def __init__(self) -> None:
        self.models: list[int] = []
        self.fails_after = 99
        self.refuses = ""

    def __call__(self, model: Path | str, **_options: Any) -> Profile:
        ops = read_model(model).ops()
        if len(self.models) >= self.fails_after:
            raise Interrupted(make_profile(), KeyboardInterrupt())
        if self.refuses and any(op.type == self.refuses for op in ops):
            raise RunnerError("the runtime has no such kernel")
        self.models.append(len(ops))
        parts = [part(op.type, str(op.index), 1000.0 * (op.index + 1)) for op in ops]
        return make_profile(parts, unit="instructions")


class DriftingDevice:
    """Stands for measuring times beside the reference: all takes a tenth longer with every model."""

    def __init__(self) -> None:
        self.paces: list[float] = []
        self.models: list[list[str]] = []
        self.refuses = ""

    def __call__(self, model: Path | str, **_options: Any) -> Profile:
        ops = read_model(model).ops()
        types = [op.type for op in ops]
        if self.refuses in types:
            raise RunnerError("the runtime has no such kernel")
        self.models.append(types)
        self.paces.append(1.0 + 0.1 * len(self.paces))
        parts = [part(op.type, str(op.index), 1e6 * self.paces[-1]) for op in ops]
        return make_profile(parts, processes=2, blocks=1, inferences=8)

    def beside(self, model: Path | str, _target: str, **_options: Any) -> Beside:
        profile = self(model)
        return Beside(profile, 500.0 * self.paces[-1])

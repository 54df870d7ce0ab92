"""A scripted device that runs two models in one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from tests.unit.measure.scripted import SECOND, ScriptedRunner, block, opening
from tflprof.measure.pairs import PairedMeasurement, PairPlan
from tflprof.measure.pipeline import Progress
from tflprof.model.graph import Model
from tflprof.profile.profile import Profile
from tflprof.runner.interface import RunRequest, Session
from tflprof.runner.records import End, Memory, Record

Script = list[Record | BaseException]
SLOWER = 1.5


@dataclass
class Phone(ScriptedRunner):
    """Runs whatever two models it is given; ``script`` is not used. B's inferences take half as long again.

    ``change``: what becomes of the records of a session, by its number.
    """

    script: Callable[[int], Script] = lambda _: []
    change: Callable[[int, Script], Script] = lambda _, records: records
    runtime: Mapping[str, str | None] = field(default_factory=lambda: {"version": None, "sha256": "0" * 64})
    recovered: int = 0
    slow: tuple[Path, ...] = field(default_factory=tuple)

    def start(self, request: RunRequest) -> Session:
        number = len(self.sessions)
        speeds = [SLOWER if path in self.slow else 1.0 for path in request.models]
        self.script = lambda _: self.change(number, session(number, speeds))
        return super().start(request)

    def recover(self) -> None:
        self.recovered += 1


def session(number: int, speeds: list[float], rounds: int = 4) -> Script:
    """Two models, number ``m`` as slow as ``speeds[m]``; rounds begin with the one or the other in turn."""
    shared = [record for record in opening() if not hasattr(record, "m")]
    records: Script = list(shared)
    for m in (0, 1):
        records += [replace(record, m=m) for record in opening() if hasattr(record, "m")]
        records.append(replace(block("plain", m, [77], "first"), m=m))
    for turn in range(rounds * 2):
        variant = ("plain", "profiled")[turn % 2]
        for m in (turn % 2, 1 - turn % 2):
            value = round(10_000_000 * speeds[m]) + (number * 7919 + turn * 104_729) % 1000
            t = number * SECOND + turn * SECOND // 20 + m
            records.append(replace(block(variant, turn, [value] * 4, t=t), m=m))
    records += [Memory(m, "end", 5 << 20, 5 << 20) for m in (0, 1)]
    return [*records, End("ok", len(records))]


def measurement(
    phone: Phone,
    models: tuple[Model, Model],
    *,
    told: list[Progress] | None = None,
    seconds: float = 60,
    seed: int = 0,
    fewest: int = 10,
) -> PairedMeasurement:
    paths = Path(models[0].path), Path(models[1].path)
    phone.slow = () if paths[0] == paths[1] else (paths[1],)
    request = RunRequest(paths, seed=seed)
    tell = (told if told is not None else []).append
    return PairedMeasurement(phone, request, models, PairPlan(seconds, fewest=fewest), tell)


def frame(profile: Profile, phase: str = "steady") -> pd.DataFrame:
    samples = profile.samples()
    return samples[(samples.kind == "inference") & (samples.phase == phase)]

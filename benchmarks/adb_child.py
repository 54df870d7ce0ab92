"""One measured process of ``benchmarks.adb_overhead``: profiles a model on a phone, or does without the phone.

``python -m benchmarks.adb_child MODEL SESSIONS BLOCKS RECORDING phone|replay``. On the phone it keeps what the runner
said in the file RECORDING; ``replay`` does everything else that a profile takes (interpreter, imports, reading the
model, collecting, attributing) with that, and without a phone.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from tflprof.measure import pipeline
from tflprof.measure.schedule import Plan
from tflprof.runner.interface import Runner, RunRequest, Session
from tflprof.runner.open import open_runner
from tflprof.runner.records import Record
from tflprof.workflow import profile

COUNTED = ("facts", "provenance", "source", "counters", "runtime", "build", "deterministic")


def fixed(request: RunRequest, blocks: int) -> RunRequest:
    """A session of so many rounds of one inference each: the same work every time."""
    return replace(
        request,
        warmup_ms=0,
        warmup_min=1,
        block_max=1,
        profiled_max=1,
        fill=False,
        seconds=600.0,
        blocks=blocks,
    )


class _RecordedSession:
    """A session that keeps its records, or one of kept records only."""

    def __init__(self, session: Session | None, kept: list[Record]) -> None:
        self._session, self._kept = session, kept

    def records(self) -> Iterator[Record]:
        if self._session is None:
            yield from self._kept
            return
        for record in self._session.records():
            self._kept.append(record)
            yield record

    def stop(self) -> None:
        if self._session:
            self._session.stop()

    def close(self) -> None:
        if self._session:
            self._session.close()


class _RecordedRunner:
    """A runner that keeps what it says, or, without one, says what was kept."""

    def __init__(self, runner: Runner | None, kept: dict[str, Any]) -> None:
        self._runner, self._kept = runner, kept
        if runner:
            kept.update({name: getattr(runner, name) for name in COUNTED}, sessions=[], conditions=[])
        self.__dict__.update({name: kept[name] for name in COUNTED})
        self._sessions: Iterator[list[Record]] = iter(kept["sessions"])
        self._conditions: Iterator[Mapping[str, object]] = iter(kept["conditions"])

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        if self._runner:
            self._kept["cpus"] = self._runner.cpus_for(core, threads)
        cpus: tuple[int, ...] | None = self._kept["cpus"]
        return cpus

    cost: str | None = None

    def costs(self, cpus: tuple[int, ...] | None) -> None:
        """There are no costs: times are measured."""

    def start(self, request: RunRequest) -> Session:
        if self._runner is None:
            return _RecordedSession(None, next(self._sessions))
        self._kept["sessions"].append([])
        return _RecordedSession(self._runner.start(request), self._kept["sessions"][-1])

    def conditions(self) -> Mapping[str, object]:
        if self._runner is None:
            return next(self._conditions)
        self._kept["conditions"].append(self._runner.conditions())
        found: Mapping[str, object] = self._kept["conditions"][-1]
        return found

    def recover(self) -> None:
        if self._runner:
            self._runner.recover()

    def close(self) -> None:
        if self._runner:
            self._runner.close()


def _fix_schedule(sessions: int, blocks: int) -> None:
    replaced: list[tuple[object, str, object]] = [
        (pipeline, "shaped", lambda request, _: fixed(request, blocks)),
        (Plan, "seconds_for_next", lambda *_: 600.0),
        (Plan, "out_of_time", lambda _self, _elapsed, done, _startup: done >= sessions),
    ]
    for place, name, other in replaced:
        setattr(place, name, other)


def main() -> None:
    """Profile once."""
    model, sessions, blocks, place, how = sys.argv[1:]
    _fix_schedule(int(sessions), int(blocks))
    recording = Path(place)
    kept: dict[str, Any] = pickle.loads(recording.read_bytes()) if how == "replay" else {}

    def open_recorded(*arguments: Any) -> Any:
        return _RecordedRunner(None if how == "replay" else open_runner(*arguments), kept)

    with mock.patch.object(profile, "open_runner", open_recorded):
        profile.profile_model(model, target="adb")
    if how == "phone":
        recording.write_bytes(pickle.dumps(kept))


if __name__ == "__main__":
    main()

"""Comparisons measured live through the public API, kept as profiles so that they can be judged again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison_trials import POOLS, Trial, first_runs, live_trial, other_rules
from tflprof.analysis.compare import compare_profiles
from tflprof.profile.store import read_profile, write_profile
from tflprof.workflow.compare import compare_models

LIVE = POOLS.parent / "comparison_live"


@dataclass(frozen=True)
class Live:
    """A live comparison, judged from its files.

    Attributes:
        as_measured: statuses that it gave at once, the total's first.
        seconds: from the call to the result.
        others: what the rules of others say of the first process of A and the second of B.
    """

    trial: Trial
    as_measured: tuple[str, ...]
    seconds: float
    others: dict[str, bool]

    @property
    def statuses(self) -> tuple[str, ...]:
        """The total's first."""
        return (self.trial.total.status, *(row.status for row in self.trial.layers))


def collect_live(name: str, models: tuple[Path, Path], count: int, core: str) -> list[Live]:
    """So many comparisons at default settings, measured if they are not there yet."""
    folder = LIVE / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        note = folder / f"{number:03}.json"
        if note.exists():
            continue
        began = time.monotonic()
        found = compare_models(*models, target="host", core=core)
        seconds = time.monotonic() - began
        write_profile(found.a, folder / f"{number:03}_a.parquet", overwrite=True)
        write_profile(found.b, folder / f"{number:03}_b.parquet", overwrite=True)
        comparison = found.comparison
        statuses = [row.status for row in (comparison.total, *comparison.layers)]
        note.write_text(
            json.dumps({"seconds": seconds, "created": found.a.meta.created, "statuses": statuses})
        )
        print(
            f"{name} {number}: {comparison.total.status}, {comparison.pairs} pairs, {seconds:.0f} s",
            flush=True,
        )
    return [_read(folder / f"{number:03}.json") for number in range(count)]


def _read(note: Path) -> Live:
    told = json.loads(note.read_text())
    a, b = (read_profile(note.with_name(f"{note.stem}_{side}.parquet")) for side in "ab")
    runs_a, runs_b = (list(first_runs(profile).values()) for profile in (a, b))
    return Live(
        live_trial(compare_profiles(a, b)),
        tuple(told["statuses"]),
        told["seconds"],
        other_rules(runs_a[0], runs_b[1]),
    )

"""How often the interval of the total covers, on simulated machines whose truth is known.

Every generator makes durations with one kind of noise; the adaptive loop looks after the numbers of processes
that a measurement uses, and stops at 1 % or after 60 processes. Truth is the typical value of all its runs pooled.

    python -m benchmarks.coverage_simulation [--runs 200] [--output reports/benchmarks/coverage_simulation.json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof import stats
from tflprof.measure import schedule

Array = npt.NDArray[Any]
Drift = Callable[[np.random.Generator, int], Array]

LOOKS = tuple(look for look in schedule.LOOKS if look <= 60)
"""Those of the first minute."""
PRECISION = 0.01
BLOCKS, PER_BLOCK = 10, 10
"""Plain blocks of a process (50 ms each, 1 s with the profiled ones between) and inferences of a block."""
BASE_NS = 5e6
PROCESS_S = 1.5
"""Seconds from the start of a process to the start of the next."""
TIMES = (np.arange(LOOKS[-1])[:, np.newaxis] * PROCESS_S + np.arange(BLOCKS) * 0.1).ravel()


def wander(rng: np.random.Generator, runs: int, tau: float) -> Array:
    """Ornstein-Uhlenbeck noise of unit variance and time constant tau (s), [runs, all blocks]."""
    out = rng.standard_normal((runs, len(TIMES)))
    for i in range(1, len(TIMES)):
        keep = np.exp(-(TIMES[i] - TIMES[i - 1]) / tau)
        out[:, i] = keep * out[:, i - 1] + np.sqrt(1 - keep**2) * out[:, i]
    return out


def flicker(sd: float) -> Drift:
    """1/f drift: seven Ornstein-Uhlenbeck processes, time constants 1 s to 1000 s, total sd as given."""
    taus = np.geomspace(1, 1000, 7)
    return lambda rng, runs: sd / np.sqrt(7) * sum((wander(rng, runs, tau) for tau in taus), np.zeros(1))


def per_process(sd: float) -> Drift:
    """A level of each process, independent."""
    return lambda rng, runs: np.repeat(sd * rng.standard_normal((runs, LOOKS[-1])), BLOCKS, axis=1)


def both(*parts: Drift) -> Drift:
    """The sum of several kinds of noise."""
    return lambda rng, runs: sum((part(rng, runs) for part in parts), np.zeros(1))


def autoregressive(sd: float, phi: float) -> Drift:
    """AR(1) from block to block."""
    return lambda rng, runs: sd * wander(rng, runs, -0.1 / np.log(phi))


def two_speeds(step: float, seconds: float) -> Drift:
    """The clock frequency switches between two values after so many seconds on average."""

    def make(rng: np.random.Generator, runs: int) -> Array:
        gap = np.diff(TIMES, prepend=TIMES[0])
        switches = rng.random((runs, len(TIMES))) < (1 - np.exp(-2 * gap / seconds)) / 2
        return step * ((switches.cumsum(axis=1) + rng.integers(0, 2, (runs, 1))) % 2)

    return make


GENERATORS: dict[str, tuple[float, float, Drift]] = {
    # name: (share of 2x outliers, sd of one inference, what blocks share)
    "independent": (0.0, 0.02, per_process(0.0)),
    "quiet: processes 0.3 %": (0.0, 0.01, per_process(0.003)),
    "quiet, 1 % are 2x outliers": (0.01, 0.01, per_process(0.003)),
    "AR(1) of blocks, phi 0.6, 1 %": (0.0, 0.01, both(autoregressive(0.01, 0.6), per_process(0.003))),
    "1/f drift 0.3 %": (0.0, 0.01, both(flicker(0.003), per_process(0.003))),
    "1/f drift 1 %": (0.01, 0.02, both(flicker(0.01), per_process(0.003))),
    "1/f drift 2 %": (0.01, 0.02, both(flicker(0.02), per_process(0.003))),
    "1/f drift 6 %": (0.01, 0.03, both(flicker(0.06), per_process(0.003))),
    "two speeds 3 %, 2 s": (0.0, 0.01, both(two_speeds(0.03, 2.0), per_process(0.003))),
    "two speeds 3 %, 60 s": (0.0, 0.01, both(two_speeds(0.03, 60.0), per_process(0.003))),
    "one slow wave 1 %, 300 s": (
        0.0,
        0.01,
        both(lambda g, n: 0.01 * wander(g, n, 300.0), per_process(0.003)),
    ),
}


def durations(rng: np.random.Generator, runs: int, outliers: float, sd: float, drift: Drift) -> Array:
    """Durations in ns, [runs, blocks, inferences]."""
    level = drift(rng, runs)[:, :, np.newaxis] + sd * rng.standard_normal((runs, len(TIMES), PER_BLOCK))
    slow = 1.0 + (rng.random(level.shape) < outliers)
    values: Array = np.round(BASE_NS * np.exp(level) * slow)
    return values


def adaptive(values: Array) -> tuple[float, float, float, int, float]:
    """Estimate, lower and upper end, processes and noise floor of one run [blocks, inferences] that stops itself."""
    for looks, processes in enumerate(LOOKS, 1):
        blocks = processes * BLOCKS
        run = values[:blocks].ravel()
        number = np.repeat(np.arange(blocks), PER_BLOCK)
        interval = stats.total_interval(run, number // BLOCKS, number, looks=looks)
        if interval is None:
            raise AssertionError("the generators make enough batches")
        estimate, lo, hi = stats.typical(run), interval.lo, interval.hi
        if interval.half_width <= PRECISION * estimate:
            break
    floor = stats.noise_floor(run[:, np.newaxis], number // BLOCKS, number)[0]
    return estimate, lo, hi, processes, float(floor)


def study(name: str, runs: int) -> dict[str, object]:
    """One row of the table."""
    rng = np.random.default_rng(20181107)
    values = durations(rng, runs, *GENERATORS[name])
    truth = stats.typical(values.ravel())
    got = np.array([adaptive(run) for run in values])
    pair_difference = np.abs(got[::2, 0] / got[1::2, 0] - 1)
    return {
        "generator": name,
        "runs": runs,
        "coverage": round(float(np.mean((got[:, 1] <= truth) & (truth <= got[:, 2]))), 3),
        "half_width": round(float(np.median((got[:, 2] - got[:, 1]) / 2 / got[:, 0])), 4),
        "error_sd": round(float(np.std(got[:, 0] / truth)), 4),
        "processes": float(np.median(got[:, 3])),
        "reached": round(float(np.mean((got[:, 2] - got[:, 1]) / 2 <= PRECISION * got[:, 0])), 3),
        "noise_floor": round(float(np.median(got[:, 4])), 4),
        "above_floor": round(float(np.mean(pair_difference > got[::2, 4])), 3),
    }


def main() -> None:
    """Print the table and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("reports/benchmarks/coverage_simulation.json"))
    options = parser.parse_args()
    print(f"{'generator':32} cover  ±half  error sd  processes  reached  A/A floor  above")
    rows = []
    for name in GENERATORS:
        row = study(name, options.runs)
        rows.append(row)
        print(
            f"{name:32} {row['coverage']:5.1%} {row['half_width']:6.2%} {row['error_sd']:8.2%}"
            f" {row['processes']:9.0f} {row['reached']:9.0%} {row['noise_floor']:9.2%} {row['above_floor']:8.1%}",
            flush=True,
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""How often the throttling point is found, and how often where there is none, in simulated endurance runs.

python -m benchmarks.throttling_simulation [--runs 200] [--output reports/benchmarks/throttling_simulation.json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.levels import first_slowdown

Array = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Array]

BLOCKS = 540
BASE_NS = 5e6
STEPS = (0.05, 0.15, 0.40)
RAMP = 0.20


def flicker(sd: float) -> Noise:
    """1/f noise of this standard deviation, [blocks]."""

    def draw(rng: np.random.Generator, count: int) -> Array:
        frequency = np.fft.rfftfreq(2 * count)
        frequency[0] = frequency[1]
        phase = np.exp(2j * np.pi * rng.random(len(frequency)))
        values = np.fft.irfft(phase / np.sqrt(frequency))[:count]
        return np.asarray(sd * (values - values.mean()) / values.std())

    return draw


def neighbours(sd: float, phi: float) -> Noise:
    """AR(1) noise of this standard deviation, [blocks]."""

    def draw(rng: np.random.Generator, count: int) -> Array:
        values = rng.standard_normal(count)
        for i in range(1, count):
            values[i] = phi * values[i - 1] + np.sqrt(1 - phi**2) * values[i]
        return np.asarray(sd * values)

    return draw


def bursts(rng: np.random.Generator, count: int) -> Array:
    """1 % noise, and one block in twenty up to 2.7 times as long."""
    return np.asarray(0.01 * rng.standard_normal(count) + (rng.random(count) < 0.05) * rng.random(count))


KINDS: dict[str, Noise] = {
    "independent, 1 %": lambda rng, count: 0.01 * rng.standard_normal(count),
    "independent, 5 %": lambda rng, count: 0.05 * rng.standard_normal(count),
    "AR(1), phi 0.6, 1 %": neighbours(0.01, 0.6),
    "AR(1), phi 0.99, 2 %": neighbours(0.02, 0.99),
    "1/f, 1 %": flicker(0.01),
    "1/f, 3 %": flicker(0.03),
    "1/f, 6 %": flicker(0.06),
    "1 %, bursts of other work": bursts,
}


def found_at(logarithms: Array) -> int | None:
    """The block of the throttling point, None if there is none."""
    found = first_slowdown(BASE_NS * np.exp(logarithms))
    return None if found is None else found.index


def simulate(noise: Noise, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    """Shares of runs in which a point is found, by what there was to find; median distance from it in blocks."""
    result: dict[str, Any] = {
        "none": float(np.mean([found_at(noise(rng, BLOCKS)) is not None for _ in range(runs)]))
    }
    for step in STEPS:
        distances = []
        for _ in range(runs):
            at = int(BLOCKS * rng.uniform(0.2, 0.7))
            found = found_at(noise(rng, BLOCKS) + np.log1p(step) * (np.arange(BLOCKS) >= at))
            if found is not None:
                distances.append(abs(found - at))
        result[f"step {step:.0%}"] = len(distances) / runs
        result[f"step {step:.0%}, blocks off"] = float(np.median(distances)) if distances else None
    ramp = np.log1p(np.linspace(0, RAMP, BLOCKS))
    result[f"ramp {RAMP:.0%}"] = float(
        np.mean([found_at(noise(rng, BLOCKS) + ramp) is not None for _ in range(runs)])
    )
    return result


def main() -> None:
    """Run all kinds and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("reports/benchmarks/throttling_simulation.json"))
    arguments = parser.parse_args()
    results = {
        name: simulate(noise, arguments.runs, np.random.default_rng(1)) for name, noise in KINDS.items()
    }
    text = json.dumps({"blocks": BLOCKS, "runs": arguments.runs, "kinds": results}, indent=2)
    arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

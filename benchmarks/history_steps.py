"""How often `tflprof history` finds a step, and how often one where there is none, in simulated series of profiles.

python -m benchmarks.history_steps [--runs 2000] [--trials 400]

A series is totals of profiles in time order; what is between them is drawn: independent, heavy-tailed, alike to its
neighbours, 1/f, a random walk, a slow ramp, a season, outliers. A step is found if it is placed at most three
profiles off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common import arguments, publish, table
from tflprof.analysis.history.steps import exact_shifts, noisy_shifts

Array = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Array]

BASE_NS = 5e6
LENGTHS = (6, 12, 30, 100, 300)
STEPS = (0.03, 0.05, 0.10)
NEAR = 3
HALF_WIDTH = 0.005
"""Each profile's own 95 % interval, relative."""


def white(sd: float) -> Noise:
    """Independent, of this standard deviation."""
    return lambda rng, n: np.asarray(sd * rng.standard_normal(n))


def neighbours(sd: float, phi: float) -> Noise:
    """AR(1)."""

    def draw(rng: np.random.Generator, n: int) -> Array:
        values = rng.standard_normal(n)
        for i in range(1, n):
            values[i] = phi * values[i - 1] + np.sqrt(1 - phi**2) * values[i]
        return np.asarray(sd * values)

    return draw


def flicker(sd: float) -> Noise:
    """1/f noise, a stretch of four times as much, whose standard deviation is this."""

    def draw(rng: np.random.Generator, n: int) -> Array:
        frequency = np.fft.rfftfreq(4 * n)
        frequency[0] = frequency[1]
        waves = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
        values = np.fft.irfft(waves / np.sqrt(frequency))
        return np.asarray(sd * values[:n] / values.std())

    return draw


def walk(sd: float, each: float) -> Noise:
    """Independent noise on a random walk with steps of this standard deviation."""
    return lambda rng, n: np.asarray(sd * rng.standard_normal(n) + each * np.cumsum(rng.standard_normal(n)))


def ramp(rng: np.random.Generator, n: int) -> Array:
    """1 % noise on a rise by 5 % from the first to the last."""
    return np.asarray(0.01 * rng.standard_normal(n) + np.linspace(0, 0.05, n))


def season(rng: np.random.Generator, n: int) -> Array:
    """1 % noise on a wave of ±1 %, three times up and down."""
    wave = np.sin(np.arange(n) / n * 6 * np.pi + 6 * rng.random())
    return np.asarray(0.01 * rng.standard_normal(n) + 0.01 * wave)


def outliers(rng: np.random.Generator, n: int) -> Array:
    """1 % noise, and 7 % of the profiles up to 50 % longer."""
    return np.asarray(0.01 * rng.standard_normal(n) + (rng.random(n) < 0.07) * rng.random(n) * 0.5)


def heavy(rng: np.random.Generator, n: int) -> Array:
    """Student's t of 3 degrees, scale 1 %."""
    return np.asarray(0.01 * rng.standard_t(3, n))


KINDS: dict[str, Noise] = {
    "independent, 0.3 %": white(0.003),
    "independent, 1 %": white(0.01),
    "independent, 3 %": white(0.03),
    "Student's t, 3 degrees, 1 %": heavy,
    "AR(1), phi 0.6, 1 %": neighbours(0.01, 0.6),
    "AR(1), phi 0.9, 1 %": neighbours(0.01, 0.9),
    "1/f, 1 %": flicker(0.01),
    "1/f, 1 %, and independent, 1 %": lambda rng, n: flicker(0.01)(rng, n) + white(0.01)(rng, n),
    "random walk, 0.3 % each": walk(0.0, 0.003),
    "random walk, 0.2 % each, and independent, 1 %": walk(0.01, 0.002),
    "ramp of 5 %, and independent, 1 %": ramp,
    "season of ±1 %, and independent, 1 %": season,
    "7 % outliers of up to 50 %, and independent, 1 %": outliers,
}


def found(logs: Array) -> list[int]:
    """Where steps are found in a series of logarithms."""
    values = BASE_NS * np.exp(logs)
    return [shift.index for shift in noisy_shifts(values, HALF_WIDTH * values).shifts]


def alarms(noise: Noise, n: int, runs: int) -> float:
    """Share of series without a step in which one is found."""
    rng = np.random.default_rng((1, n))
    return float(np.mean([bool(found(noise(rng, n))) for _ in range(runs)]))


def power(noise: Noise, n: int, step: float, trials: int) -> dict[str, float]:
    """Shares of series with one step: found, found to the profile, and something found where there is none."""
    rng = np.random.default_rng((2, n))
    near = exact = extra = 0
    for _ in range(trials):
        at = int(rng.integers(max(6, n // 5), n - 5))
        places = found(noise(rng, n) + np.log1p(step) * (np.arange(n) >= at))
        near += any(abs(place - at) <= NEAR for place in places)
        exact += at in places
        extra += any(abs(place - at) > NEAR for place in places)
    return {"found": near / trials, "exact": exact / trials, "extra": extra / trials}


def returns(noise: Noise, n: int, step: float, length: int, trials: int) -> float:
    """Share of series that rise and come back after ``length`` profiles in which both steps are found."""
    rng = np.random.default_rng((3, n))
    both = 0
    for _ in range(trials):
        at = int(rng.integers(n // 5, n - length - 5))
        inside = (np.arange(n) >= at) & (np.arange(n) < at + length)
        places = found(noise(rng, n) + np.log1p(step) * inside)
        both += all(any(abs(place - end) <= NEAR for place in places) for end in (at, at + length))
    return both / trials


def profiles_until_found(
    noise: Noise, step: float, trials: int, before: int = 50, most: int = 20
) -> list[int]:
    """After how many profiles of the new level a step is found for the first time; ``most`` + 1: not until then."""
    rng = np.random.default_rng(4)
    delays = []
    for _ in range(trials):
        logs = noise(rng, before + most) + np.log1p(step) * (np.arange(before + most) >= before)
        near = (
            k
            for k in range(3, most + 1)
            if any(abs(place - before) <= NEAR for place in found(logs[: before + k]))
        )
        delays.append(next(near, most + 1))
    return delays


def exact_counts(trials: int) -> dict[str, float]:
    """Exact counts: share of series in which a change just above and just below the limit is a step."""
    rng = np.random.default_rng(5)
    hits: dict[str, list[bool]] = {"above": [], "below": []}
    for _ in range(trials):
        base = float(rng.integers(10_000, 1_000_000_000))
        limit = max(0.001 * base, 1000.0)
        at = int(rng.integers(1, 30))
        for name, change in (("above", np.floor(limit) + 1), ("below", np.floor(limit))):
            counts = base + change * (np.arange(30) >= at)
            hits[name].append([shift.index for shift in exact_shifts(counts).shifts] == [at])
    return {name: float(np.mean(values)) for name, values in hits.items()}


def share(value: float) -> str:
    """In percent."""
    return f"{100 * value:.1f} %"


def main() -> None:
    """Simulate, and publish."""
    chosen = arguments(__doc__ or "", runs=2000, trials=400)
    start = time.perf_counter()
    quiet = {name: {n: alarms(noise, n, chosen.runs) for n in LENGTHS} for name, noise in KINDS.items()}
    loud = {
        name: {f"{step:.0%}": power(noise, 100, step, chosen.trials) for step in STEPS}
        for name, noise in KINDS.items()
    }
    back = {name: returns(noise, 100, 0.05, 10, chosen.trials) for name, noise in KINDS.items()}
    delays = {
        name: profiles_until_found(KINDS[name], 0.05, max(20, chosen.trials // 8))
        for name in ("independent, 0.3 %", "independent, 1 %", "AR(1), phi 0.6, 1 %", "1/f, 1 %")
    }
    counts = exact_counts(chosen.trials)
    text = "\n\n".join([*_tables(quiet, loud, back, chosen), _rest(delays, counts)])
    data: dict[str, Any] = {
        "runs": chosen.runs,
        "trials": chosen.trials,
        "false_alarms": quiet,
        "power": loud,
    }
    data |= {"returns": back, "delays": delays, "exact": counts, "seconds": time.perf_counter() - start}
    publish("history_steps", "Steps in a history: false alarms and power", text, data, chosen.out)


def _tables(quiet: Any, loud: Any, back: Any, chosen: Any) -> list[str]:
    worst = {n: max(row[n] for row in quiet.values()) for n in LENGTHS}
    alarm_rows = [[name, *(share(row[n]) for n in LENGTHS)] for name, row in quiet.items()]
    power_rows = [
        [
            name,
            *(
                f"{share(row[f'{step:.0%}']['found'])}, {share(row[f'{step:.0%}']['exact'])}"
                for step in STEPS
            ),
            share(row["5%"]["extra"]),
            share(back[name]),
        ]
        for name, row in loud.items()
    ]
    return [
        f"## False alarms\n\nShare of {chosen.runs} series without a step in which at least one is found, "
        "by the number of profiles.",
        table(
            ["between profiles", *map(str, LENGTHS)], [*alarm_rows, ["worst", *map(share, worst.values())]]
        ),
        f"## Power\n\n{chosen.trials} series of 100 profiles with one step: found within {NEAR} profiles, and placed "
        "at the very profile; another one found beside that of +5 %; and +5 % for 10 profiles, then back: both found.",
        table(
            [
                "between profiles",
                *(f"+{step:.0%}: found, to the profile" for step in STEPS),
                "another",
                "and back",
            ],
            power_rows,
        ),
    ]


def _rest(delays: dict[str, list[int]], counts: dict[str, float]) -> str:
    rows = [
        [name, f"{np.median(values):.0f}", f"{np.quantile(values, 0.9):.0f}"]
        for name, values in delays.items()
    ]
    return (
        "## How soon\n\nProfiles of the new level until a step of +5 % after 50 profiles is found (3 at least; 21: not "
        "within 20).\n\n"
        + table(["between profiles", "median", "90 %"], rows)
        + "\n\n## Exact counts\n\nA change by one instruction more than max(0.1 %, 1000) is found, at its place, in "
        f"{share(counts['above'])} of the series; one of just that much in {share(counts['below'])}."
    )


if __name__ == "__main__":
    main()

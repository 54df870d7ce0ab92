"""False alarms and power of comparing on simulated machines: 100 layers, noise of many kinds, truth known.

Blocks of five inferences of both models are simulated, round by round and process by process; from the pairs'
estimates on it is the code that judges live comparisons, all looks included.

    python -m benchmarks.comparison_simulation [--runs 10000] [--changed 500] [--bound 1000]
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.comparison_trials import FloatArray, Trial, share, trial
from tflprof.analysis.compared import Compared
from tflprof.analysis.comparison import Difference, Part
from tflprof.analysis.paired import LOOKS, SPENT
from tflprof.analysis.signflip import sign_flip

LAYERS = 100
PAIRS = LOOKS[-1]
ROUNDS = 8
"""Of either kind in a process: few, as of a model of 10 ms."""
PER_BLOCK = 5
TOTAL_NS = 5e6
TICK_NS = 20.0
JUDGED = 7
"""Layer of 3 % share that is slowed down."""


@dataclass(frozen=True)
class Machine:
    """How a machine disturbs what it measures. All are standard deviations or scales of logarithms.

    Attributes:
        inference: of whole inferences, AR(1) with ``memory`` from one to the next, 1 % of them half again as long.
        drift: random walk from block to block, which both models feel.
        layer: of a layer's inferences, Student's t with 2 degrees of freedom.
        process: of a layer of one model in one process, Student's t with 3 degrees of freedom; as much again is
            common to all layers.
        place: of a layer of the model that is loaded first, AR(1) from process to process.
        bound: of a layer of B, AR(1) from process to process: a state that favours one model, which no order cancels.
    """

    inference: float = 0.02
    memory: float = 0.8
    drift: float = 0.005
    layer: float = 0.03
    process: float = 0.004
    place: float = 0.004
    place_memory: float = 0.95
    bound: float = 0.0
    bound_memory: float = 0.0


MACHINES = {
    "all kinds of noise": Machine(),
    "processes differ much": Machine(process=0.015),
    "places differ much": Machine(place=0.03),
    "machine drifts much": Machine(drift=0.03, inference=0.05),
    "quiet": Machine(0.005, 0.5, 0.001, 0.01, 0.0005, 0.0005),
}
BOUND = {
    "bound to a model, memory 0.2": Machine(bound=0.01, bound_memory=0.2),
    "bound to a model, memory 0.5": Machine(bound=0.01, bound_memory=0.5),
    "bound to a model, memory 0.9": Machine(bound=0.01, bound_memory=0.9),
}
"""What the test does not stand, to show by how much."""


def costs(rng: np.random.Generator) -> FloatArray:
    """Costs of the layers, ns [100], over three decades; layer 7 takes 3 %."""
    shares = rng.lognormal(0, 1.5, LAYERS)
    shares[JUDGED] = 0
    shares *= 0.97 / shares.sum()
    shares[JUDGED] = 0.03
    return np.asarray(TOTAL_NS * shares, dtype=np.float64)


def pairs(rng: np.random.Generator, machine: Machine, layers: FloatArray) -> FloatArray:
    """Estimates of every process pair, [40, 1 + 100], without a true difference."""
    rounds = (PAIRS, 2, ROUNDS)
    walk = machine.drift * rng.standard_normal((*rounds, 2)).reshape(PAIRS, -1).cumsum(axis=1).reshape(
        *rounds, 2
    )
    # Which model runs first in a round is random; the later one feels the later place of the walk.
    first = rng.random(rounds) < 0.5
    common_noise = np.where(first, walk[..., 0] - walk[..., 1], walk[..., 1] - walk[..., 0])
    blocks = np.median(_inferences(rng, machine, (*rounds, 2)), axis=-1)
    common_noise = common_noise + blocks[..., 1] - blocks[..., 0]
    # The least of five and so on: the median of a block's inferences, drawn as such.
    ranks = rng.beta(3, 3, (PAIRS, ROUNDS, 2, LAYERS))
    of_layers = machine.layer * (2 * ranks - 1) / np.sqrt(2 * ranks * (1 - ranks))
    ticks = rng.uniform(-0.5, 0.5, of_layers.shape) * TICK_NS / layers
    own = of_layers + ticks
    rows = common_noise[:, 1, :, np.newaxis] + own[:, :, 1] - own[:, :, 0]
    found = np.empty((PAIRS, 1 + LAYERS))
    found[:, 0] = np.median(common_noise[:, 0], axis=1)
    found[:, 1:] = np.median(rows, axis=1)
    return found + _process_effects(rng, machine)


def _inferences(rng: np.random.Generator, machine: Machine, shape: tuple[int, ...]) -> FloatArray:
    """Noise of whole inferences, [..., 5], AR(1) within a block, with bursts."""
    noise = rng.standard_normal((*shape, PER_BLOCK))
    for at in range(1, PER_BLOCK):
        noise[..., at] = machine.memory * noise[..., at - 1] + np.sqrt(1 - machine.memory**2) * noise[..., at]
    return machine.inference * noise + 0.4 * (rng.random(noise.shape) < 0.01)


def _process_effects(rng: np.random.Generator, machine: Machine) -> FloatArray:
    """What a whole process adds to log(B / A), [40, 1 + 100]: of either model, of its place, of a state."""
    columns = 1 + LAYERS
    either = rng.standard_t(3, (2, PAIRS, columns)) + rng.standard_t(3, (2, PAIRS, 1))
    swapped = np.where(rng.random(PAIRS // 2) < 0.5, 1.0, -1.0)
    order = np.stack([swapped, -swapped], axis=1).ravel()
    place = _slow(rng, columns, machine.place_memory) + rng.standard_normal(columns)
    state = _slow(rng, columns, machine.bound_memory)
    found: FloatArray = machine.process * (either[1] - either[0]) / np.sqrt(2)
    return found + machine.place * order[:, np.newaxis] * place + machine.bound * state


def _slow(rng: np.random.Generator, columns: int, memory: float) -> FloatArray:
    """AR(1) of unit variance from process to process, [40, columns]."""
    noise = rng.standard_normal((PAIRS, columns))
    for at in range(1, PAIRS):
        noise[at] = memory * noise[at - 1] + np.sqrt(1 - memory**2) * noise[at]
    return noise


def compared(layers: FloatArray) -> tuple[Compared, tuple[Compared, ...]]:
    """The total and the layers as they are before anything is concluded."""

    def of(match: Any, name: str, cost: float) -> Compared:
        part = Part((name,) if match != "total" else (), "CONV_2D", name, cost, cost / TOTAL_NS)
        return Compared(Difference(match, part, part, "inconclusive", ""))

    return of("total", "", TOTAL_NS), tuple(
        of("same", str(at), float(cost)) for at, cost in enumerate(layers)
    )


def run(machine: Machine, count: int, seed: int, shift: FloatArray | float = 0.0) -> list[Trial]:
    """So many comparisons; ``shift``: what is truly different, [1 + 100]."""
    trials = []
    for one in range(count):
        rng = np.random.default_rng((seed, one))
        layers = costs(rng)
        values = pairs(rng, machine, layers) + shift
        resolution = np.concatenate([[TICK_NS / TOTAL_NS], TICK_NS / layers])
        trials.append(trial(values, resolution, *compared(layers)))
    return trials


def counted(trials: list[Trial]) -> dict[str, Any]:
    """What became of a set of comparisons without a difference."""
    return {
        "comparisons": len(trials),
        "alarms": sum(one.alarm for one in trials),
        "rejections": sum(one.rejected for one in trials),
        "rejections_at_any_look": sum(one.rejected_ever for one in trials),
        "total_same": float(np.mean([one.total.status == "same" for one in trials])),
        "pairs": dict(sorted(Counter(one.pairs for one in trials).items())),
    }


def row_of(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table of false alarms."""
    count = found["comparisons"]
    return (
        name,
        f"**{share(found['alarms'], count)}**",
        share(found["rejections_at_any_look"], count),
        f"{found['total_same']:.0%}",
        " / ".join(str(found["pairs"].get(look, 0)) for look in LOOKS),
    )


def powers(count: int) -> list[dict[str, Any]]:
    """Share of comparisons in which a true difference is found."""
    rows = []
    for name, machine in MACHINES.items():
        total, layer = np.zeros(1 + LAYERS), np.zeros(1 + LAYERS)
        total[0] = np.log(1.03)
        layer[1 + JUDGED] = np.log(1.10)
        whole, one = run(machine, count, 1, total), run(machine, count, 2, layer)
        rows.append(
            {
                "machine": name,
                "total_3_percent": float(np.mean([each.total.status == "slower" for each in whole])),
                "layer_10_percent": float(np.mean([each.layers[JUDGED].status == "slower" for each in one])),
            }
        )
    return rows


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails (t, 2 degrees)": lambda rng, shape: rng.standard_t(2, shape),
    "rounded to 0.7 sd": lambda rng, shape: np.round(1.5 * rng.standard_normal(shape)),
}


def covered(count: int) -> list[dict[str, Any]]:
    """How often the intervals of all columns hold what is true, for pairs of a known kind."""
    rows = []
    for (name, draw), (look, alpha) in product(KINDS.items(), zip(LOOKS, SPENT, strict=True)):
        rng = np.random.default_rng(4)
        missed = 0
        for _ in range(count):
            truth = rng.choice([0.0, 0.0, 0.5, 3.0], 1 + LAYERS)
            found = sign_flip(draw(rng, (look, 1 + LAYERS)) + truth, alpha)
            missed += bool(np.any((found.lo > truth + 1e-9) | (found.hi < truth - 1e-9)))
        rows.append({"kind": name, "pairs": look, "alpha": alpha, "comparisons": count, "missed": missed})
    return rows


def report(
    alarms: dict[str, dict[str, Any]],
    bound: dict[str, dict[str, Any]],
    power: list[dict[str, Any]],
    intervals: list[dict[str, Any]],
) -> str:
    """All results as Markdown."""
    head = (
        "machine",
        "false alarms",
        "rejected at any look, whatever the size",
        "total same",
        "10 / 20 / 40 pairs",
    )
    return "\n\n".join(
        (
            common.table(
                head,
                [row_of(name, found) for name, found in alarms.items()],
            ),
            "What the test does not stand, a state that favours one model over several processes (AR(1), 1 %):",
            common.table(head, [row_of(name, found) for name, found in bound.items()]),
            "Power, share of comparisons:",
            common.table(
                ("machine", "+3 % on the total found", "+10 % on a layer of 3 % share found"),
                [
                    (row["machine"], f"{row['total_3_percent']:.1%}", f"{row['layer_10_percent']:.1%}")
                    for row in power
                ],
            ),
            "Comparisons in which any of 101 simultaneous intervals misses what is true:",
            common.table(
                ("pairs of differences", "pairs", "missed", "wanted at most"),
                [
                    (
                        row["kind"],
                        str(row["pairs"]),
                        share(row["missed"], row["comparisons"]),
                        f"{row['alpha']:.1%}",
                    )
                    for row in intervals
                ],
            ),
        )
    )


def main() -> None:
    """Simulate, count."""
    options = common.arguments(__doc__ or "", runs=10_000, changed=200, bound=1000, intervals=1000)
    began = time.monotonic()
    each = options.runs // len(MACHINES)
    alarms = {name: counted(run(machine, each, 0)) for name, machine in MACHINES.items()}
    together = {
        key: sum(found[key] for found in alarms.values())
        for key in ("comparisons", "alarms", "rejections", "rejections_at_any_look")
    }
    together["total_same"] = float(np.mean([found["total_same"] for found in alarms.values()]))
    together["pairs"] = dict(sum((Counter(found["pairs"]) for found in alarms.values()), Counter()))
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    bound = {name: counted(run(machine, options.bound, 3)) for name, machine in BOUND.items()}
    power = powers(options.changed)
    intervals = covered(options.intervals)
    text = report({**alarms, "**all**": together}, bound, power, intervals)
    data = {
        "false_alarms": alarms,
        "together": together,
        "bound": bound,
        "power": power,
        "intervals": intervals,
    }
    common.publish("comparison_simulation", "Comparing on simulated machines", text, data, options.out)


if __name__ == "__main__":
    main()

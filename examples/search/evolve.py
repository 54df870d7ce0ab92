"""An evolutionary search within a latency budget: ``python -m examples.search.evolve TABLE --budget 5ms``.

TABLE is made by ``tflprof table build --target emulated:pixel2 --space examples/search/space.toml -o TABLE``, or by
this program if there is none. Only what the search ends with is measured. Beside it stands the best plain MobileNet v1,
one width for all layers, within the same budget.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from examples.search.quality import quality
from examples.search.space import AXES, NARROWEST, SPACE, STRIDES, WIDEST, build
from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.search import Candidate, Evolution, Found, search
from tflprof.analysis.search_space import Genes, SpaceCosts
from tflprof.workflow.profile import profile_model
from tflprof.workflow.space import read_space
from tflprof.workflow.table import build_table

TARGET = "emulated:pixel2"
LISTED = Path(__file__).with_name("space.toml")


@dataclass(frozen=True)
class Result:
    """A candidate with what the table said and what it took, in ns."""

    values: Mapping[str, int]
    quality: float
    predicted: float
    lo: float
    hi: float
    obtained: float
    instructions: float
    predicted_instructions: float

    @property
    def error(self) -> float:
        """Predicted against obtained, relative."""
        return self.predicted / self.obtained - 1


@dataclass(frozen=True)
class Outcome:
    """Everything of one search; ``limit``: what predictions had to be within; ``rate``: candidates per second."""

    budget: float
    limit: float
    found: Found
    results: tuple[Result, ...]
    uniform: Result | None
    rate: float
    rows: int


def open_table(path: Path) -> LatencyTable:
    """The table, measured on the emulated core unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        build_table(TARGET, configs=read_space(LISTED), path=path)
    return LatencyTable.open(path)


SEEDS = (0, 1, 2, 3)
"""Of evolutions: where one ends depends on where it began, above all in the size of the image."""
CORRECTIONS = 3


def run(table: LatencyTable, budget: float, *, rounds: int = 80, keep: int = 3) -> Outcome:
    """Search, measure what it ends with, and search again below the budget if that is over it.

    Args:
        table: of latencies.
        budget: in ns.
        rounds: of 512 proposals, from each seed.
        keep: how many of the best are measured.
    """
    costs = SpaceCosts(SPACE, table)
    limit, results = budget, tuple[Result, ...]()
    for _ in range(CORRECTIONS):
        found = explored(table, limit, rounds, keep)
        results = tuple(_measured(one, costs) for one in found.best)
        excess = max((one.obtained / budget for one in results), default=0.0)
        if excess <= 1:
            break
        limit /= excess
    many = np.random.default_rng(0).integers(0, SPACE.sizes, (100_000, len(AXES)))
    start = time.perf_counter()
    costs.predict(many)
    rate = len(many) / (time.perf_counter() - start)
    plain = best_uniform(table, limit)
    uniform = None if plain is None else _measured(plain, costs)
    return Outcome(budget, limit, found, results, uniform, rate, len(table))


def explored(table: LatencyTable, limit: float, rounds: int, keep: int) -> Found:
    """What evolution finds within a predicted latency, from several seeds."""
    ways = [
        search(
            SPACE,
            table,
            limit,
            quality,
            proposer=Evolution(SPACE, seed=seed),
            proposals=512,
            rounds=rounds,
            keep=keep,
        )
        for seed in SEEDS
    ]
    return together(ways, keep)


def together(ways: Sequence[Found], keep: int) -> Found:
    """The best of several searches; networks that several of them saw are counted as often."""
    best = {one.genes: one for way in ways for one in way.best}
    ordered = sorted(best.values(), key=lambda one: (-one.quality, one.cost))
    known = [way.cheapest for way in ways if way.cheapest is not None]
    cheapest = min(known, key=lambda one: one.cost, default=None)
    seen, unknown = sum(way.seen for way in ways), sum(way.unknown for way in ways)
    return Found(tuple(ordered[:keep]), cheapest, seen, unknown, ways[0].unit)


def best_uniform(table: LatencyTable, budget: float) -> Candidate | None:
    """The best network within the budget whose widths are all the same share of the widest."""

    class Uniform:
        """Proposes every size and share once."""

        def __init__(self) -> None:
            self.left = [_uniform(size, share / 64) for size in AXES["size"] for share in range(16, 65)]

        def propose(self, count: int) -> Genes:
            now, self.left = self.left[:count], self.left[count:]
            return np.array(now, np.int64).reshape(-1, len(AXES))

        def told(self, genes: Genes, fitness: Any) -> None:
            """Nothing is learnt."""

    best = search(SPACE, table, budget, quality, proposer=Uniform(), keep=1).best
    return best[0] if best else None


def _uniform(size: int, share: float) -> list[int]:
    """Genes of a MobileNet v1 of one width multiplier, rounded to widths that there are."""
    wanted = {"size": size, "stem": 32 * share}
    wanted |= {f"width_{at}": wide * share for at, wide in enumerate(WIDEST)}
    wanted |= {f"kernel_{at}": 3 for at in range(len(STRIDES))}
    return [int(np.argmin(np.abs(np.array(AXES[name]) - wanted[name]))) for name in AXES]


def _measured(candidate: Candidate, costs: SpaceCosts) -> Result:
    predicted = costs.predict(np.array([candidate.genes], np.int64))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.tflite"
        path.write_bytes(build(candidate.values))
        profile = profile_model(path, target=TARGET)
    counts = profile.counts
    return Result(
        values=dict(candidate.values),
        quality=candidate.quality,
        predicted=candidate.cost,
        lo=candidate.lo,
        hi=candidate.hi,
        obtained=float(profile.summary.total.typical or math.nan),
        instructions=math.nan if counts is None else float(counts.summary.total.typical or math.nan),
        predicted_instructions=float(predicted.instructions[0]),
    )


def described(values: Mapping[str, int]) -> str:
    """A candidate in few words: image, stem, and the width of every block, with its kernel if it is 5."""
    blocks = [
        f"{values[f'width_{at}']}{'' if values[f'kernel_{at}'] == 3 else '·5'}"
        for at in range(len(NARROWEST))
    ]
    return f"{values['size']} px, {values['stem']}: {' '.join(blocks)}"


def report(outcome: Outcome) -> Sequence[str]:
    """Lines that tell what was found."""
    found = outcome.found
    lines = [
        f"{found.seen} networks looked at, {outcome.rate:,.0f} costed per second, {outcome.rows} rows in the table"
    ]
    named = [*((f"{at}.", one) for at, one in enumerate(outcome.results, 1))]
    if outcome.uniform is not None:
        named.append(("one width for all:", outcome.uniform))
    for name, one in named:
        lines.append(
            f"{name} proxy {100 * one.quality:.2f} %, predicted {one.predicted / 1e6:.3f} ms, obtained "
            f"{one.obtained / 1e6:.3f} ms ({100 * one.error:+.1f} %) — {described(one.values)}"
        )
    if not outcome.results and found.cheapest is not None:
        lines.append(
            f"no network is within the budget; the cheapest takes {found.cheapest.cost / 1e6:.3f} ms"
        )
    return lines


def main() -> None:
    """Search within the budget of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--budget", default="5ms", help="such as 5ms")
    parser.add_argument("--rounds", type=int, default=80)
    options = parser.parse_args()
    match = re.fullmatch(r"([0-9.]+)ms", options.budget)
    if match is None:
        raise SystemExit(f"--budget {options.budget}: expected milliseconds, such as 5ms")
    outcome = run(open_table(options.table), float(match.group(1)) * 1e6, rounds=options.rounds)
    sys.stdout.write("\n".join(report(outcome)) + "\n")


if __name__ == "__main__":
    main()

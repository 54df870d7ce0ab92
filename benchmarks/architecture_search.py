"""A search for networks within budgets, on the emulated Pixel 2: predicted and obtained latency of what it ends with.

The table has the rows of ``examples/search/space.toml``, measured in chains; none comes from the networks that are
found. Run ``python -m benchmarks.architecture_search [--budgets 3 5 8]`` (ms). The table is kept in ``build/search``;
with it, half a minute per budget.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import common
from examples.search.evolve import TARGET, Outcome, Result, described, open_table, run
from examples.search.space import SPACE
from tflprof.units import format_value

NAME = "architecture_search"
TABLE = Path(__file__).resolve().parent.parent / "build" / "search" / "pixel2.parquet"


def main() -> None:
    """Search within every budget, measure what was found, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", nargs="+", type=float, default=[3.0, 5.0, 8.0])
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    table = open_table(TABLE)
    outcomes = [run(table, 1e6 * budget) for budget in options.budgets]
    common.publish(NAME, "Search within a latency budget", text(outcomes), document(outcomes), options.out)


def text(outcomes: Sequence[Outcome]) -> str:
    """All of it for people."""
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    rate = min(outcome.rate for outcome in outcomes)
    errors = [abs(one.error) for outcome in outcomes for one in outcome.results]
    networks = 1
    for size in SPACE.sizes.tolist():
        networks *= size
    return "\n".join(
        [
            f"{networks:.1e} networks like MobileNet v1 (image 96 to 160, widths in multiples of eight, kernels of 3",
            f"and 5), {outcomes[0].rows} rows in the table, none from a network of the space. {rate:,.0f} candidates",
            f"costed per second on this machine. Times are of {TARGET}, predicted and repeatable. *Proxy* is what",
            "published MobileNets of as many multiply-accumulates and parameters reach on ImageNet; nothing was",
            "trained. The first row of each budget is the best with one width multiplier for all layers; the others",
            "are what evolution ends with, searched again a little below the budget if any was over it. *Error* and",
            "*instructions* are predicted against obtained.",
            "",
            common.table(
                ["budget", "network", "proxy", "predicted", "obtained", "error", "instructions"], rows
            ),
            "",
            f"Largest error of what the searches end with: {100 * max(errors, default=0.0):.2f} %.",
        ]
    )


def _rows(outcome: Outcome) -> list[list[str]]:
    plain = [] if outcome.uniform is None else [outcome.uniform]
    return [_row(outcome.budget, one) for one in (*plain, *outcome.results)]


def _row(budget: float, one: Result) -> list[str]:
    return [
        format_value(budget, "ns"),
        described(one.values),
        f"{100 * one.quality:.2f} %",
        format_value(one.predicted, "ns"),
        format_value(one.obtained, "ns"),
        common.percent(one.error),
        common.percent(one.predicted_instructions / one.instructions - 1),
    ]


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "target": TARGET,
        "provenance": "predicted",
        "axes": {name: list(values) for name, values in SPACE.axes.items()},
        "searches": [
            {
                "budget_ns": outcome.budget,
                "limit_ns": outcome.limit,
                "seen": outcome.found.seen,
                "unknown": outcome.found.unknown,
                "rows": outcome.rows,
                "candidates_per_second": outcome.rate,
                "found": [{**asdict(one), "error": one.error} for one in outcome.results],
                "uniform": None
                if outcome.uniform is None
                else {**asdict(outcome.uniform), "error": outcome.uniform.error},
            }
            for outcome in outcomes
        ],
    }


if __name__ == "__main__":
    main()

"""How often a model that is compared with itself is called changed.

500 comparisons drawn from the pools of ``comparison_pools``, each a stretch of 40 consecutive pairs that is looked at
as a live comparison is, and 60 live ones at default settings. Beside them, on the same data, the rules that others use.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks import common
from benchmarks.comparison_live import Live, collect_live
from benchmarks.comparison_models import same
from benchmarks.comparison_trials import LATER, POOLS, Pool, Trial, of_others, rates, read_pool, share, window

STRETCHES = (40, 10)
"""Consecutive pairs of a drawn comparison; the second only as a further view, from other draws."""


LIVE_WEIGHTS = {
    "v1_025_96_int8": 4,
    "keyword_int8": 5,
    "v1_025_96_f32": 2,
    "v1_050_128_f32": 2,
    "v2_035_96_f32": 2,
}
"""Fifteenths of the live comparisons: more of the models that are decided sooner."""


def drawn(
    rng: np.random.Generator, pools: list[Pool], count: int, stretch: int
) -> tuple[list[Trial], list[dict[str, bool]]]:
    """So many comparisons of each pool, and what the rules of others say."""
    trials, others = [], []
    for pool in pools:
        for _ in range(count):
            trials.append(pool.trial(window(rng, len(pool.values), stretch)))
            others.append(of_others(rng, pool.runs))
    return trials, others


def summary(trials: list[Trial]) -> dict[str, object]:
    """Counts of a set of comparisons."""
    return {
        "comparisons": len(trials),
        "alarms": sum(trial.alarm for trial in trials),
        "rejections": sum(trial.rejected for trial in trials),
        "rejections_at_any_look": sum(trial.rejected_ever for trial in trials),
        "pairs": dict(sorted(Counter(trial.pairs for trial in trials).items())),
        "totals": dict(Counter(trial.total.status for trial in trials)),
        "layers": dict(Counter(row.status for trial in trials for row in trial.layers)),
    }


def line(name: str, trials: list[Trial]) -> tuple[str, ...]:
    """A set's line of the table."""
    count = len(trials)
    totals = Counter(trial.total.status for trial in trials)
    return (
        name,
        f"**{share(sum(trial.alarm for trial in trials), count)}**",
        share(sum(trial.rejected_ever for trial in trials), count),
        f"{totals['same'] / count:.0%}",
        f"{np.median([trial.pairs for trial in trials]):.0f}",
    )


def live_line(name: str, found: list[Live]) -> tuple[str, ...]:
    """A model's line of the table of live comparisons."""
    return (
        name,
        f"{sum(one.trial.alarm for one in found)} of {len(found)}",
        f"{np.median([one.seconds for one in found]):.0f} s",
        f"{np.median([one.trial.pairs for one in found]):.0f}",
        f"{np.mean([one.trial.total.status == 'same' for one in found]):.0%}",
    )


def measured(count: int) -> dict[str, list[Live]]:
    """So many live comparisons in all, by model."""
    core = str(common.last_core())
    return {
        name: collect_live(name, (path, path), count * LIVE_WEIGHTS[name] // 15, core)
        for name, path in same(POOLS / "models").items()
    }


def main() -> None:
    """Draw, measure, count."""
    options = common.arguments(__doc__ or "", drawn=500, live=60)
    models = same(POOLS / "models")
    pools = [read_pool(name) for name in models]
    rng = np.random.default_rng(20261121)
    sets = {stretch: drawn(rng, pools, options.drawn // len(pools), stretch) for stretch in STRETCHES}
    live = measured(options.live)
    every = [one for found in live.values() for one in found]
    hours = (sum(pool.seconds for pool in pools) + sum(one.seconds for one in every)) / 3600
    redone = sum(one.statuses == one.as_measured for one in every)
    (trials, others), (further, _) = sets.values()
    anew = [read_pool(name, LATER) for name in models if (LATER / name).exists()]
    later, _ = drawn(rng, anew, options.drawn // len(pools), STRETCHES[0])
    of_drawn, of_live = rates(others), rates([one.others for one in every])
    rows = [
        line("drawn", trials),
        line("live", [one.trial for one in every]),
        line("drawn and live", trials + [one.trial for one in every]),
        line(f"further ones, of stretches of {STRETCHES[1]}", further),
    ]
    if later:
        rows.append(line(f"drawn from {len(anew)} pools measured later", later))
    head = ("comparisons", "false alarms", "rejected at any look, whatever the size", "total same", "pairs")
    parts = (
        common.table(head, rows),
        f"Measuring behind them took {hours:.2f} machine-hours. Redone from their files, {redone} of {len(every)} live"
        " ones gave the same statuses. Of a live one only what it rejected at its last look is known.",
        common.table(
            ("live", "alarms", "time (median)", "pairs (median)", "total same"),
            [live_line(name, found) for name, found in live.items()],
        ),
        "False alarms of the rules of others on the same data (B is called slower; about as often it would be faster):",
        common.table(
            ("rule", "drawn", "live"),
            [(name, f"{rate:.1%}", f"{of_live[name]:.1%}") for name, rate in of_drawn.items()],
        ),
    )
    counts: dict[str, object] = {name: summary([one.trial for one in found]) for name, found in live.items()}
    data = {
        "drawn": summary(trials),
        "further": summary(further),
        "later": summary(later) if later else None,
        "live": summary([one.trial for one in every]) | {"redone_equal": redone, "by_model": counts},
        "machine_hours": hours,
        "rules_of_others": {"drawn": of_drawn, "live": of_live},
    }
    common.publish(
        "comparison_false_alarms", "False alarms of comparing", "\n\n".join(parts), data, options.out
    )


if __name__ == "__main__":
    main()

"""How often a true difference is found: about 3 % on the total, and 10 % on one layer of 3 % share.

What is true is known from the pools of ``comparison_pools`` as a whole. Comparisons are drawn from them, each a stretch
of 40 consecutive pairs that is looked at as a live comparison is, and measured live at default settings. Beside them,
on the same data, the rules that others use; they know nothing of layers.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmarks import common
from benchmarks.comparison_live import collect_live
from benchmarks.comparison_models import JUDGED_LAYER, slower
from benchmarks.comparison_pools import percents
from benchmarks.comparison_trials import (
    POOLS,
    Trial,
    interval,
    of_others,
    position,
    rates,
    read_pool,
    share,
    window,
)


def found_in(trial: Trial, what: str) -> bool:
    """True if what is slower is called so."""
    row = trial.total if what == "total" else trial.layer(JUDGED_LAYER)
    return row.status == "slower"


def others_wrong(trial: Trial, what: str) -> bool:
    """True if something else that is in both models is called changed, or the total is called faster."""
    # The reshape and the softmax behind the judged layer have more to do, too, and are no false alarm.
    known = {JUDGED_LAYER, "squeeze", "probabilities"} if what == "layer" else set()
    rows = [
        row for row in trial.layers if row.a is not None and row.a.name not in known and row.match == "same"
    ]
    return any(row.status in ("faster", "slower") for row in rows) or trial.total.status == "faster"


def study(what: str, drawn: int, live: int, core: str) -> tuple[list[tuple[str, ...]], dict[str, object]]:
    """The lines of the table and the data of one difference."""
    pool = read_pool(what)
    rng = np.random.default_rng(20261122)
    trials = [pool.trial(window(rng, len(pool.values))) for _ in range(drawn)]
    measured = collect_live(what, slower(POOLS / "models")[what], live, core)
    sets = {"drawn": trials, "live": [one.trial for one in measured]}
    sets["together"] = sets["drawn"] + sets["live"]
    column = 0 if what == "total" else 1 + position(pool, JUDGED_LAYER)
    truth = interval(pool.values[:, column])
    lines: list[tuple[str, ...]] = [
        (
            what,
            percents(truth),
            name,
            f"**{share(sum(found_in(one, what) for one in those), len(those))}**",
            str(sum(others_wrong(one, what) for one in those)),
            " / ".join(f"{Counter(one.pairs for one in those)[pairs]}" for pairs in (10, 20, 40)),
        )
        for name, those in sets.items()
        if those
    ]
    others = rates([of_others(rng, pool.runs) for _ in range(drawn)])
    data: dict[str, object] = {
        "truth": truth,
        "found": {
            name: [sum(found_in(one, what) for one in those), len(those)] for name, those in sets.items()
        },
        "others_wrong": {name: sum(others_wrong(one, what) for one in those) for name, those in sets.items()},
        "pairs": {name: dict(Counter(one.pairs for one in those)) for name, those in sets.items()},
        "live_seconds_median": float(np.median([one.seconds for one in measured])) if measured else None,
        "rules_of_others_drawn": others,
        "rules_of_others_live": rates([one.others for one in measured]) if measured else None,
    }
    return lines, data


def main() -> None:
    """Draw, measure, count."""
    options = common.arguments(__doc__ or "", drawn=160, live=40, drawn_layer=200, live_layer=20)
    core = str(common.last_core())
    total_lines, total = study("total", options.drawn, options.live, core)
    layer_lines, layer = study("layer", options.drawn_layer, options.live_layer, core)
    drawn, live = total["rules_of_others_drawn"], total["rules_of_others_live"]
    assert isinstance(drawn, dict)
    rows = [
        (name, f"{1 - rate:.1%}", f"{1 - live[name]:.1%}" if isinstance(live, dict) else "–")
        for name, rate in drawn.items()
    ]
    head = (
        "difference",
        "true [95 %]",
        "comparisons",
        "found slower",
        "with a wrong status besides",
        "10 / 20 / 40 pairs",
    )
    text = "\n\n".join(
        (
            common.table(head, total_lines + layer_lines),
            "The rules of others on the difference of the total: share of comparisons in which it is missed (what they"
            " call changed where nothing is, is in [false alarms](comparison_false_alarms.md)):",
            common.table(("rule", "drawn: missed", "live: missed"), rows),
        )
    )
    data = {"total": total, "layer": layer}
    common.publish("comparison_power", "What comparing finds", text, data, options.out)


if __name__ == "__main__":
    main()

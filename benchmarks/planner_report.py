"""The planner's benchmark as text."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import common
from benchmarks.planner_networks import DIGITS, PRETRAINED
from benchmarks.planner_subjects import networks

RIVALS = ("greedy", "uniform width", "uniform rank")
WITHIN = 0.03
LEAST_SPEARMAN = 0.8
_SAME = 1e-12

Found = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """One measure of quality: what it is called, whether more of it is better, and how it is shown."""

    label: str
    sign: int
    form: str


MEASURES = {
    "accuracy": Measured("accuracy", 1, ".2%"),
    "agreement": Measured("agreement", 1, ".2%"),
    "nme": Measured("NME", -1, ".2%"),
    "iou": Measured("IoU", 1, ".3f"),
    "divergence": Measured("divergence", -1, ".4f"),
}
DECIDING = ("accuracy", "agreement", "nme", "iou")
"""Those that the goal speaks of: of a network as many as it has."""


@dataclass(frozen=True)
class Duel:
    """One rival and the planner, at the latency that the rival was measured at."""

    network: str
    rival: str
    kind: str
    share: float
    theirs: Found
    planners: Found

    def gain(self, measure: str) -> int:
        """1: the planner is better, -1: worse, 0: the same."""
        more = MEASURES[measure].sign * (self.planners[measure] - self.theirs[measure])
        return int(more > _SAME) - int(more < -_SAME)


def text(found: Found) -> str:
    """All results in Markdown; of networks that are not done what there is by now."""
    lacking = [
        f"{name} has {len(one['budgets'])} budgets" for name, one in found.items() if "spearman" not in one
    ]
    note = [f"Not complete: {', '.join(lacking)}. `python -m benchmarks.planner` goes on."] if lacking else []
    older = [name for name, one in found.items() if "offered" not in one]
    if older:
        note.append(
            f"Of {', '.join(older)} results are those of the planner before it chose among all multiples of eight, and "
            f"went the greedy way too; `python -m benchmarks.planner --only {','.join(older)}` makes them anew."
        )
    parts = [
        _goals(found),
        networks(found),
        _rivals(found),
        _promises(found),
        _spearman(found),
        _duels(found),
    ]
    return "\n\n".join([*note, *parts])


def duels(found: Found) -> Iterator[Duel]:
    """Every duel of every network."""
    for name, one in found.items():
        for entry in one["budgets"]:
            for rival in RIVALS:
                for kind, planner in entry[rival]["planner"].items() if rival in entry else ():
                    yield Duel(name, rival, kind, entry["share"], entry[rival]["rival"], planner)


def _goals(found: Found) -> str:
    first = _first_errors(found)
    ranks = [one["spearman"]["fitted"] for one in found.values() if "spearman" in one]
    better = [name for name in found if _beats_all(found, name)]
    rows = []
    if first:
        worst = max(first)
        rows.append(
            ("obtained latency within 3 % of predicted", _verdict(worst <= WITHIN), f"{worst:.2%} at most")
        )
    rows.append(
        (
            "better than greedy and uniform choices at equal measured latency, on three trained networks",
            _verdict(len(better) >= 3),
            f"in most duels with each of them on {len(better)} of {len(found)}: {', '.join(better)}",
        )
    )
    if ranks:
        rows.append(
            (
                "Spearman's correlation of predicted and true loss at least 0.8 over 50 random plans",
                _verdict(min(ranks) >= LEAST_SPEARMAN),
                f"{min(ranks):.3f} at least",
            )
        )
    return "## Goals\n\n" + common.table(("goal", "", "found"), rows)


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def _beats_all(found: Found, name: str) -> bool:
    """Whether more duels are won than lost, by the deciding measures, against each rival there is."""
    own = [one for one in duels(found) if one.network == name and one.kind == "all"]
    rivals = {one.rival for one in own}
    return bool(own) and all(sum(_decided(one) for one in own if one.rival == rival) > 0 for rival in rivals)


def _decided(duel: Duel) -> int:
    """The first deciding measure that tells them apart."""
    return next((gain for name in _deciding(duel.theirs) if (gain := duel.gain(name))), 0)


def _deciding(result: Found) -> list[str]:
    return [name for name in DECIDING if name in result]


def _promises(found: Found) -> str:
    rows, final = [], []
    for name, one in found.items():
        for entry in one["budgets"]:
            planned = entry["planned"]
            final.append(abs(planned["latency"] / planned["after"] - 1))
            rows.append(
                (
                    name,
                    f"{entry['share']:.0%}",
                    _us(planned["budget"]),
                    _us(planned["after"]),
                    _us(planned["latency"]),
                    "" if planned["first_error"] is None else common.percent(planned["first_error"]),
                    str(len(planned["rounds"])),
                    "yes" if planned["latency"] <= planned["budget"] else "no, and says so",
                )
            )
    head = ("network", "budget", "µs", "planned", "obtained", "first round off by", "rounds", "within")
    first = _first_errors(found)
    told = (
        "What the first round predicted, before a result was measured, was off by "
        f"{statistics.median(first):.2%} (median), {max(first):.2%} (most). "
        f"Plans that are written rest on a measurement of the same model, and are off by {max(final):.2%} at most."
    )
    return f"## Promises\n\n{told}\n\n{common.table(head, rows)}"


def _first_errors(found: Found) -> list[float]:
    planned = [entry["planned"] for one in found.values() for entry in one["budgets"]]
    return [abs(one["first_error"]) for one in planned if one["first_error"] is not None]


def _rivals(found: Found) -> str:
    rows = []
    for title, names in (("digits", DIGITS), *((name, (name,)) for name in PRETRAINED)):
        for rival in RIVALS:
            for kind in ("all", "prune"):
                own = [
                    one
                    for one in duels(found)
                    if one.network in names and (one.rival, one.kind) == (rival, kind)
                ]
                if own:
                    only = " (pruning only, too)" if kind == "prune" else ""
                    rows.append((title, rival + only, str(len(own)), *_wins(own)))
    head = ("networks", "against", "duels", "better/same/worse by", "by divergence", "mean difference")
    above = sum(one.planners["latency"] > one.theirs["latency"] for one in duels(found))
    return (
        "## At equal measured latency\n\nThe planner's budget is what the other way was measured at; its result, "
        f"measured too, is above that in {above} of {len(list(duels(found)))} duels.\n\n"
        + common.table(head, rows)
    )


def _wins(own: Sequence[Duel]) -> tuple[str, ...]:
    names = _deciding(own[0].theirs)
    by = ", ".join(f"{MEASURES[name].label} {_counted(own, name)}" for name in names)
    first = names[0]
    gain = statistics.mean(one.planners[first] - one.theirs[first] for one in own)
    shown = f"{gain:+.3f}" if MEASURES[first].form.endswith("f") else common.percent(gain)
    return by, _counted(own, "divergence"), f"{MEASURES[first].label} {shown}"


def _counted(own: Sequence[Duel], measure: str) -> str:
    gains = [one.gain(measure) for one in own]
    return "/".join(str(gains.count(sign)) for sign in (1, 0, -1))


def _duels(found: Found) -> str:
    parts = ["## Every duel\n\nTheirs / the planner's."]
    for names in (DIGITS, *((name,) for name in PRETRAINED)):
        own = [one for one in duels(found) if one.network in names]
        if own:
            measures = [*_deciding(own[0].theirs), "divergence"]
            head = ("network", "budget", "against", "µs", *(MEASURES[name].label for name in measures))
            parts.append(common.table(head, [_duel(one, measures) for one in own]))
    return "\n\n".join(parts)


def _duel(one: Duel, measures: Sequence[str]) -> tuple[str, ...]:
    shown = (
        f"{format(one.theirs[name], MEASURES[name].form)} / {format(one.planners[name], MEASURES[name].form)}"
        for name in measures
    )
    against = one.rival + (" (pruning only)" if one.kind == "prune" else "")
    latency = f"{_us(one.theirs['latency'])} / {_us(one.planners['latency'])}"
    return one.network, f"{one.share:.0%}", against, latency, *shown


def _spearman(found: Found) -> str:
    known = {name: one["spearman"] for name, one in found.items() if "spearman" in one}
    if not known:
        return "## Losses of random plans\n\nNot run yet."
    rows = [
        (
            name,
            str(one["plans"]),
            f"{one['fitted']:.3f}",
            f"{one['plain']:.3f}",
            f"{one['held_out']:.3f}",
            f"×÷ {one['median_ratio']:.2f}",
            f"×÷ {one['median_ratio_plain']:.2f}",
        )
        for name, one in known.items()
    ]
    head = ("network", "random plans", "fitted", "plain sums", "held-out", "median off by", "of plain sums")
    told = (
        "Spearman's correlation of the loss that is predicted (by the model fitted while planning, or by the plain sum "
        "of what each change loses alone) with the true one, and of the fitted one with that on held-out inputs."
    )
    return f"## Losses of random plans\n\n{told}\n\n{common.table(head, rows)}"


def _us(value: float) -> str:
    return f"{value / 1e3:.1f}"

"""The planner's benchmark as text and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks import common

RIVALS = ("greedy", "uniform width", "uniform rank")
WITHIN = 0.03
LEAST_SPEARMAN = 0.8


def text(found: Mapping[str, Any]) -> str:
    """All results in Markdown; of networks that are not done what there is by now."""
    lacking = [
        f"{name} has {len(one['budgets'])} budgets" for name, one in found.items() if "spearman" not in one
    ]
    note = [f"Not complete: {', '.join(lacking)}. The same command goes on."] if lacking else []
    return "\n\n".join([*note, _promises(found), _rivals(found), _duels(found), _spearman(found)])


def _promises(found: Mapping[str, Any]) -> str:
    rows, first, final = [], [], []
    for name, one in found.items():
        for entry in one["budgets"]:
            planned = entry["planned"]
            if planned["first_error"] is not None:
                first.append(abs(planned["first_error"]))
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
                    "yes" if planned["latency"] <= planned["budget"] else "no",
                )
            )
    head = ("network", "budget", "µs", "planned", "obtained", "first round off by", "rounds", "within")
    verdict = "met" if max(first) <= WITHIN else "MISSED"
    told = (
        f"Goal: obtained latency within 3 % of predicted. {verdict}: what the first round predicted, "
        f"before a result was measured, was off by {statistics.median(first):.2%} (median), {max(first):.2%} (most). "
        f"Plans that are written rest on a measurement of the same model, and are off by {max(final):.2%} at most."
    )
    return f"## Promises\n\n{told}\n\n{common.table(head, rows)}"


def _pairs(
    found: Mapping[str, Any],
) -> Iterator[tuple[str, str, str, float, Mapping[str, Any], Mapping[str, Any]]]:
    for name, one in found.items():
        for entry in one["budgets"]:
            for rival in RIVALS:
                if rival in entry:
                    for kind, planner in entry[rival]["planner"].items():
                        yield name, rival, kind, entry["share"], entry[rival]["rival"], planner


def _rivals(found: Mapping[str, Any]) -> str:
    rows = []
    for rival in RIVALS:
        for kind in ("all", "prune"):
            own = [pair for pair in _pairs(found) if pair[1] == rival and pair[2] == kind]
            if own:
                rows.append(
                    (rival, "prune + low rank" if kind == "all" else "prune only", str(len(own)), *_wins(own))
                )
    head = (
        "against",
        "planner with",
        "duels",
        "accuracy better/same/worse",
        "agreement better/same/worse",
        "divergence better/worse",
        "mean accuracy gained",
    )
    return (
        "## At equal measured latency\n\nThe planner's budget is what the other way was measured at. "
        "Accuracy and agreement with the original are those on held-out digits.\n\n"
        + common.table(head, rows)
    )


def _wins(own: list[Any]) -> tuple[str, ...]:
    def count(name: str, sign: int) -> str:
        differences = [sign * (planner[name] - rival[name]) for *_, rival, planner in own]
        better, worse = sum(d > 1e-12 for d in differences), sum(d < -1e-12 for d in differences)
        same = len(differences) - better - worse
        return f"{better}/{worse}" if name == "divergence" else f"{better}/{same}/{worse}"

    gained = statistics.mean(planner["accuracy"] - rival["accuracy"] for *_, rival, planner in own)
    return count("accuracy", 1), count("agreement", 1), count("divergence", -1), common.percent(gained)


def _duels(found: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{share:.0%}",
            rival + (" (prune only)" if kind == "prune" else ""),
            f"{_us(other['latency'])} / {_us(planner['latency'])}",
            f"{other['accuracy']:.2%} / {planner['accuracy']:.2%}",
            f"{other['agreement']:.2%} / {planner['agreement']:.2%}",
            f"{other['divergence']:.4f} / {planner['divergence']:.4f}",
        )
        for name, rival, kind, share, other, planner in _pairs(found)
    ]
    originals = ", ".join(f"{name} {one['original']['accuracy']:.2%}" for name, one in found.items())
    head = ("network", "budget", "against", "µs", "accuracy", "agreement", "divergence")
    return f"Theirs / the planner's. The originals' accuracy: {originals}.\n\n{common.table(head, rows)}"


def _spearman(found: Mapping[str, Any]) -> str:
    known = {name: one for name, one in found.items() if "spearman" in one}
    if not known:
        return "## Losses of random plans\n\nNot run yet."
    rows = [
        (
            name,
            str(one["spearman"]["plans"]),
            f"{one['spearman']['fitted']:.3f}",
            f"{one['spearman']['plain']:.3f}",
            f"{one['spearman']['held_out']:.3f}",
            f"×÷ {one['spearman']['median_ratio']:.2f}",
            f"×÷ {one['spearman']['median_ratio_plain']:.2f}",
        )
        for name, one in known.items()
    ]
    least = min(one["spearman"]["fitted"] for one in known.values())
    verdict = "met" if least >= LEAST_SPEARMAN else "MISSED"
    head = ("network", "random plans", "fitted", "plain sums", "held-out", "median off by", "of plain sums")
    told = f"Goal: Spearman's correlation of predicted and true loss at least 0.8. {verdict}: {least:.3f} at least."
    return f"## Losses of random plans\n\n{told}\n\n{common.table(head, rows)}"


def _us(value: float) -> str:
    return f"{value / 1e3:.1f}"


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Divergence on held-out digits over measured latency, a panel per network."""
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "tflprof", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.4 * len(found), 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        for number, (name, one) in enumerate(found.items()):
            axes = figure.add_subplot(1, len(found), number + 1)
            axes.set_title(name, loc="left")
            axes.set_yscale("log")
            axes.set_xlabel("µs on an emulated Pixel 2")
            if number == 0:
                axes.set_ylabel("divergence on held-out digits")
            series = {"planner": [entry["planned"] for entry in one["budgets"]]}
            series |= {rival: [e[rival]["rival"] for e in one["budgets"] if rival in e] for rival in RIVALS}
            for marker, (label, points) in zip("osv^", series.items(), strict=True):
                xs, ys = [p["latency"] / 1e3 for p in points], [max(p["divergence"], 1e-6) for p in points]
                axes.plot(xs, ys, f"{marker}-", markersize=4, linewidth=0.8, label=label)
            if number == 0:
                axes.legend(frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})

"""The planner's benchmark as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.planner_networks import PRETRAINED
from benchmarks.planner_report import RIVALS

COLUMNS = 3
_STYLES = {
    "planner": ("o", "#0b6e4f", 1.6),
    "greedy": ("s", "#c8553d", 0.9),
    "uniform width": ("v", "#6c7a89", 0.9),
    "uniform rank": ("^", "#b08ea2", 0.9),
}
_LABELS = {"planner": "planner: pruning and low rank", "greedy": "greedy pruning (NetAdapt)"}
_LEAST = 1e-5


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Divergence on held-out inputs over measured latency, a panel per network."""
    rows = -(-len(found) // COLUMNS)
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "tflprof", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.4 * min(COLUMNS, len(found)), 2.8 * rows + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        for number, (name, one) in enumerate(found.items()):
            axes = figure.add_subplot(rows, min(COLUMNS, len(found)), number + 1)
            _panel(axes, name, one)
            if number % COLUMNS == 0:
                axes.set_ylabel("divergence, held-out")
            if number // COLUMNS == rows - 1:
                axes.set_xlabel("latency, share of the original's")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(axes: Axes, name: str, one: Mapping[str, Any]) -> None:
    kind = "pre-trained" if name in PRETRAINED else "digits"
    axes.set_title(f"{name} ({kind}), {one['before'] / 1e6:.2f} ms", loc="left", fontsize=8)
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(visible=True, axis="y", linewidth=0.3, color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    for label, points in _series(one).items():
        marker, colour, width = _STYLES[label]
        xs = [point["latency"] / one["before"] for point in points]
        ys = [max(point["divergence"], _LEAST) for point in points]
        (line,) = axes.plot(xs, ys, f"{marker}-", markersize=3.5, color=colour, linewidth=width)
        line.set_label(_LABELS.get(label, label))
        line.set_zorder(3 if label == "planner" else 2)


def _series(one: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    series = {"planner": [entry["planned"] for entry in one["budgets"]]}
    series |= {rival: [each[rival]["rival"] for each in one["budgets"] if rival in each] for rival in RIVALS}
    return {
        label: sorted(points, key=lambda point: float(point["latency"])) for label, points in series.items()
    }

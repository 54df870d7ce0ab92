"""The Pareto front of a plan as a picture: what every latency would cost in quality."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tflprof import units
from tflprof.errors import UsageError
from tflprof.files import write_atomically
from tflprof.report.text import plain

FORMATS = ("png", "svg", "pdf")
_INK, _FAINT, _GRID, _LINE, _MARK = "#1f2933", "#7b8794", "#e4e7eb", "#2563ab", "#c0392b"
_LEAST = 1e-6


def check_front(path: Path) -> None:
    """Raise UsageError if the format of a picture is not known."""
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"the picture {path} must end in .svg, .png or .pdf", "such as front.svg")


def write_front(document: Mapping[str, Any], path: Path) -> None:
    """Draw the front of a plan, given as its file's document. Raises UsageError, EnvironmentFault."""
    check_front(path)
    kind = path.suffix.lower().lstrip(".")
    style: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "svg.hashsalt": "tflprof",
        "svg.fonttype": "none",
    }
    stamp: dict[str, Any] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context(style):
        figure = Figure(figsize=(7, 4.2), facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure.add_subplot(1, 1, 1), document)
        write_atomically(path, lambda part: figure.savefig(part, format=kind, dpi=150, metadata=stamp))


def _draw(axes: Axes, document: Mapping[str, Any]) -> None:
    points = document["front"]
    largest = max((point["cost"] for point in points), default=1.0)
    factor, name = units.scale_for(largest, document["unit"])
    _dress(axes, document, name)
    if not points:
        axes.text(0.5, 0.5, "nothing has to be changed", transform=axes.transAxes, ha="center", color=_FAINT)
        return
    costs = [point["cost"] / factor for point in points]
    losses = [max(point["loss"], _LEAST) for point in points]
    axes.step(costs, losses, where="pre", color=_LINE, linewidth=1.0, alpha=0.5)
    axes.plot(costs, losses, "o", color=_LINE, markersize=4, label="best found for a latency")
    budget = document["budget"]
    axes.axvline(budget["value"] / factor, color=_FAINT, linewidth=0.8, linestyle="--", label="budget")
    after = document["after"]["value"] / factor
    axes.plot([after], [max(document["loss"], _LEAST)], "D", color=_MARK, markersize=6, label="this plan")
    axes.set_yscale("symlog", linthresh=max(_LEAST, sorted(losses)[min(1, len(losses) - 1)]))
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=8, labelcolor=_INK)


def _dress(axes: Axes, document: Mapping[str, Any], name: str) -> None:
    predicted = " (predicted)" if document["provenance"] == "predicted" else ""
    axes.set_title(plain(Path(document["model"]["path"]).name), loc="left", color=_INK, fontsize=10)
    axes.set_xlabel(f"one inference on {plain(document['target'])}, {name}{predicted}", color=_INK)
    axes.set_ylabel("loss", color=_INK)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

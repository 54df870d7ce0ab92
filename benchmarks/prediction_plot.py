"""The plot of predicted against published times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.prediction_errors import Predicted

_COLOURS = {
    "kryo": "#7f7f7f",
    "cortex-a53": "#8c564b",
    "cortex-a55": "#e377c2",
    "cortex-a72": "#d62728",
    "cortex-a73": "#1f77b4",
    "cortex-a75": "#2ca02c",
    "cortex-a76": "#ff7f0e",
    "cortex-a77": "#9467bd",
}
_OTHER = "#17becf"


def plot(rows: Sequence[Predicted], path: Path) -> None:
    """Published times across, errors up, one colour per kind of core; blind ones are filled, tuned ones hollow."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots()
    known = [row for row in rows if row.ms is not None]
    axes.axhspan(-20, 20, color="#f0f0f0", zorder=0)
    axes.axhspan(-10, 10, color="#e0e0e0", zorder=0)
    axes.axhline(0, color="black", linewidth=0.8, zorder=1)
    for cpu in sorted({row.point.cpu for row in known}):
        colour = _COLOURS.get(cpu, _OTHER)
        axes.scatter([], [], color=colour, label=cpu)
        for row in known:
            if row.point.cpu == cpu:
                axes.scatter(
                    row.point.ms,
                    100 * row.relative,
                    s=42,
                    marker="o" if row.point.threads == 1 else "^" if row.point.threads == 2 else "s",
                    facecolors=colour if row.point.use == "blind" else "white",
                    edgecolors=colour,
                    zorder=3,
                )
    for marker, label in (("o", "1 thread"), ("^", "2 threads"), ("s", "4 threads")):
        axes.scatter([], [], color="black", marker=marker, label=label)
    axes.scatter([], [], facecolors="white", edgecolors="black", label="hollow: tuned")
    axes.scatter([], [], color="black", label="filled: blind")
    axes.set_xscale("log")
    axes.set_xticks(
        [5, 10, 20, 50, 100, 200, 500, 1000], labels=["5", "10", "20", "50", "100", "200", "500", "1000"]
    )
    axes.set_xlabel("published time, ms")
    axes.set_ylabel("predicted / published - 1, % (no anchor)")
    axes.set_title("Predicted against published times of XNNPACK (bands: ±10 and ±20 %)")
    axes.grid(axis="y", color="white")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=110)

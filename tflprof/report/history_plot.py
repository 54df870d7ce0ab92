"""The course of a history as a picture: every series over time, with intervals, levels and steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tflprof import units
from tflprof.analysis.history.series import Point, Series
from tflprof.errors import UsageError
from tflprof.files import write_atomically
from tflprof.report.history_table import describe_series, format_change
from tflprof.report.text import plain, shorten

FORMATS = ("png", "svg", "pdf")
MOST_SERIES = 12
"""More would be a picture of nothing."""

_INK, _FAINT, _GRID = "#1f2933", "#7b8794", "#e4e7eb"
_LINE, _SLOWER, _FASTER = "#2563ab", "#c0392b", "#1e8449"
_VERDICTS = {"ok": ("o", _LINE), "doubtful": ("o", "#d98e04"), "tainted": ("x", _SLOWER)}
_FEW = 60
"""So many points have bars for their intervals; more have a band."""
_LEAST_RANGE = 0.02
_BAND = "95 % interval"


def check_plot(series_count: int, path: Path) -> None:
    """Raise UsageError if there are too many series for one picture, or its format is not known."""
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UsageError(f"the plot {path} must end in .png, .svg or .pdf")
    if series_count > MOST_SERIES:
        raise UsageError(
            f"{series_count} series are too many for one plot; {MOST_SERIES} fit",
            "choose with --model or --target",
        )


def write_plot(series: Sequence[Series], path: Path) -> None:
    """Draw all series, one below the other. Raises UsageError (see :func:`check_plot`), EnvironmentFault."""
    check_plot(len(series), path)
    kind = path.suffix.lower().lstrip(".")
    # The same picture for the same history, byte by byte; text in an SVG stays text.
    style: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "svg.hashsalt": "tflprof",
        "svg.fonttype": "none",
    }
    stamp: dict[str, Any] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context(style):
        figure = _draw(series)
        write_atomically(path, lambda part: figure.savefig(part, format=kind, dpi=150, metadata=stamp))


def _draw(series: Sequence[Series]) -> Figure:
    figure = Figure(figsize=(10, 1.0 + 3.2 * len(series)), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for number, one in enumerate(series):
        _draw_series(figure.add_subplot(len(series), 1, number + 1), one)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.12, h_pad=0.1, hspace=0.04)  # type: ignore[call-arg]
    return figure


def _draw_series(axes: Axes, series: Series) -> None:
    known = [point for point in series.points if point.value is not None]
    largest = max((point.value for point in known if point.value is not None), default=1.0)
    factor, name = units.scale_for(largest, series.unit)
    _dress(axes, series, name)
    if not known:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color=_FAINT)
        return
    places = _places(axes, known)
    values = [(point.value or 0.0) / factor for point in known]
    _draw_intervals(axes, known, places, factor)
    axes.plot(places, values, color=_LINE, linewidth=0.8, alpha=0.45, zorder=2)
    for verdict, (marker, color) in _VERDICTS.items():
        chosen = [i for i, point in enumerate(known) if point.verdict == verdict]
        if chosen:
            axes.plot(
                [places[i] for i in chosen],
                [values[i] for i in chosen],
                marker,
                color=color,
                markersize=5 if len(known) <= _FEW else 3,
                label=verdict,
                zorder=4,
            )
    _set_range(axes, known, values, factor)
    _draw_levels(axes, series, known, places, factor)
    _draw_marks(axes, known, places)
    # Above the picture, where it hides nothing.
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.01, 0.99),
        frameon=False,
        fontsize=8,
        ncols=4,
        labelcolor=_FAINT,
        handletextpad=0.3,
        columnspacing=1.0,
    )


def _set_range(axes: Axes, points: Sequence[Point], values: Sequence[float], factor: float) -> None:
    """All values and most of their intervals, and room above for what is written beside the steps."""
    ends = [end / factor for point in points for end in (point.lo, point.hi) if end is not None]
    low, high = min(values), max(values)
    if ends:
        inner, outer = np.quantile(ends, [0.05, 0.95])
        low, high = min(low, float(inner)), max(high, float(outer))
    spare = max((high - low) * 0.12, _LEAST_RANGE * high / 2)
    axes.set_ylim(low - 1.5 * spare, high + 2.5 * spare)


def _dress(axes: Axes, series: Series, unit: str) -> None:
    title = shorten(describe_series(series), 84)
    axes.set_title(title, loc="left", fontsize=10, color=_INK, fontweight="bold", parse_math=False)
    axes.set_ylabel(plain(f"{unit}, {series.provenance}"), color=_FAINT, parse_math=False)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_FAINT, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)


def _places(axes: Axes, points: Sequence[Point]) -> list[float]:
    """Where the points stand: by date, or one after the other if all have one date."""
    dates = [float(date2num(point.created)) for point in points]  # type: ignore[no-untyped-call]
    if dates[0] == dates[-1]:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return [float(number) for number in range(1, len(points) + 1)]
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    return dates


def _draw_intervals(axes: Axes, points: Sequence[Point], places: Sequence[float], factor: float) -> None:
    bounds = [
        (place, point.lo / factor, point.hi / factor)
        for place, point in zip(places, points, strict=True)
        if point.lo is not None and point.hi is not None and point.hi > point.lo
    ]
    if not bounds:
        return
    at, lows, highs = (list(column) for column in zip(*bounds, strict=True))
    if len(points) > _FEW:
        axes.fill_between(at, lows, highs, color=_LINE, alpha=0.15, linewidth=0, zorder=1, label=_BAND)
    else:
        axes.vlines(at, lows, highs, color=_LINE, alpha=0.35, linewidth=3, zorder=1, label=_BAND)


def _draw_levels(
    axes: Axes, series: Series, points: Sequence[Point], places: Sequence[float], factor: float
) -> None:
    """Each level as a line, each step as an upright between the last and the first profile."""
    where = {point.path: place for point, place in zip(points, places, strict=True)}
    start = places[0]
    for number, step in enumerate(series.steps):
        at = (where[step.last.path] + where[step.first.path]) / 2
        color = _SLOWER if step.slower else _FASTER
        axes.hlines(step.before / factor, start, at, color=_INK, linewidth=1.4, zorder=3)
        axes.axvline(at, color=color, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3)
        label = (
            f" {format_change(step.change, series.deterministic)} since {shorten(plain(step.first.path), 34)}"
        )
        right = at > (places[0] + places[-1]) / 2
        axes.annotate(
            label if not right else f"{label.strip()} ",
            (at, 0.98 - 0.09 * (number % 3)),
            xycoords=("data", "axes fraction"),
            ha="right" if right else "left",
            va="top",
            color=color,
            fontsize=8.5,
            parse_math=False,
        )
        start = at
    if series.steps:
        axes.hlines(series.steps[-1].after / factor, start, places[-1], color=_INK, linewidth=1.4, zorder=3)


def _draw_marks(axes: Axes, points: Sequence[Point], places: Sequence[float]) -> None:
    """What changed beside the cost, at the foot; only the latest few where there are many."""
    marked = [(place, point.marks) for place, point in zip(places, points, strict=True) if point.marks]
    for place, names in marked:
        axes.axvline(place, color=_FAINT, linewidth=0.7, linestyle=":", zorder=1)
        if len(marked) <= 6:
            right = place > (places[0] + places[-1]) / 2
            axes.annotate(
                f" {plain(', '.join(names))} ",
                (place, 0.02),
                xycoords=("data", "axes fraction"),
                ha="right" if right else "left",
                color=_FAINT,
                fontsize=7.5,
                zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
                parse_math=False,
            )

"""A history in the terminal: every series with its steps, trend and latest profiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.analysis.history.search import CONFIRM
from tflprof.analysis.history.series import Point, Series, Step
from tflprof.analysis.history.steps import MIN_POINTS
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain

ROWS = 20
"""Profiles of a series, and steps of an overview, that are shown unless all are asked for."""
DETAILED = 3
"""More series than this are shown in one line each."""

_BARS = "▁▂▃▄▅▆▇█"
_TREND_WIDTH = 40
_LEAST_RANGE = 0.04
"""A trend's scale spans at least so much, relative: noise shall not look like mountains."""
_VERDICT_STYLE = {"ok": "", "doubtful": "yellow", "tainted": "red"}


def print_history(series: Sequence[Series], console: Console, *, show_all: bool = False) -> None:
    """Print the series: each with its latest profiles, or many of them in one line each."""
    if len(series) > DETAILED and not show_all:
        _print_overview(series, console)
        return
    for number, one in enumerate(series):
        if number:
            console.print()
        _print_series(one, console, show_all)


def trend(points: Sequence[Point], width: int = _TREND_WIDTH) -> str:
    """The course of the values as a line of bars; medians where there are more points than characters."""
    values = np.array([point.value for point in points if point.value is not None and point.value > 0])
    if not len(values):
        return ""
    groups = np.array_split(np.log(values), min(width, len(values)))
    levels = np.array([np.median(group) for group in groups])
    middle = (levels.max() + levels.min()) / 2
    reach = max(float(levels.max() - levels.min()), float(np.log1p(_LEAST_RANGE)))
    bars = np.clip(np.round((levels - middle) / reach * 7 + 3.5), 0, 7).astype(int)
    return "".join(_BARS[bar] for bar in bars)


def format_change(change: float | None, exact: bool) -> str:
    """A relative change with its sign; exact counts with one more decimal."""
    if not units.known(change):
        return units.UNKNOWN
    text = f"{100 * change:+.{2 if exact else 1}f}"
    return f"{'0' if float(text) == 0 else text.replace('-', '−')} %"


def describe_step(step: Step, series: Series) -> str:
    """A step in a sentence that names the first profile of the new level."""
    exact, unit = series.deterministic, series.unit
    size = format_change(step.change, exact)
    if not exact and step.lo is not None and step.hi is not None:
        size += f" (99 %: {format_change(step.lo, exact)} … {format_change(step.hi, exact)})"
    levels = units.format_step(step.before, step.after, unit)
    levels += f" {unit}" if unit != "ns" else ""
    levels = levels if exact else f"means {levels}"
    text = (
        f"{'slower' if step.slower else 'faster'} by {size}, {levels}, "
        f"since {plain(step.first.path)} of {format_date(step.first)}; the last before it is {plain(step.last.path)}"
    )
    return f"{text}; with it: {plain(', '.join(step.marks))}" if step.marks else text


def describe_series(series: Series) -> str:
    """Model, target and conditions in one line."""
    what = f", layer {series.layer}" if series.layer is not None else ""
    parts = (f"{series.model}{what}", series.target, series.conditions)
    return plain(" · ".join(part for part in parts if part))


def describe_search(series: Series) -> str | None:
    """What must be known of the search for steps where it found nothing, or may have missed something."""
    parts = []
    if not series.conclusive:
        least = 2 if series.deterministic else MIN_POINTS
        parts.append(f"too few profiles to tell steps: {least} are needed")
    left_out = sum(not point.counts for point in series.points)
    if left_out:
        parts.append(f"{left_out} tainted, unsettled or without a value, not searched for steps")
    if series.suspects:
        names = ", ".join(plain(point.path) for point in series.suspects)
        parts.append(f"off the level, but {CONFIRM} are needed to tell a step from an outlier: {names}")
    return "; ".join(parts) or None


def format_date(point: Point) -> str:
    """Date and time of a profile, UTC, to the minute."""
    return f"{point.created:%Y-%m-%d %H:%M}"


def _print_series(series: Series, console: Console, show_all: bool) -> None:
    points = series.points
    console.print(Text.assemble((describe_series(series), "bold"), (f"  [{series.provenance}]", "cyan")))
    span = f"{points[0].created:%Y-%m-%d} … {points[-1].created:%Y-%m-%d}"
    count = f"{len(points)} profile" + ("" if len(points) == 1 else "s")
    console.print(Text(f"{count}, {span}  {trend(points)}"))
    for step in series.steps:
        style = "red" if step.slower else "green"
        console.print(Text.assemble(("step  ", f"bold {style}"), describe_step(step, series)))
    if not series.steps and series.conclusive:
        console.print(Text("no step", style="dim"))
    if said := describe_search(series):
        console.print(Text(said, style="yellow"))
    shown = points if show_all else points[-ROWS:]
    console.print()
    if len(shown) < len(points):
        console.print(Text(f"… {len(points) - len(shown)} earlier (--all shows them)", style="dim"))
    _grid(series, shown).print(console)


def _grid(series: Series, points: Sequence[Point]) -> Grid:
    unit, exact = series.unit, series.deterministic
    firsts = {step.first.path: step for step in series.steps}
    return Grid(
        [
            Column("date (UTC)", [format_date(point) for point in points], 90, False),
            Column("profile", [plain(point.path) for point in points], 85, False, 16),
            Column(
                units.value_name(unit, series.provenance),
                [units.format_value(point.value, unit) for point in points],
                100,
            ),
            Column(
                "±",
                [units.format_spread(point.value, point.lo, point.hi) for point in points],
                70,
                style="dim",
            ),
            Column("change", [format_change(point.change, exact) for point in points], 80),
            Column("trust", [_trust(point) for point in points], 75, False),
            Column("", [_remark(point, firsts.get(point.path)) for point in points], 60, False, 10),
        ]
    )


def _trust(point: Point) -> Text:
    return Text(plain(point.verdict), style=_VERDICT_STYLE.get(point.verdict, ""))


def _remark(point: Point, step: Step | None) -> Text:
    parts = ["step"] if step is not None else []
    parts += [plain(mark) for mark in point.marks]
    return Text(", ".join(parts), style="" if step is None else "red" if step.slower else "green")


def _print_overview(series: Sequence[Series], console: Console) -> None:
    lasts = [one.points[-1] for one in series]
    Grid(
        [
            Column("model", [_subject(one) for one in series], 100, False, 12),
            Column("target", [plain(one.target) for one in series], 95, False, 8),
            Column("conditions", [plain(one.conditions) for one in series], 30, False, 16, "dim"),
            Column("profiles", [str(len(one.points)) for one in series], 50),
            Column("last (UTC)", [format_date(point) for point in lasts], 60, False),
            Column("numbers", [one.provenance for one in series], 93, False),
            Column("total" if series[0].layer is None else "layer", [_value(one) for one in series], 92),
            Column("±", [units.format_spread(p.value, p.lo, p.hi) for p in lasts], 40, style="dim"),
            Column("change", [format_change(one.points[-1].change, one.deterministic) for one in series], 55),
            Column("trust", [_trust(point) for point in lasts], 88, False),
            Column("steps", [_count(one) for one in series], 90),
            Column("trend", [trend(one.points, 20) for one in series], 70, False),
        ]
    ).print(console)
    steps = sorted(
        ((step, one) for one in series for step in one.steps), key=lambda pair: pair[0].first.created
    )
    console.print()
    if len(steps) > ROWS:
        console.print(Text(f"… {len(steps) - ROWS} earlier steps (--all or --json shows them)", style="dim"))
    for step, one in steps[-ROWS:]:
        style = "bold red" if step.slower else "bold green"
        console.print(
            Text.assemble(
                ("step  ", style), f"{_subject(one)} on {plain(one.target)}: ", describe_step(step, one)
            )
        )
    for one in series:
        if one.suspects:
            console.print(
                Text(f"{_subject(one)} on {plain(one.target)}: {describe_search(one)}", style="yellow")
            )


def _subject(series: Series) -> str:
    return plain(series.model if series.layer is None else f"{series.model}, layer {series.layer}")


def _value(series: Series) -> str:
    text = units.format_value(series.points[-1].value, series.unit)
    return text if series.unit == "ns" else f"{text} {series.unit}"


def _count(series: Series) -> str:
    return str(len(series.steps)) if series.conclusive else units.UNKNOWN

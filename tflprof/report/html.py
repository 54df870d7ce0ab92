"""A profile as one HTML page: no other file, no network, nothing in it that a name could run."""

from __future__ import annotations

import os
from pathlib import Path

from tflprof import units
from tflprof.profile.profile import Profile
from tflprof.report.conditions import describe_conditions
from tflprof.report.describe import (
    describe_counts,
    describe_prediction,
    describe_run,
    describe_spread,
    describe_state,
    describe_total,
    describe_work,
    side_estimates,
)
from tflprof.report.endurance import describe_counters, describe_endurance
from tflprof.report.page import render_template, write_text
from tflprof.report.page_data import op_colours, page_data
from tflprof.report.view import LayerRow, View, make_view

_STYLES = ("base.css", "charts.css", "table.css")
_SCRIPTS = (
    "tip.js",
    "draw.js",
    "order.js",
    "spread.js",
    "roofline.js",
    "session.js",
    "endurance.js",
    "table.js",
    "start.js",
)


def write_page(profile: Profile, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the page of a profile. Raises UsageError if it exists, EnvironmentFault if it cannot be written."""
    return write_text(render_page(profile), path, overwrite=overwrite)


def render_page(profile: Profile) -> str:
    """The page of a profile as text."""
    view = make_view(profile)
    return render_template(
        "page.html.j2",
        styles=_STYLES,
        scripts=_SCRIPTS,
        data=page_data(view),
        title=profile.meta.model.name,
        generator=profile.meta.tool_version,
        view=view,
        profile=profile,
        meta=profile.meta,
        summary=profile.summary,
        note_text=_note_text,
        colours=op_colours(view),
        widest_op=max((op.share or 0.0 for op in view.ops), default=0.0),
        widest_layer=max((row.layer.share or 0.0 for row in view.rows), default=0.0),
        figures=_figures(view),
        conditions=describe_conditions(profile.meta),
        counts=describe_counts(view),
        run=describe_run(profile.meta),
        spread=describe_spread(profile),
        total_detail=describe_total(profile),
        state=describe_state(profile.meta),
        prediction=describe_prediction(profile.meta),
        value_name=units.value_name(profile.meta.unit, profile.meta.provenance),
        endurance=describe_endurance(profile),
        counters=describe_counters(profile),
    )


def _figures(view: View) -> list[tuple[str, str, str]]:
    """Label, value and remark of the numbers beside the total."""
    summary, unit = view.profile.summary, view.profile.meta.unit
    figures = [
        (
            "unattributed",
            units.format_value(summary.unattributed.typical, unit),
            _remark(summary.unattributed_share, "of the total"),
        ),
        (
            "profiling adds",
            units.format_value(summary.overhead, unit),
            _remark(summary.overhead_share, "on top of the total"),
        ),
        (
            "work",
            describe_work(view.work),
            f"{units.digits(view.rate)} {units.rate_name(unit)}",
        ),
    ]
    for name, estimate in side_estimates(view):
        if estimate.n:
            figures.append((name, units.format_value(estimate.typical, unit), _processes(estimate.n)))
    if summary.peak_memory_bytes is not None:
        figures.append(
            ("peak memory", units.format_bytes(summary.peak_memory_bytes), "resident, before profiling")
        )
    return figures


def _processes(count: int) -> str:
    return f"{count} process" + ("" if count == 1 else "es")


def _remark(share: float | None, rest: str) -> str:
    return f"{units.format_share(share)} {rest}" if units.known(share) else "not measured"


def _note_text(row: LayerRow) -> str:
    if row.counted_in:
        return f"counted in {row.counted_in}"
    if row.layer.note == "static":
        return "nothing to run"
    if len(row.members) > 1:
        return f"{row.layer.kernel}, with {', '.join(row.members[1:])}"
    return row.layer.kernel or units.UNKNOWN

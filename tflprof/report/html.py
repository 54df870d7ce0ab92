"""A profile as one HTML page: no other file, no network, nothing in it that a name could run."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tflprof import units
from tflprof.files import check_writable, write_atomically
from tflprof.profile.profile import Profile
from tflprof.report.conditions import describe_conditions
from tflprof.report.describe import (
    at_least,
    describe_counts,
    describe_run,
    describe_spread,
    describe_state,
    describe_total,
    describe_work,
    side_estimates,
)
from tflprof.report.endurance import describe_counters, describe_endurance
from tflprof.report.page_data import embed, op_colours, page_data
from tflprof.report.text import plain
from tflprof.report.view import LayerRow, View, make_view

_STYLES = ("base.css", "charts.css", "table.css")
_SCRIPTS = (
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
    target = Path(path)
    check_writable(target, overwrite=overwrite)
    page = render_page(profile).encode()
    write_atomically(target, lambda part: part.write_bytes(page))
    return target


def render_page(profile: Profile) -> str:
    """The page of a profile as text."""
    view = make_view(profile)
    style = "\n".join(_template_text(name) for name in _STYLES)
    script = f"(() => {{\n'use strict';\n{chr(10).join(_template_text(name) for name in _SCRIPTS)}\n}})();"
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            view=view,
            profile=profile,
            meta=profile.meta,
            summary=profile.summary,
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
            endurance=describe_endurance(profile),
            counters=describe_counters(profile),
            policy=_policy(style, script),
            # Ours, not the profile's: files of the package, and JSON without a "<".
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=Markup(embed(page_data(view))),  # noqa: S704
        )
    )


def _policy(style: str, script: str) -> str:
    """A content security policy that allows exactly this style and this script."""
    rules = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {_hash(script)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


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


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tflprof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(units=units, note_text=_note_text, raw=_raw, bar=_bar, at_least=at_least)
    return environment


def _finalize(value: Any) -> Any:
    """Unknown is an en dash; control characters never reach the page."""
    if value is None:
        return units.UNKNOWN
    return value if isinstance(value, Markup) else plain(value)


def _note_text(row: LayerRow) -> str:
    if row.counted_in:
        return f"counted in {row.counted_in}"
    if row.layer.note == "static":
        return "nothing to run"
    if len(row.members) > 1:
        return f"{row.layer.kernel}, with {', '.join(row.members[1:])}"
    return row.layer.kernel or units.UNKNOWN


def _raw(value: float | None) -> str:
    """A number for sorting by a script; empty if unknown."""
    return repr(float(value)) if units.known(value) else ""


def _bar(share: float | None, widest: float) -> str:
    """Width of a bar in percent of the widest."""
    part = min(max(share or 0.0, 0.0) / widest, 1.0) if widest > 0 else 0.0
    return f"{100 * part:.2f}%"


def _template_text(name: str) -> str:
    return (files("tflprof.report") / "templates" / name).read_text(encoding="utf-8")

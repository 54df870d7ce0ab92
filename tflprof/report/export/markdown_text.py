"""A profile as a Markdown table for pull requests, issues and chats."""

from __future__ import annotations

from tflprof import units
from tflprof.profile.profile import Profile
from tflprof.report.describe import (
    describe_prediction,
    describe_run,
    describe_spread,
    describe_state,
    describe_total,
)
from tflprof.report.markdown import code, escaped, table
from tflprof.report.text import shorten
from tflprof.report.view import LayerRow, View, make_view

DEFAULT_TOP = 15
_NAME_WIDTH = 60


def profile_markdown(profile: Profile, top: int | None = None) -> str:
    """The total with its interval, what was found against the profile, and the most expensive layers.

    Args:
        profile: what to show.
        top: number of layers; None: :data:`DEFAULT_TOP`.
    """
    view = make_view(profile)
    lines = [
        f"**{code(profile.meta.model.name)}: {_total(view)}**, {escaped(view.provenance)}",
        "",
        *([f"{escaped(prediction)}  "] if (prediction := describe_prediction(profile.meta)) else []),
        f"{escaped(describe_total(profile))}  ",
        f"{escaped(describe_run(profile.meta))}  ",
        f"Trust: {escaped(describe_state(profile.meta))}",
        *[
            f"- {escaped(finding.severity)}, {escaped(finding.code)}: {escaped(finding.message)}"
            for finding in profile.meta.findings
        ],
        "",
        *_layers(view, DEFAULT_TOP if top is None else top),
        "",
        f"<sub>tflprof {escaped(profile.meta.tool_version)}, {escaped(profile.meta.created)}</sub>",
    ]
    return "\n".join(lines) + "\n"


def _total(view: View) -> str:
    total = view.profile.summary.total
    unit = view.profile.meta.unit
    return escaped(
        f"{units.format_value(total.typical, unit)} {describe_spread(view.profile)}"
        if unit == "ns"
        else f"{units.format_value(total.typical, unit)} {unit}, {describe_spread(view.profile)}"
    )


def _layers(view: View, top: int) -> list[str]:
    unit = view.profile.meta.unit
    shown = view.ranked[:top]
    rest = view.ranked[top:]
    rows = [_row(row, view) for row in shown]
    if rest:
        typical = sum(row.layer.estimate.typical or 0.0 for row in rest)
        share = sum(row.layer.share or 0.0 for row in rest)
        counts = sum(row.instructions or 0.0 for row in rest)
        rows.append(_remainder(f"{len(rest)} more", typical, share, counts, view))
    summary = view.profile.summary
    if summary.unattributed.typical is not None:
        gap, left = (
            summary.unattributed.typical,
            None if view.counts is None else view.counts.unattributed.typical,
        )
        rows.append(_remainder("unattributed", gap, summary.unattributed_share, left, view))
    if not rows:
        return ["No layer has a value of its own."]
    value = units.value_name(unit, view.profile.meta.provenance)
    counted = [] if view.counts is None else ["instructions"]
    header = ["", "layer", "operator", "name", value, *counted, "±", "share"]
    return table(header, [True, False, False, False, *[True] * (len(header) - 4)], rows)


def _row(row: LayerRow, view: View) -> list[str]:
    layer, estimate = row.layer, row.layer.estimate
    unit = view.profile.meta.unit
    ids = row.members[0] if len(row.members) == 1 else f"{row.members[0]} + {len(row.members) - 1}"
    return [
        str(row.rank),
        code(ids),
        code(row.op),
        code(shorten(layer.info.name, _NAME_WIDTH)),
        escaped(units.format_value(estimate.typical, unit)),
        *_count(row.instructions, view),
        escaped(units.format_spread(estimate.typical, estimate.lo, estimate.hi)),
        escaped(units.format_share(layer.share)),
    ]


def _count(count: float | None, view: View) -> list[str]:
    """A cell of the column of instructions, if there is one."""
    return [] if view.counts is None else [escaped(units.format_count(count))]


def _remainder(what: str, typical: float, share: float | None, count: float | None, view: View) -> list[str]:
    return [
        *("", what, "", ""),
        escaped(units.format_value(typical, view.profile.meta.unit)),
        *_count(count, view),
        "",
        escaped(units.format_share(share)),
    ]

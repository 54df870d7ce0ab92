"""What the charts of the HTML page need: quantiles instead of samples, and text for every number shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tflprof import units
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences
from tflprof.profile.summary import row_samples
from tflprof.profile.sustain import seconds_since_first
from tflprof.report.endurance import endurance_points
from tflprof.report.plain_json import without_nan
from tflprof.report.text import plain
from tflprof.report.view import LayerRow, View

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_COLOURS = 6
_MAX_POINTS = 1200


def page_data(view: View) -> dict[str, Any]:
    """Everything the page's scripts draw, JSON-ready; unknown is null."""
    meta = view.profile.meta
    quantiles = layer_quantiles(view.profile)
    colours = op_colours(view)
    data = {
        "unit": meta.unit,
        "unitName": units.value_name(meta.unit, meta.provenance),
        "rateName": units.rate_name(meta.unit),
        "provenance": plain(view.provenance),
        "layers": [_layer(row, view, quantiles, colours) for row in view.executed],
        "session": [] if view.exact else session_points(view.profile),
        "endurance": endurance_points(view.profile),
    }
    cleaned: dict[str, Any] = without_nan(data)
    return cleaned


def embed(data: Any) -> str:
    """JSON that is safe between ``<script>`` tags: nothing in it can end the element or the line."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def op_colours(view: View) -> dict[str, int]:
    """A colour number for each operator type: its place by cost; all beyond the sixth share the last one."""
    return {op.op: min(place, _COLOURS) for place, op in enumerate(view.ops)}


def layer_quantiles(profile: Profile) -> dict[str, list[float]]:
    """:data:`QUANTILES` of the cost of every measured row, by the id of its first layer."""
    rows = row_samples(profile.meta, profile.table)
    if not len(rows):
        return {}
    quantiles = np.quantile(rows, QUANTILES, axis=0)
    return {
        row.layers[0]: [float(value) for value in quantiles[:, i]]
        for i, row in enumerate(profile.meta.alignment.rows)
        if row.note != "static"
    }


def session_points(profile: Profile) -> list[tuple[float, float, int]]:
    """Median of every block of the total: seconds since the first block, value, process."""
    found = select_inferences(profile.table, "plain", profile.meta.unit)
    if not len(found.values):
        return []
    # Inferences of a block are neighbours.
    starts = np.flatnonzero(np.diff(found.process, prepend=-1) | np.diff(found.block, prepend=-1))
    seconds = seconds_since_first(found.t[starts].astype(np.float64), found.process[starts])
    points = [
        (round(float(since), 3), float(np.median(values)), int(process))
        for since, values, process in zip(
            seconds, np.split(found.values, starts[1:]), found.process[starts], strict=True
        )
    ]
    step = max(1, -(-len(points) // _MAX_POINTS))
    return points[::step]


def _layer(
    row: LayerRow, view: View, quantiles: Mapping[str, list[float]], colours: Mapping[str, int]
) -> dict[str, Any]:
    info, estimate, unit = row.layer.info, row.layer.estimate, view.profile.meta.unit
    intensity = row.macs / row.bytes if row.macs and row.bytes else None
    return {
        "id": plain(info.id),
        "index": info.index,
        "name": plain(info.name),
        "op": plain(row.op),
        "kernel": None if row.layer.kernel is None else plain(row.layer.kernel),
        "colour": colours.get(row.op, _COLOURS),
        "members": [plain(member) for member in row.members],
        "countedIn": row.counted_in,
        "rank": row.rank,
        "value": estimate.typical if row.rank else None,
        "lo": estimate.lo,
        "hi": estimate.hi,
        "share": row.layer.share,
        "quantiles": quantiles.get(info.id) if row.rank else None,
        "intensity": intensity,
        "rate": row.rate,
        "bytesRate": row.bytes / estimate.typical if row.rate and row.bytes and estimate.typical else None,
        "text": {
            "value": units.format_value(estimate.typical, unit),
            "interval": units.format_interval(estimate.lo, estimate.hi, unit),
            "share": units.format_share(row.layer.share),
            "macs": units.format_count(row.macs),
            "instructions": "" if view.counts is None else units.format_count(row.instructions),
            "rate": units.digits(row.rate),
        },
    }

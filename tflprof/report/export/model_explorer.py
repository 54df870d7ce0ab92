"""Latencies for google-ai-edge/model-explorer: node data that it lays over the graph of the same model.

Its TFLite adapter names a graph after its subgraph, and numbers an operator's node by its place in the subgraph.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tflprof import units
from tflprof.errors import UsageError
from tflprof.model.graph import Model
from tflprof.profile.meta import LayerInfo, ModelInfo
from tflprof.profile.profile import Profile
from tflprof.report.text import plain
from tflprof.report.view import LayerRow, make_view

_RAMP = (
    (0.005, "#fff5f0"),
    (0.01, "#fee0d2"),
    (0.02, "#fcbba1"),
    (0.05, "#fc9272"),
    (0.10, "#fb6a4a"),
    (0.20, "#de2d26"),
    (1.00, "#a50f15"),
)
"""Colours by share of the total, up to and including: the same in every graph of a model."""

_MARKED = "#e0e0e0"
"""Colour of nodes whose cost is counted at another, and of those that run nothing."""


def model_explorer(profile: Profile, model: Model | None = None) -> str:
    """Node data as JSON text: a set per graph that has layers with a cost.

    Values are what a layer takes in one inference: microseconds for ns, else the profile's unit; of a group the first
    layer has it, the others and layers that run nothing are marked with a text.

    Args:
        profile: of any kind.
        model: the profiled model, for a profile that does not have the names of its subgraphs.

    Raises:
        UsageError: the layers are rows of a log, not of a model; there is no cost of a layer; the model is another one;
            or the names of the subgraphs are needed and not known.
    """
    info = profile.meta.model
    rows: dict[int, list[LayerRow]] = {}
    for row in make_view(profile).rows:
        rows.setdefault(_subgraph(row.layer.info), []).append(row)
    if info.fingerprint is None:
        raise UsageError(
            "model-explorer needs the layers of a model, and this profile has the rows of a log",
            "import the log with --model FILE, then export again",
        )
    with_cost = {number: own for number, own in rows.items() if any(row.rank for row in own)}
    if not with_cost:
        raise UsageError(
            "model-explorer needs costs of layers, and this profile has none", "measure it again"
        )
    data = {number: _graph_data(profile, own) for number, own in with_cost.items()}
    names = _subgraph_names(info, model)
    if names is None:
        if set(rows) == {0}:
            # Data without a graph's name is laid over the graph that is shown.
            return _text(data[0])
        raise UsageError(
            "this profile does not have the names of its model's subgraphs, which model-explorer goes by",
            f"name the model: --model {info.path}",
        )
    ids = graph_ids(names)
    return _text({ids[number]: own for number, own in data.items()})


def graph_ids(names: Sequence[str]) -> tuple[str, ...]:
    """What Model Explorer calls the graphs of subgraphs with these names: numbered where they repeat."""
    seen: Counter[str] = Counter()
    found = []
    for number, name in enumerate(names):
        own = name or ("main" if number == 0 else f"subgraph_{number}")
        seen[own] += 1
        found.append(own if seen[own] == 1 else f"{own} ({seen[own]})")
    return tuple(found)


def _subgraph_names(info: ModelInfo, model: Model | None) -> tuple[str, ...] | None:
    if model is None:
        return info.subgraphs or None
    if model.sha256 != info.sha256:
        raise UsageError(
            f"{model.path} is not the model of this profile: its SHA-256 is {model.sha256}, not {info.sha256}",
            "name the file that was profiled",
        )
    return model.subgraph_names


def _graph_data(profile: Profile, rows: Sequence[LayerRow]) -> dict[str, Any]:
    keys = _keys([row.layer.info for row in rows])
    results = {keys[row.layer.info.id]: _result(profile, row) for row in rows}
    return {
        "name": _title(profile),
        "results": {key: result for key, result in results.items() if result is not None},
        "thresholds": _thresholds(profile),
    }


def _title(profile: Profile) -> str:
    """What the numbers are: quantity, unit and provenance."""
    meta = profile.meta
    unit = "µs" if meta.unit == "ns" else meta.unit
    state = "" if meta.verdict == "ok" else f", {plain(meta.verdict)}"
    return plain(f"{unit} per inference ({make_view(profile).provenance}{state})")


def _result(profile: Profile, row: LayerRow) -> dict[str, Any] | None:
    """A layer's value; a text for what has none of its own; None for what did not run."""
    value = row.layer.estimate.typical
    if units.known(value):
        return {"value": _scaled(value, profile.meta.unit)}
    if row.counted_in is not None:
        return {"value": f"in {row.counted_in}", "bgColor": _MARKED}
    return {"value": "nothing to run", "bgColor": _MARKED} if row.layer.note == "static" else None


def _thresholds(profile: Profile) -> list[dict[str, Any]]:
    """The colours as bounds of values."""
    total = profile.summary.total.typical
    most = max((row.estimate.typical or 0.0 for row in profile.summary.layers), default=0.0)
    whole = max(total or 0.0, most)
    return [
        {"value": _scaled(share * whole, profile.meta.unit), "bgColor": colour} for share, colour in _RAMP
    ]


def _scaled(value: float, unit: str) -> float:
    # Shown as it is: more digits than a nanosecond, or than a count, would say nothing.
    return round(value / 1000, 3) if unit == "ns" else round(value, 1)


def _keys(layers: Sequence[LayerInfo]) -> Mapping[str, str]:
    """The key of each layer by its id: its node's, or an output's name if some tensor has the node's as its name."""
    tensors = {name for layer in layers for name in (*layer.inputs, *layer.outputs, layer.name)}
    found = {}
    for layer in layers:
        node = layer.id.partition("/")[2]
        found[layer.id] = layer.name if node in tensors and layer.name else node
    return found


def _subgraph(layer: LayerInfo) -> int:
    number = layer.id.partition("/")[0]
    return int(number) if number.isdecimal() else 0


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"

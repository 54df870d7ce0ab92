"""From errors against published times to what predictions state (``tflprof/targets/prediction_error.toml``).

The logarithm of predicted over published time is taken to be an error of the phone, the same for all its models,
plus one of the models of an element type on it, plus one of the model. Phones are few, so the intervals use
Student's quantile for as many independent observations as there are phones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, variance
from typing import Any

from benchmarks.prediction_errors import Predicted, speedups
from tflprof.files import write_atomically

FILE = Path(__file__).resolve().parent.parent / "tflprof" / "targets" / "prediction_error.toml"
LEVEL = 0.95
UNSEEN = 1.5
"""Assumed: factor on standard deviations where no published time of a core, or of a family of kernels, is known."""
WITHOUT_CACHES = 2.0
"""Assumed where it was not tried: factor on standard deviations if caches and memory are left out."""
TYPES = 0.1
"""Assumed where no phone has times of several element types: what these differ by, as a standard deviation."""
LAYERS = 12.0
THREADS = {"more": 0.2, "phones": 2}
"""Assumed where no speedup of several threads over one is known."""


def estimate(
    rows: Sequence[Predicted],
    *,
    cycles: Sequence[Predicted] = (),
    layer_times: Sequence[Sequence[float]] = (),
) -> dict[str, Any]:
    """The content of prediction_error.toml.

    Args:
        rows: predictions with caches, of one and of several threads.
        cycles: predictions of one thread without caches; none: :data:`WITHOUT_CACHES` is assumed.
        layer_times: the times of the layers of each network; none: :data:`LAYERS` is assumed.

    Raises:
        ValueError: there are not two phones, or none with two times.
    """
    caches = _spread(rows)
    wider = {key: round(caches[key] * WITHOUT_CACHES, 4) for key in ("within", "types", "between")}
    return {
        "placeholder": False,
        "level": LEVEL,
        "caches": caches,
        "cycles": _spread(cycles) if cycles else {**caches, **wider},
        "threads": _threads(rows),
        "layer": {"effective_layers": round(_effective_layers(layer_times), 1)},
        "unseen": {"factor": UNSEEN},
    }


def _spread(rows: Sequence[Predicted]) -> dict[str, Any]:
    """Standard deviations within phones' element types, of types, and between phones.

    The last is around 0, so that what is common to all phones counts, too.
    """
    clusters: dict[str, dict[str, list[float]]] = {}
    single = [row for row in rows if row.ms is not None and row.point.threads == 1]
    for row in single:
        types = clusters.setdefault(row.point.cluster, {})
        types.setdefault(row.point.dtype, []).append(math.log(row.ratio))
    groups = [errors for types in clusters.values() for errors in types.values()]
    freedom = sum(len(errors) - 1 for errors in groups)
    if len(clusters) < 2 or freedom < 1:
        raise ValueError(f"{len(clusters)} phones are too few for an interval")
    within = math.fsum((error - fmean(errors)) ** 2 for errors in groups for error in errors) / freedom
    mixed = [types for types in clusters.values() if len(types) > 1]
    of_types = _types(mixed, within) if mixed else 0.0
    found = []
    for types in clusters.values():
        count = len(types)
        chance = (
            of_types / count + within * math.fsum(1 / len(errors) for errors in types.values()) / count**2
        )
        found.append(fmean([fmean(errors) for errors in types.values()]) ** 2 - chance)
    return {
        "within": round(math.sqrt(within), 4),
        "types": round(math.sqrt(of_types), 4) if mixed else TYPES,
        "between": round(math.sqrt(max(0.0, fmean(found))), 4),
        "phones": len(clusters),
        "mixed": len(mixed),
        "cores": sorted({row.point.cpu for row in single}),
    }


def _types(phones: Sequence[dict[str, list[float]]], within: float) -> float:
    """The variance of what the models of an element type have in common on a phone, of phones with several types."""
    found = []
    for types in phones:
        own = variance([fmean(errors) for errors in types.values()])
        found.append(own - within * fmean([1 / len(errors) for errors in types.values()]))
    return max(0.0, fmean(found))


def _threads(rows: Sequence[Predicted]) -> dict[str, Any]:
    """Root mean square of the errors of speedups; every phone counts the same."""
    clusters: dict[str, list[float]] = {}
    for row, published, predicted in speedups(rows):
        if math.isfinite(published) and math.isfinite(predicted):
            clusters.setdefault(row.point.cluster, []).append(math.log(predicted / published))
    if len(clusters) < 2:
        return dict(THREADS)
    squares = [fmean([error**2 for error in errors]) for errors in clusters.values()]
    return {"more": round(math.sqrt(fmean(squares)), 4), "phones": len(clusters)}


def _effective_layers(networks: Sequence[Sequence[float]]) -> float:
    """Of how many equal layers a network would vary as much as of its own: the inverse of the sum of squared shares."""
    found = []
    for times in networks:
        whole = math.fsum(times)
        if whole > 0:
            found.append(whole**2 / math.fsum(time**2 for time in times))
    return median(found) if found else LAYERS


def write_error_model(model: dict[str, Any], path: Path = FILE) -> None:
    """Write the file that predictions read."""
    write_atomically(path, lambda part: part.write_text(_text(model), encoding="utf-8"))


def _text(model: dict[str, Any]) -> str:
    def table(name: str) -> str:
        return "".join(f"{key} = {_toml(value)}\n" for key, value in model[name].items())

    return f"""\
# How far predictions are from published times, in natural logarithms (docs/calibrating.md says how it is estimated).
# Written by `python -m benchmarks.prediction` from its results.
placeholder = {_toml(model["placeholder"])}
level = {model["level"]}

# within, types, between: standard deviations of models of one phone and element type, of the element types of a phone,
# and of phones; phones: how many there are; mixed: those with times of several element types.
[caches]
{table("caches")}
# Without caches and memory.
[cycles]
{table("cycles")}
# What several threads add, as a standard deviation; phones: how many it was estimated from.
[threads]
{table("threads")}
# A layer's error is the standard deviation within phones times the root of this: layers' errors are taken
# to be independent, and a total to be the sum of so many equal ones.
[layer]
{table("layer")}
# Assumed, not estimated: what the standard deviations are multiplied by where no published time of a core or of
# a family of kernels could be predicted.
[unseen]
{table("unseen")}"""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)

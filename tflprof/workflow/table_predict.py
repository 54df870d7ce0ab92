"""A model by a latency table: what it will cost, without running it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.table_model import TablePrediction
from tflprof.errors import Untrusted
from tflprof.measure.layers import layer_infos
from tflprof.model.configs import layer_configs
from tflprof.model.cost import model_cost
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import TableMeta, table_mismatches
from tflprof.profile.meta import LayerInfo
from tflprof.profile.mismatch import Mismatch, shown_value
from tflprof.runtimes.library import find_runtime
from tflprof.targets.spec import parse_target
from tflprof.workflow.table_check import expected_meta


@dataclass(frozen=True)
class PredictedModel:
    """A model with what a table says of it.

    Attributes:
        table: file of the table.
        meta: of the table.
        rows: of the table.
        infos: layers of the model, in file order as in the prediction.
    """

    table: str
    meta: TableMeta
    rows: int
    model: Model
    infos: tuple[LayerInfo, ...]
    prediction: TablePrediction


def predict_model(
    table: str | os.PathLike[str] | LatencyTable,
    model: str | os.PathLike[str],
    **asked: Any,
) -> PredictedModel:
    """What a model will cost by a latency table.

    Args:
        table: its file, or the table itself.
        model: path of a .tflite file.
        asked: under which conditions: ``target``, ``core``, ``threads``, ``kernels``, ``cost`` or ``runtime``, as for
            :func:`tflprof.profile_model`; what is not given, or None, is as the table says.

    Raises:
        ProfileError: the table cannot be read.
        ModelError, UsageError: the model cannot, or has several subgraphs or control flow.
        Untrusted: the table is of other conditions than asked.
        EnvironmentFault: the target that was asked for cannot be used now.
    """
    opened = table if isinstance(table, LatencyTable) else LatencyTable.open(table)
    check_table(opened.meta, asked)
    graph = read_model(model)
    layers = layer_configs(graph, opened.meta.kernels or "xnnpack")
    name = "" if isinstance(table, LatencyTable) else os.fspath(table)
    infos = layer_infos(graph, model_cost(graph).ops)
    return PredictedModel(name, opened.meta, len(opened), graph, infos, opened.predict_layers(layers))


def check_table(meta: TableMeta, asked: Mapping[str, Any]) -> None:
    """Raise Untrusted, naming the keys, if a table is of another device or runtime than asked for.

    Args:
        meta: of the table.
        asked: see :func:`predict_model`.
    """
    found = tuple(_conflicts(meta, {key: value for key, value in asked.items() if value is not None}))
    if not found:
        return
    told = "; ".join(
        f"{one.key}: {shown_value(one.a)} in the table, {shown_value(one.b)} asked for" for one in found
    )
    raise Untrusted(
        f"the latency table holds elsewhere: {told}",
        "build one there with: tflprof table build --target …, or ask for what the table is of",
    )


def _conflicts(meta: TableMeta, asked: Mapping[str, Any]) -> Iterator[Mismatch]:
    mode = "instructions" if meta.prediction is None else meta.prediction.mode
    options = meta.options
    own = {"core": options.core, "threads": options.threads, "kernels": options.kernels}
    for key, has in {**own, "cost": mode if meta.target.kind == "emulated" else None}.items():
        if key in asked and asked[key] != has:
            yield Mismatch(key, has, asked[key])
    if "target" in asked:
        yield from _other_target(meta, asked["target"], {**own, "runtime": asked.get("runtime")})
    elif "runtime" in asked:
        yield from _other_runtime(meta, asked["runtime"])


def _other_target(meta: TableMeta, target: str, options: Mapping[str, Any]) -> Iterator[Mismatch]:
    """What rows measured there now would differ in; of another phone that it is another, not all that follows."""
    spec, has = parse_target(target), meta.target
    if spec.kind != has.kind or (spec.kind == "emulated" and spec.detail != has.name):
        yield Mismatch("target", f"{has.kind}:{has.name}", target)
        return
    cost: dict[str, Any] = {}
    if spec.kind == "emulated":
        scaled = meta.prediction is not None and bool(meta.prediction.anchors)
        mode = "instructions" if meta.prediction is None else meta.prediction.mode
        cost = {"cost": mode, "anchors": "auto" if scaled or meta.prediction is None else "none"}
    now = expected_meta(target, xnnpack_flags=meta.options.xnnpack_flags, **cost, **options)
    yield from table_mismatches(meta, replace(now, conditions=meta.conditions))


def _other_runtime(meta: TableMeta, given: str | os.PathLike[str]) -> Iterator[Mismatch]:
    platform = meta.runtime.get("platform")
    if platform is None:
        return
    library = find_runtime(platform, Path(given))
    for key, now in (("version", library.version), ("sha256", library.sha256)):
        if meta.runtime.get(key) != now:
            yield Mismatch(f"runtime.{key}", meta.runtime.get(key), now)

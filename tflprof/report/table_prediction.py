"""A prediction by a latency table in the terminal: total, layers by cost, what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.analysis.table_model import PredictedLayer, TablePrediction, widened
from tflprof.profile.latency_rows import TableMeta
from tflprof.profile.meta import LayerInfo
from tflprof.report.columns import Column, Grid
from tflprof.report.layer_table import bar_cell
from tflprof.report.table_document import host_of, note_of, ranking, trust_of
from tflprof.report.text import plain

_STYLES = {"interpolated": "cyan", "extrapolated": "yellow", "missing": "red"}
_FREE = {"fused": "in {host}", "static": "nothing to run", "unseen": "unknown"}


def print_prediction(
    prediction: TablePrediction,
    infos: Sequence[LayerInfo],
    meta: TableMeta,
    names: tuple[str, str],
    console: Console,
    *,
    top: int | None = None,
    in_order: bool = False,
) -> None:
    """Print a prediction.

    Args:
        prediction: of a model by a table.
        infos: of the same layers.
        meta: of the table.
        names: of the model and of the table.
        console: where to.
        top: how many layers at most; None: all.
        in_order: in file order, not by cost.
    """
    console.print(Text(plain(names[0]), style="bold"), Text(f"by {plain(names[1])}", style="dim"))
    console.print(Text(_place(meta), style="dim"))
    console.print()
    console.print(_total(prediction, meta))
    console.print(Text(_rests_on(prediction), style="dim"))
    console.print()
    _print_layers(prediction, infos, meta, console, top=top, in_order=in_order)
    _print_trust(prediction, console)


def _place(meta: TableMeta) -> str:
    kernels = f"{meta.kernels} kernels, " if meta.kernels else ""
    threads = "" if meta.threads is None else f", {meta.threads} thread" + ("" if meta.threads == 1 else "s")
    runtime = " ".join(str(meta.runtime[key]) for key in ("name", "version") if meta.runtime.get(key))
    return plain(
        f"{meta.target.kind}:{meta.target.name} · {kernels}{runtime}{threads} · rows {meta.provenance}"
    )


def _total(prediction: TablePrediction, meta: TableMeta) -> Text:
    if prediction.total is None:
        count = len(prediction.missing)
        why = f"{count} layer{' is' if count == 1 else 's are'} missing from the table"
        return Text.assemble("Total  ", ("–", "bold"), f"  {why}", ("  [predicted]", "cyan"))
    line = Text.assemble("Total  ", (_value(prediction.total, meta.unit), "bold"))
    spread = units.format_spread(prediction.total, prediction.lo, prediction.hi)
    line.append(f"  {spread} by the table" if spread else "")
    line.append("  [predicted]", "cyan")
    if prediction.model_error and (interval := prediction.interval) is not None:
        line.append(f"\non a phone, 95 % interval {units.format_interval(*interval, meta.unit)}", "dim")
    if prediction.instructions is not None and meta.unit != "instructions":
        line.append(f"\n{units.format_count(prediction.instructions)} instructions", "dim")
    return line


def _value(value: float, unit: str) -> str:
    text = units.format_value(value, unit)
    return text if unit == "ns" else f"{text} {unit}"


def _rests_on(prediction: TablePrediction) -> str:
    parts = [f"{count} {kind}" for kind, count in prediction.kinds.items()]
    free = sum(layer.estimate is None for layer in prediction.layers)
    return "layers: " + ", ".join([*parts, *([f"{free} without a cost of their own"] if free else [])])


def _print_layers(
    prediction: TablePrediction,
    infos: Sequence[LayerInfo],
    meta: TableMeta,
    console: Console,
    *,
    top: int | None,
    in_order: bool,
) -> None:
    ranks = ranking(prediction)
    rows = [(layer, info) for layer, info in zip(prediction.layers, infos, strict=True)]
    if not in_order:
        # What is missing comes first: the total waits for it.
        rows.sort(key=lambda row: _order(row[0], ranks))
    rows = rows[:top]
    shares = [_share(layer, prediction) for layer, _ in rows]
    largest = max((share for share in shares if share is not None), default=0.0)
    Grid(
        [
            Column("#", [str(ranks[layer.id][0]) if layer.id in ranks else "" for layer, _ in rows], 45),
            Column("id", [plain(layer.id) for layer, _ in rows], 95, False),
            Column("layer", [Text(plain(info.name)) for _, info in rows], 70, False, 20),
            Column("op", [plain(info.op) for _, info in rows], 60, False, 14),
            Column(
                units.value_name(meta.unit, "predicted"), [_cost(layer, meta.unit) for layer, _ in rows], 100
            ),
            Column("instr.", [_count(layer) for layer, _ in rows], 50),
            Column("±", [_spread(layer, 0.0) for layer, _ in rows], 80),
            Column("share", ["" if share is None else units.format_share(share) for share in shares], 75),
            Column("", [bar_cell(share, largest) for share in shares], 30, False),
            Column("from", [_origin(layer) for layer, _ in rows], 90, False, 12),
        ]
    ).print(console)
    console.print()


def _order(layer: PredictedLayer, ranks: dict[str, tuple[int, float | None]]) -> tuple[int, int]:
    if layer.estimate is not None and not layer.estimate.known:
        return 0, 0
    return (1, ranks[layer.id][0]) if layer.id in ranks else (2, 0)


def _share(layer: PredictedLayer, prediction: TablePrediction) -> float | None:
    if layer.estimate is None or not layer.estimate.known or not prediction.total:
        return None
    return layer.estimate.value / prediction.total


def _cost(layer: PredictedLayer, unit: str) -> str:
    if layer.estimate is None:
        return ""
    return units.format_value(layer.estimate.value, unit) if layer.estimate.known else units.UNKNOWN


def _count(layer: PredictedLayer) -> str:
    count = None if layer.estimate is None else layer.estimate.instructions
    return "" if count is None else units.format_count(count)


def _spread(layer: PredictedLayer, error: float) -> str:
    estimate = layer.estimate
    if estimate is None or not estimate.known:
        return ""
    return units.format_spread(estimate.value, *widened(estimate.value, estimate.lo, estimate.hi, error))


def _origin(layer: PredictedLayer) -> Text:
    note = note_of(layer)
    if layer.estimate is None:
        return Text(_FREE[note].format(host=host_of(layer)), style="dim")
    detail = "" if note == "exact" else f": {layer.estimate.reason}"
    return Text(plain(f"{note}{detail}"), style=_STYLES.get(note, ""))


def _print_trust(prediction: TablePrediction, console: Console) -> None:
    trust = trust_of(prediction)
    console.print(Text.assemble("Trust  ", (trust["verdict"], "bold")))
    for finding in trust["findings"]:
        console.print(Text(f"  {finding['severity']} {finding['code']}  {plain(finding['message'])}"))
        console.print(Text(f"    → {plain(finding['remedy'])}"))

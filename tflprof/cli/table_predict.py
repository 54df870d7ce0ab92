"""``tflprof table predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import InOrder, Json, Kernels, ModelPath, Top, Verbose

TablePath = Annotated[
    Path, typer.Argument(readable=False, metavar="TABLE", help="A latency table, from table build -o.")
]


@guarded
def predict(
    table: TablePath,
    model: ModelPath,
    target: Annotated[
        str | None, typer.Option(metavar="TARGET", help="Refuse a table of another device or runtime.")
    ] = None,
    core: Annotated[str | None, typer.Option(metavar="CORE", help="Refuse a table of another core.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Refuse a table of other threads.")
    ] = None,
    kernels: Annotated[Kernels | None, typer.Option(help="Refuse a table of other kernels.")] = None,
    runtime: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Refuse a table of another library than this.")
    ] = None,
    top: Top = None,
    in_order: InOrder = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Predict a model's latency from a table, layer by layer, without running it.

    Layers with a row cost what it says; others lie between rows of their family, or outside of them, which is said,
    with an interval. Ends with 4 if a layer is missing from the table: then there is no total.
    """
    from tflprof.errors import Untrusted
    from tflprof.report.table_document import prediction_document
    from tflprof.report.table_prediction import print_prediction
    from tflprof.workflow.table_predict import predict_model

    found = predict_model(
        table,
        model,
        target=target,
        core=core,
        threads=threads,
        kernels=None if kernels is None else kernels.value,
        runtime=runtime,
    )
    if json:
        rows = (found.table, found.rows)
        print_document(prediction_document(found.prediction, found.infos, found.model, found.meta, rows))
    else:
        print_prediction(
            found.prediction,
            found.infos,
            found.meta,
            (model.name, table.name),
            result_console(),
            top=top,
            in_order=in_order,
        )
    if missing := found.prediction.missing:
        names = ", ".join(layer.id for layer in missing[:5]) + ("…" if len(missing) > 5 else "")
        first = missing[0].estimate
        raise Untrusted(
            f"{table} has nothing for {len(missing)} of {len(found.prediction.layers)} layers of {model} ({names}); "
            f"of {missing[0].id}: {'' if first is None else first.reason}",
            f"add them: tflprof table build --from {model} --target … -o {table}",
        )

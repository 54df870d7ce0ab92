"""``tflprof inspect``."""

from __future__ import annotations

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, ModelPath, Verbose


@guarded
def inspect(model: ModelPath, json: Json = False, _verbose: Verbose = False) -> None:
    """Show a model without running it: shapes, MACs, bytes.

    A row per operator, with totals and signatures; unknown costs are shown as such.
    """
    from tflprof.model.read import read_model
    from tflprof.report.model_table import model_document, print_model

    graph = read_model(model)
    if json:
        print_document(model_document(graph))
    else:
        print_model(graph, result_console())

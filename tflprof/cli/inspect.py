"""``tflprof inspect``."""

from __future__ import annotations

from typing import Annotated

import typer

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, ModelPath, Verbose

Lints = Annotated[bool, typer.Option("--lints/--no-lints", help="Say what stands out, or leave it out.")]


@guarded
def inspect(model: ModelPath, json: Json = False, lints: Lints = True, _verbose: Verbose = False) -> None:
    """Show a model without running it: shapes, MACs, bytes, and what stands out.

    A row per operator, with totals and signatures; unknown costs are shown as such. What stands out (docs/lints.md)
    is what costs more than it must on the CPU, with the layers, the likely gain and what to do; it never fails a run.
    """
    from tflprof.model.lint import lint_model
    from tflprof.model.read import read_model
    from tflprof.report.model_table import model_document, print_model

    graph = read_model(model)
    found = lint_model(graph) if lints else None
    if json:
        print_document(model_document(graph, found))
    else:
        print_model(graph, result_console(), found)

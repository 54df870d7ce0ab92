"""``tflprof targets``."""

from __future__ import annotations

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, Verbose


@guarded
def targets(json: Json = False, _verbose: Verbose = False) -> None:
    """List where models can run, and what is missing."""
    from tflprof.report.target_table import print_targets, targets_document
    from tflprof.workflow.targets import list_targets

    found = list_targets()
    if json:
        print_document(targets_document(found))
    else:
        print_targets(found, result_console())

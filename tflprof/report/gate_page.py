"""A gate's result as one HTML page: the verdict, every budget against its limit, what changed since the baseline."""

from __future__ import annotations

import os
from pathlib import Path

from tflprof.analysis.verdicts import GateResult
from tflprof.report import compare_words
from tflprof.report.compare_page import SCRIPTS, STYLES
from tflprof.report.gate_view import make_gate_view
from tflprof.report.page import render_template, write_text


def write_gate_page(result: GateResult, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the page of a gate's result.

    Raises:
        UsageError: the file exists and is not to be overwritten.
        EnvironmentFault: it cannot be written.
    """
    return write_text(render_gate(result), path, overwrite=overwrite)


def render_gate(result: GateResult) -> str:
    """The page of a gate's result as text."""
    versions = [case.meta.tool_version for case in result.cases if case.meta is not None]
    return render_template(
        "gate.html.j2",
        styles=(*STYLES, "gate.css"),
        scripts=SCRIPTS,
        title=f"{result.verdict}: latency gate",
        generator=max(versions, default=""),
        gate=make_gate_view(result),
        words=compare_words,
    )

"""A comparison as one HTML page: the verdict, where the difference went, every layer with its status."""

from __future__ import annotations

import os
from pathlib import Path

from tflprof.analysis.comparison import Comparison
from tflprof.report import compare_words
from tflprof.report.compare_view import make_compare_view
from tflprof.report.page import render_template, write_text

STYLES = ("base.css", "charts.css", "table.css", "compare.css")
SCRIPTS = ("tip.js", "table.js", "marks.js")


def write_comparison_page(
    comparison: Comparison, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write the page of a comparison.

    Raises:
        UsageError: the file exists and is not to be overwritten.
        EnvironmentFault: it cannot be written.
    """
    return write_text(render_comparison(comparison), path, overwrite=overwrite)


def render_comparison(comparison: Comparison) -> str:
    """The page of a comparison as text."""
    names = [meta.model.name for meta in (comparison.a, comparison.b)]
    return render_template(
        "compare.html.j2",
        styles=STYLES,
        scripts=SCRIPTS,
        title=f"{names[0]} → {names[1]}",
        generator=comparison.b.tool_version,
        view=make_compare_view(comparison),
        words=compare_words,
    )

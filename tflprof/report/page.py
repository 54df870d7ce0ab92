"""What every HTML page has in common: templates, one style, one script, and a policy that allows no other."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tflprof import units
from tflprof.files import check_writable, write_atomically
from tflprof.report.describe import at_least
from tflprof.report.page_data import embed
from tflprof.report.text import plain

_NUMBER_AND_UNIT = re.compile(r"(\d) (?=(?:%|ns|µs|ms|s|[kMGT]|[KMG]iB)(?![\w]))")


def write_text(page: str, path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Write a page in one step. Raises UsageError if it exists, EnvironmentFault if it cannot be written."""
    target = Path(path)
    check_writable(target, overwrite=overwrite)
    content = page.encode()
    write_atomically(target, lambda part: part.write_bytes(content))
    return target


def render_template(
    name: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any = None, **context: Any
) -> str:
    """A template with its style and script inside; ``data`` is embedded for the script, None for none."""
    style = "\n".join(_template_text(each) for each in styles)
    script = f"(() => {{\n'use strict';\n{chr(10).join(_template_text(each) for each in scripts)}\n}})();"
    return (
        _environment()
        .get_template(name)
        .render(
            **context,
            policy=_policy(style, script),
            # Ours, not the profile's: files of the package, and JSON without a "<".
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=None if data is None else Markup(embed(data)),  # noqa: S704
        )
    )


def raw(value: float | None) -> str:
    """A number for sorting by a script; empty if unknown."""
    return repr(float(value)) if units.known(value) else ""


def _policy(style: str, script: str) -> str:
    """A content security policy that allows exactly this style and this script."""
    rules = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {_hash(script)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tflprof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(glue=_glue)
    environment.globals.update(units=units, raw=raw, bar=_bar, at_least=at_least)
    return environment


def _finalize(value: Any) -> Any:
    """Unknown is an en dash; control characters never reach the page."""
    if value is None:
        return units.UNKNOWN
    return value if isinstance(value, Markup) else plain(value)


def _glue(text: str) -> str:
    """Text whose numbers do not part from their units at the end of a line."""
    return _NUMBER_AND_UNIT.sub("\\1\u00a0", text)


def _bar(share: float | None, widest: float) -> str:
    """Width of a bar in percent of the widest."""
    part = min(max(share or 0.0, 0.0) / widest, 1.0) if widest > 0 else 0.0
    return f"{100 * part:.2f}%"


def _template_text(name: str) -> str:
    return (files("tflprof.report") / "templates" / name).read_text(encoding="utf-8")

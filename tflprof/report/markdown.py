"""Text in Markdown as GitHub, GitLab and chats render it: names show as they are and do nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tflprof.report.text import plain

_RUNS = re.compile("`+")
_MARKS = re.compile(r"([\\`*_\[\]<>|~&$])")
_MENTION = re.compile(r"(@|#(?=\w)|!(?=\w))")
_LINK = re.compile(r"(?<=:)//|(?<=www)\.", re.IGNORECASE)


def code(name: object) -> str:
    """A name as a code span for a table's cell: nothing in it is rendered, linked, or notifies anyone."""
    text = plain(name).strip() or "-"
    fence = "`" * (max((len(run) for run in _RUNS.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    # In a table a bar ends the cell even within code, unless it is escaped.
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def escaped(text: object) -> str:
    """Prose that may have names in it: what Markdown, HTML or a forge could act upon does nothing."""
    marked = _MARKS.sub(r"\\\1", plain(text))
    # Forges look for mentions and references in the rendered text, where escapes are gone: a space of no width stays.
    return _LINK.sub(lambda found: "\\" + found[0], _MENTION.sub("\\1\u200b", marked))


def table(header: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table of cells that are Markdown already; ``right`` says which columns are aligned right."""
    rule = ["---:" if each else "---" for each in right]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]

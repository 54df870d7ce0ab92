"""The formats a profile can be exported to, and the one function that does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tflprof.errors import UsageError
from tflprof.model.read import read_model
from tflprof.profile.json_file import profile_to_json
from tflprof.profile.profile import Profile
from tflprof.report.document import profile_document, to_text
from tflprof.report.export.benchmark_proto import benchmark_proto
from tflprof.report.export.chrome_trace import chrome_trace
from tflprof.report.export.csv_text import layers_csv, samples_csv
from tflprof.report.export.markdown_text import profile_markdown
from tflprof.report.export.model_explorer import model_explorer


@dataclass(frozen=True)
class _Wanted:
    """What was asked for beside the format."""

    samples: bool
    inferences: int | None
    top: int | None
    model: str | os.PathLike[str] | None


def _csv(profile: Profile, wanted: _Wanted) -> str:
    return samples_csv(profile) if wanted.samples else layers_csv(profile)


def _json(profile: Profile, wanted: _Wanted) -> str:
    text = profile_to_json(profile) if wanted.samples else to_text(profile_document(profile))
    return text + "\n"


def _markdown(profile: Profile, wanted: _Wanted) -> str:
    return profile_markdown(profile, wanted.top)


def _chrome_trace(profile: Profile, wanted: _Wanted) -> str:
    return chrome_trace(profile, wanted.inferences)


def _model_explorer(profile: Profile, wanted: _Wanted) -> str:
    return model_explorer(profile, None if wanted.model is None else read_model(wanted.model))


def _benchmark_proto(profile: Profile, _: _Wanted) -> bytes:
    return benchmark_proto(profile)


_WRITERS: Mapping[str, Callable[[Profile, _Wanted], str | bytes]] = MappingProxyType(
    {
        "csv": _csv,
        "json": _json,
        "markdown": _markdown,
        "chrome-trace": _chrome_trace,
        "model-explorer": _model_explorer,
        "benchmark-proto": _benchmark_proto,
    }
)
_TAKES = {
    "samples": ("csv", "json"),
    "inferences": ("chrome-trace",),
    "top": ("markdown",),
    "model": ("model-explorer",),
}

FORMATS = tuple(_WRITERS)
BINARY = frozenset({"benchmark-proto"})
"""Formats that are no text."""


def export_profile(
    profile: Profile,
    to: str,
    *,
    samples: bool = False,
    inferences: int | None = None,
    top: int | None = None,
    model: str | os.PathLike[str] | None = None,
) -> bytes:
    """A profile in another program's format (docs/export.md), as the bytes of a file.

    Args:
        profile: what to export.
        to: one of :data:`FORMATS`.
        samples: csv and json: all raw samples, too.
        inferences: chrome-trace: how many to show, the first ones.
        top: markdown: how many layers to show, the most expensive ones.
        model: model-explorer: the profiled .tflite file, for a profile that lacks the names of its subgraphs.

    Raises:
        UsageError: no such format, an option the format does not have, or a profile it cannot hold.
    """
    if to not in _WRITERS:
        raise UsageError(f"there is no format {to!r}", f"formats are {', '.join(FORMATS)}")
    given = {"samples": samples or None, "inferences": inferences, "top": top, "model": model}
    for name, value in given.items():
        if value is not None and to not in _TAKES[name]:
            raise UsageError(f"{to} has no option --{name}", f"it is for {' and '.join(_TAKES[name])}")
    written = _WRITERS[to](profile, _Wanted(samples, inferences, top, model))
    return written if isinstance(written, bytes) else written.encode("utf-8", "replace")

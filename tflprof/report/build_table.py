"""What ``tflprof build`` can make, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof.model.build import NetworkInfo
from tflprof.model.build.micro import Micro
from tflprof.model.build.weights import DTYPES
from tflprof.report.columns import Column, Grid

BUILDABLE_VERSION = 1


def buildable_document(networks: Mapping[str, NetworkInfo], micro: Mapping[str, Micro]) -> dict[str, Any]:
    """Networks and micro-models as JSON-ready values (docs/json.md)."""
    return {
        "schema_version": BUILDABLE_VERSION,
        "networks": [
            {
                "name": name,
                "description": info.description,
                "takes": list(info.takes),
                "size": info.size if "size" in info.takes else None,
                "classes": info.classes if "classes" in info.takes else None,
                "dtypes": list(DTYPES),
            }
            for name, info in networks.items()
        ],
        "micro_models": [{"name": name, "dtypes": list(info.dtypes)} for name, info in micro.items()],
    }


def print_buildable(
    networks: Mapping[str, NetworkInfo], micro: Mapping[str, Micro], console: Console
) -> None:
    """Print a row per network; micro-models follow by the types they come in."""
    found = list(networks.items())
    Grid(
        [
            Column("network", [name for name, _ in found], weight=100, right=False),
            Column("size", [_published(info, "size") for _, info in found], weight=50),
            Column("classes", [_published(info, "classes") for _, info in found], weight=40),
            Column("", [info.description for _, info in found], weight=60, right=False, least=24),
        ]
    ).print(console)
    console.print(Text(f"each in {', '.join(DTYPES)} (--dtype)"))
    for dtypes in dict.fromkeys(info.dtypes for info in micro.values()):
        names = [name for name, info in micro.items() if info.dtypes == dtypes]
        console.print(Text(f"\nmicro-models in {', '.join(dtypes)}:\n{', '.join(names)}"))


def _published(info: NetworkInfo, value: str) -> str:
    return str(getattr(info, value)) if value in info.takes else "–"

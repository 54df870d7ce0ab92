"""Option types that several verbs share, and the parsing of ``NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import settings
from tflprof.errors import UsageError


class Kernels(StrEnum):
    """Which kernels of the runtime run the model."""

    XNNPACK = "xnnpack"
    BUILTIN = "builtin"
    REFERENCE = "reference"


class Dtype(StrEnum):
    """Element types of a network to build: of its weights, in ``int8`` of its activations, too."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    DYNAMIC = "dynamic"
    INT4 = "int4"
    INT8 = "int8"


def _be_verbose(wanted: bool) -> None:
    settings.verbose |= wanted


ProfilePath = Annotated[Path, typer.Argument(metavar="PROFILE", help="A profile file, from profile -o.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite file.")]
ModelsPath = Annotated[
    Path,
    typer.Argument(
        readable=False,  # the reader tells more
        metavar="MODEL...",
        help="A .tflite file; or several, folders of them, or patterns such as 'models/**/*.tflite', with -o DIR.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of a table.")]
Top = Annotated[int | None, typer.Option(min=1, metavar="N", help="Show the N most expensive layers only.")]
InOrder = Annotated[bool, typer.Option("--in-order", help="Layers in file order, not by cost.")]
Verbose = Annotated[
    # It may also stand before the verb; its callback does the work.
    bool,
    typer.Option(
        "-v", "--verbose", callback=_be_verbose, help="Say more on standard error; show tracebacks."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite outputs that exist.")]


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether a parameter stands on the command line, not in the configuration."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def parse_share(text: str, option: str) -> float:
    """``1%`` or ``0.01`` as 0.01. Raises UsageError for what is no number, or not above 0 and below 1."""
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if rest or not 0 < share < 1:
        raise UsageError(
            f"{option} {text}: expected a share above 0 and below 100%",
            f"such as {option} 1% or {option} 0.01",
        )
    return share


def parse_files(texts: Sequence[str]) -> dict[str, Path]:
    """``NAME=FILE`` texts as a mapping. Raises UsageError naming the one that is not."""
    return {name: Path(value) for name, value in _pairs(texts, "--input", "NAME=FILE")}


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """``NAME=1,224,224,3`` texts as a mapping. Raises UsageError naming the one that is not."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in _pairs(texts, "--input-shape", "NAME=1,224,224,3"):
        try:
            shapes[name] = tuple(int(size) for size in value.split(","))
        except ValueError:
            shapes[name] = ()
        if not shapes[name] or min(shapes[name]) < 1:
            raise UsageError(
                f"--input-shape {name}={value}: the sizes must be whole numbers from 1, with commas between",
                "such as --input-shape NAME=1,224,224,3",
            )
    return shapes


def _pairs(texts: Sequence[str], option: str, form: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in texts:
        # Tensor names may contain "=", sizes never do and file names rarely.
        name, equals, value = text.rpartition("=")
        if not (equals and name and value):
            raise UsageError(
                f"{option} {text}: expected {form}", "tflprof inspect MODEL shows the names of the inputs"
            )
        if name in dict(pairs):
            raise UsageError(f"{option}: {name} is given twice", "leave one of them out")
        pairs.append((name, value))
    return pairs

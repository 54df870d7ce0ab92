"""``tflprof build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Dtype, Force, Json, Verbose
from tflprof.errors import UsageError


@guarded
def build(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Such as mobilenet_v1 or conv_2d; see --list.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The .tflite file to write.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Input height and width in pixels, or tokens; else as published."
        ),
    ] = None,
    width: Annotated[
        float | None, typer.Option(metavar="X", help="Multiplier of the channel counts; else 1.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Outputs of the classifier; else as published.")
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            help="Weights: float16 behind DEQUANTIZE; dynamic: int8 with float32 activations; int4: likewise; "
            "int8: activations as well. Default: float32."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the random weights.")] = 0,
    list_: Annotated[bool, typer.Option("--list", help="List the models that can be built.")] = False,
    json: Json = False,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Build a reference network or a micro-model with random weights."""
    from tflprof.files import check_writable, write_atomically
    from tflprof.model.build import build_model

    if list_:
        _list(as_json=json)
        return
    if model is None or output is None:
        raise UsageError(
            "there is no model to build" if model is None else "there is no file to write",
            "such as tflprof build mobilenet_v1 -o model.tflite; tflprof build --list lists the models",
        )
    check_writable(output, overwrite=force)
    data = build_model(model, size, width, dtype and dtype.value, seed, classes)
    write_atomically(output, lambda part: part.write_bytes(data))
    say(f"{model} saved as {output}, {len(data)} bytes")


def _list(*, as_json: bool) -> None:
    from tflprof.model.build import MICRO_MODELS, NETWORKS
    from tflprof.report.build_table import buildable_document, print_buildable

    if as_json:
        print_document(buildable_document(NETWORKS, MICRO_MODELS))
    else:
        print_buildable(NETWORKS, MICRO_MODELS, result_console())

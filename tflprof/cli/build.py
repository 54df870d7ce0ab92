"""``tflprof build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.console import say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Dtype, Force, Verbose


@guarded
def build(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="Such as mobilenet_v1; an unknown name lists all.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The .tflite file to write.")
    ],
    size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Input height and width, pixels; else as published."),
    ] = None,
    width: Annotated[float, typer.Option(metavar="X", help="Multiplier of the channel counts.")] = 1.0,
    dtype: Annotated[Dtype, typer.Option(help="Weights; int8: activations as well.")] = Dtype.FLOAT32,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the random weights.")] = 0,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Build a reference network with random weights."""
    from tflprof.files import check_writable, write_atomically
    from tflprof.model.build import build_network

    check_writable(output, overwrite=force)
    data = build_network(network, size=size, width=width, dtype=dtype.value, seed=seed)
    write_atomically(output, lambda part: part.write_bytes(data))
    say(f"{network} saved as {output}, {len(data)} bytes")

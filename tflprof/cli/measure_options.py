"""Options of the verbs that measure: where and how a model is run, how inferences follow each other."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.options import Kernels, is_typed

Target = Annotated[str, typer.Option(metavar="T", help="Where to run: see tflprof targets.")]
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Threads of the runtime.")]
Signature = Annotated[str | None, typer.Option(metavar="S", help="Signature; default: the first.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FILE", help="Raw input data; repeatable. Default: random."),
]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=1,224,224,3", help="Shape of a dynamic input; repeatable."),
]
RuntimePath = Annotated[
    Path | None,
    typer.Option(
        readable=False, metavar="PATH", help="A library or an AAR; default: see tflprof runtimes list."
    ),
]
Seed = Annotated[
    int,
    typer.Option(min=0, max=2**63 - 1, metavar="N", help="Seed of random inputs and of the order."),
]
MaxSeconds = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="S",
        help="Time budget, checked between processes; ignored where counts are exact.",
    ),
]
KernelsChoice = Annotated[Kernels, typer.Option(help="Kernels of the runtime.")]
_PRECISION = typer.Option(min=0.0025, max=1.0, metavar="P", help="Wanted half-width of the total's interval.")
Precision = Annotated[float, _PRECISION]
PrecisionOrDefault = Annotated[float | None, _PRECISION]
XnnpackFlags = Annotated[
    int | None, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Passed to XNNPACK.")
]
WeightCache = Annotated[bool, typer.Option("--weight-cache", help="Use XNNPACK's weight cache.")]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="HZ",
        help="Begin HZ inferences a second, as a camera or an audio stream does; default: back to back.",
    ),
]
Sustain = Annotated[
    float | None,
    typer.Option(
        metavar="MIN",
        help="Run MIN minutes on end and look for throttling, in place of --max-seconds and --precision.",
    ),
]


class CostModel(StrEnum):
    """What an emulated core gives."""

    CACHES = "caches"
    CYCLES = "cycles"
    INSTRUCTIONS = "instructions"


Cost = Annotated[
    CostModel | None,
    typer.Option(
        help="Of an emulated phone: predicted times (caches, the default; cycles: without caches), "
        "or exact counts alone."
    ),
]
Anchors = Annotated[
    str | None,
    typer.Option(
        metavar="auto|none|FILE",
        help="Measured times that predictions are scaled by; default: auto, those of tflprof calibrate.",
    ),
]
Pmu = Annotated[
    bool,
    typer.Option("--pmu", help="Read the core's counters, too: cycles, instructions, cache refills."),
]


def prediction(context: typer.Context, target: str, cost: str | None, anchors: str | None) -> dict[str, str]:
    """``cost`` and ``anchors``, if they were chosen; what only the configuration says is no wish for other targets."""
    given = {"cost": cost, "anchors": anchors}
    emulated = target.partition(":")[0] == "emulated"
    return {
        name: str(value)
        for name, value in given.items()
        if value is not None and (emulated or is_typed(context, name))
    }

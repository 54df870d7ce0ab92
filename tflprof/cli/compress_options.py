"""Options of the verbs of ``tflprof compress``, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.measure_options import prediction
from tflprof.cli.options import Kernels
from tflprof.cli.outputs import check_outputs
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.workflow.compress_subject import CompressionOptions

Table = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        metavar="FILE",
        help="A latency table, from tflprof table build; default: measured on the way.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        metavar="M,M…",
        help="Of clean_up, resolution, prune, low_rank, quantise, nms; repeatable. prune=magnitude, "
        "prune=coarse, low_rank=plain and quantise=full are other ways. Default: clean_up,prune,low_rank.",
    ),
]
CalibrationData = Annotated[
    Path | None,
    typer.Option(
        readable=False,
        metavar="DIR|NPZ",
        help="Samples of the model's inputs: .npy or .npz files, or one .npz.",
    ),
]
Samples = Annotated[int, typer.Option(min=1, metavar="N", help="Samples on which losses are looked at.")]
Evaluate = Annotated[
    str | None,
    typer.Option(
        metavar="CMD",
        help="Run on a model's path (last, or in place of {model}), no shell; it prints the accuracy last.",
    ),
]
MaxSeconds = Annotated[
    float, typer.Option(min=0.1, metavar="S", help="Time budget of each measurement, where time is measured.")
]
PlanPath = Annotated[
    Path, typer.Argument(readable=False, metavar="PLAN", help="From tflprof compress plan -o.")
]
Original = Annotated[
    Path | None,
    typer.Option(
        "--model", readable=False, metavar="FILE", help="The model, if it is not where the plan says."
    ),
]
ShowAll = Annotated[bool, typer.Option("--all", help="Show layers that were not changed, too.")]


def check_files(read: list[Path | None], outputs: list[Path], *, force: bool) -> None:
    """Raise before anything is done if an output cannot be written, or would replace what is read, or be part of it."""
    for path in read:
        if path is None:
            continue
        check_outputs(path, outputs, force=force)
        inside = [output for output in outputs if path.is_dir() and output.parent.resolve() == path.resolve()]
        if inside:
            raise UsageError(
                f"the output {inside[0]} would lie among the calibration data in {path}",
                "choose another folder for the output",
            )


def how_measured(
    context: typer.Context,
    target: str,
    core: str | None,
    threads: int,
    cost: str | None,
    anchors: str | None,
    kernels: Kernels,
    runtime: Path | None,
    max_seconds: float,
) -> dict[str, Any]:
    """How candidates are measured, as the workflow's measuring functions take it."""
    return {
        "target": target,
        "core": core,
        "threads": threads,
        **prediction(context, target, cost, anchors),
        "kernels": kernels.value,
        "runtime": runtime,
        "max_seconds": max_seconds,
    }


def compression_options(
    table: Path | None,
    methods: list[str] | None,
    calibration: Path | None,
    samples: int,
    how: dict[str, Any],
    **more: Any,
) -> CompressionOptions:
    """What the workflow takes, of the options that list and plan share; ``more`` are those of plan alone."""
    from tflprof.workflow.compress_subject import DEFAULT_METHODS, CompressionOptions

    names = (
        DEFAULT_METHODS
        if methods is None
        else tuple(name.strip() for text in methods for name in text.split(","))
    )
    return CompressionOptions(
        table=table, methods=names, calibration=calibration, samples=samples, how=how, **more
    )

"""Options of ``tflprof profile`` that say how inferences follow each other and what is read beside the time."""

from __future__ import annotations

from typing import Annotated

import typer

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
Pmu = Annotated[
    bool,
    typer.Option("--pmu", help="Read the core's counters, too: cycles, instructions, cache refills."),
]

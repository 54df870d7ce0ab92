"""What was asked of a measurement: how long, how precise, how often, and whether the target can do it."""

from __future__ import annotations

import math

from tflprof import stats
from tflprof.errors import UsageError
from tflprof.measure.schedule import Plan, least_seconds, seconds_for_interval
from tflprof.model.graph import Model
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.options import LEAST_RATE, MOST_RATE

PROCESS_SECONDS = 0.5
PROCESS_INFERENCES = 20
"""A process of a periodic run lasts at least so many periods, if the time budget has room for it."""
SUSTAINED_PROCESS_SECONDS = 60.0
"""Processes of an endurance run follow each other: what a fault costs is bounded, and the pauses are short."""

PROFILING, PROFILING_OPERATOR = 30_000, 1_750
"""Instructions that profiling adds to an inference on arm64, and for each operator that runs."""
PROFILED_SHARE = 0.001
"""Of a total: where profiling is less, an emulated core need not run the plain variant, too."""


def plain_limit(model: Model) -> int:
    """Instructions of an inference of this model above which profiling it is no more than a thousandth.

    Operators of loops are counted once, those of which all inputs are constants not at all.
    """
    running = 0
    for graph in model.subgraphs:
        constant = {tensor.index for tensor in graph.tensors if tensor.is_constant}
        running += sum(not set(op.inputs) <= constant | {-1} for op in graph.ops)
    return max(RunRequest.plain_max, round((PROFILING + PROFILING_OPERATOR * running) / PROFILED_SHARE))


def make_plan(max_seconds: float, precision: float, rate: float | None, sustain: float | None) -> Plan:
    """The plan of a measurement; ``sustain`` is in minutes. Raises UsageError naming the option."""
    if not (max_seconds > 0 and math.isfinite(max_seconds)):
        raise UsageError(
            f"--max-seconds must be above 0 and finite, not {max_seconds:g}", "such as --max-seconds 60"
        )
    if not stats.FLOOR <= precision < 1:
        raise UsageError(
            f"--precision must be at least {stats.FLOOR:g} and below 1, not {precision:g}",
            f"0.01 means ±1 %; no interval is given narrower than ±{stats.FLOOR:.2%}",
        )
    if rate is not None and not LEAST_RATE <= rate <= MOST_RATE:
        raise UsageError(
            f"--rate must be from {LEAST_RATE:g} to {MOST_RATE:g} inferences a second, not {rate:g}",
            "such as --rate 30",
        )
    if sustain is None:
        if rate and (least := least_seconds(rate)) > max_seconds:
            raise UsageError(
                f"--max-seconds {max_seconds:g} has no room for one process at --rate {rate:g}, "
                f"which lasts {least:.4g} s",
                f"an interval needs {stats.MIN_PROCESSES}: --max-seconds {seconds_for_interval(rate)}, "
                "or a higher --rate",
            )
        seconds = max(PROCESS_SECONDS, PROCESS_INFERENCES / rate) if rate else PROCESS_SECONDS
        return Plan(max_seconds=max_seconds, precision=precision, process_seconds=seconds)
    if not (sustain > 0 and math.isfinite(sustain)):
        raise UsageError(f"--sustain must be above 0 minutes, not {sustain:g}", "such as --sustain 10")
    if rate and (least := least_seconds(rate, sustain=True)) > sustain * 60:
        raise UsageError(
            f"--sustain {sustain:g} has no room for one process at --rate {rate:g}, which lasts {least:.4g} s",
            f"--sustain {math.ceil(least / 60)} or more, or a higher --rate",
        )
    return Plan(sustain * 60, precision, SUSTAINED_PROCESS_SECONDS, sustain=True)


def check_possible(runner: Runner, request: RunRequest, plan: Plan) -> None:
    """Raise UsageError for what the target or its runner cannot do."""
    asked = {"--rate": request.rate is not None, "--pmu": request.pmu, "--sustain": plan.sustain}
    for option in (name for name, wanted in asked.items() if wanted):
        if runner.deterministic:
            raise UsageError(
                f"{option} needs a target that measures time; {runner.facts.kind} counts instructions",
                "such as --target host, or --target adb for a phone",
            )

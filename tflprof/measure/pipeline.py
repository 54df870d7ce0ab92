"""Measuring a model: sessions one after the other until the total is known well enough."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tflprof import stats
from tflprof.errors import DeviceLost, TflprofError
from tflprof.measure.collect import Collector
from tflprof.measure.interrupt import Interrupts
from tflprof.measure.resume import Resumption
from tflprof.measure.schedule import Plan, is_look, profiled_max, shaped, speed_as_it_is
from tflprof.measure.session import run_session
from tflprof.measure.taint import marked, undisturbed
from tflprof.profile.samples import BlockSamples, SampleWriter
from tflprof.runner.interface import Runner, RunRequest
from tflprof.runner.records import Block
from tflprof.targets.load import Load, LoadSample, load_between, sample_load


@dataclass(frozen=True)
class Progress:
    """What a long measurement is doing: a stage, how far it is (0-1, None if unknown), and a detail."""

    stage: str
    fraction: float | None
    detail: str


OnProgress = Callable[[Progress], None]

WAITING = "waiting for the phone"
STOPPING = Progress("stopping", None, "finishing the inference under way; Ctrl-C again ends at once")


@dataclass
class Outcome:
    """A measurement, whole or cut short.

    Attributes:
        collector: everything gathered.
        looks: times the interval was looked at.
        reached: True if the precision was reached, or counts agreed.
        cause: what cut it short, None if nothing did.
        load: other work on the machine, None if unknown.
        reconnects: how often the link to the device broke and came back.
        device: what was known of the device's state at the start and at the end.
    """

    collector: Collector
    looks: int = 0
    reached: bool = False
    cause: BaseException | None = None
    load: Load | None = None
    reconnects: int = 0
    device: dict[str, Mapping[str, object]] = field(default_factory=dict)


def measure(runner: Runner, request: RunRequest, plan: Plan, on_progress: OnProgress) -> Outcome:
    """Run sessions until the plan is fulfilled.

    A session whose device is lost is followed by the next one, once the device is back.

    Ctrl-C, SIGTERM or an error after the first steady samples ends the measurement and is told in the
    outcome's ``cause`` (a signal as KeyboardInterrupt); what was gathered is kept. Before any steady sample
    it is raised.
    """
    outcome = Outcome(Collector(runner.counters[0], settle=not plan.sustain))
    request = shaped(request, plan)
    outcome.device["start"] = runner.conditions()
    # What this machine does meanwhile is nothing to a phone.
    before = None if runner.facts.kind == "adb" else sample_load(time.monotonic())
    with Interrupts(lambda: on_progress(STOPPING)) as interrupts:
        try:
            if runner.deterministic:
                _run_deterministic(runner, request, outcome, on_progress, interrupts)
            else:
                _run_timed(runner, request, plan, outcome, on_progress, interrupts)
            interrupts.check()
        except (KeyboardInterrupt, TflprofError) as error:
            outcome.collector.end_process()
            # A session that was told to stop may fail on its way: that is not what ended the measurement.
            outcome.cause = KeyboardInterrupt() if interrupts.received else error
    if outcome.cause is not None and not outcome.collector.has_steady():
        raise outcome.cause
    outcome.load = load_between(before, _load_now(before), outcome.collector.cpus)
    outcome.device["end"] = runner.conditions()
    return outcome


def _load_now(before: LoadSample | None) -> LoadSample | None:
    return None if before is None else sample_load(time.monotonic())


def _run_deterministic(
    runner: Runner, request: RunRequest, outcome: Outcome, on_progress: OnProgress, interrupts: Interrupts
) -> None:
    """One session; the runner itself goes on until two inferences agree."""
    done = 0

    def tell(record: object) -> None:
        nonlocal done
        if isinstance(record, Block) and record.counter == runner.counters[0]:
            done += len(record.value)
            on_progress(Progress("emulating", None, f"{done} inferences, {record.v} {record.phase}"))

    collector = outcome.collector
    # A first table takes a third of a second, for what pyarrow loads: counts do not mind that it is done meanwhile.
    threading.Thread(target=SampleWriter().table, daemon=True).start()
    run_session(runner, request, collector, tell, interrupts)
    if len(runner.counters) > 1:
        # Of several counters the runner took few inferences, and it has judged them itself.
        outcome.reached = not collector.unsettled
    else:
        outcome.reached = all(_agree(collector.steady(variant)) for variant in request.variants)


def _agree(blocks: Sequence[BlockSamples]) -> bool:
    """True if there are at least two steady blocks and all have the same counts, event by event."""
    return len(blocks) >= 2 and len({(block.values, block.events) for block in blocks}) == 1


def _run_timed(
    runner: Runner,
    request: RunRequest,
    plan: Plan,
    outcome: Outcome,
    on_progress: OnProgress,
    interrupts: Interrupts,
) -> None:
    collector = outcome.collector
    began = time.monotonic()
    startup, most, as_it_is = 0.0, request.profiled_max, speed_as_it_is(request, plan)
    resumption = Resumption(
        runner, collector, interrupts, lambda error: on_progress(Progress(WAITING, None, error.what))
    )
    while not plan.out_of_time(time.monotonic() - began, collector.processes, startup):
        done = collector.processes
        seconds = plan.seconds_for_next(time.monotonic() - began, done, startup)
        step = replace(request, seconds=seconds, seed=request.seed, profiled_max=most)
        started = time.monotonic()
        try:
            kept = run_session(runner, step, collector, _teller(plan, began, on_progress), interrupts)
        except DeviceLost as error:
            # The time budget is for measuring.
            began += resumption.after(error)
            outcome.reconnects = resumption.reconnects
            continue
        resumption.went_well()
        startup = max(startup, time.monotonic() - started - seconds)
        if plan.sustain:
            continue
        most = profiled_max(most, kept)
        half_width = relative_half_width(collector, outcome.looks + 1, as_it_is)
        on_progress(_progress(plan, began, collector.processes, half_width))
        if is_look(collector.processes):
            outcome.looks += 1
            if half_width is not None and half_width <= plan.precision:
                outcome.reached = True
                return


def _teller(plan: Plan, began: float, on_progress: OnProgress) -> Callable[[object], None]:
    """Tells of every block of an endurance run, whose processes are long; else of nothing."""

    def tell(record: object) -> None:
        if plan.sustain and isinstance(record, Block) and record.v == "plain":
            fraction = min((time.monotonic() - began) / plan.max_seconds, 1.0)
            on_progress(Progress("enduring", fraction, _block_text(record)))

    return tell


def _block_text(block: Block) -> str:
    parts = [f"{float(np.median(block.value)) / 1e6:.3g} ms"]
    if khz := block.chain_khz or block.khz:
        parts.append(f"{khz / 1e6:.2f} GHz")
    if block.mc is not None:
        parts.append(f"{block.mc / 1000:.0f} °C")
    return ", ".join(parts)


def _progress(plan: Plan, began: float, done: int, half_width: float | None) -> Progress:
    """The fraction is of the time budget, or of the precision's way (widths shrink by the root of time)."""
    fraction = (time.monotonic() - began) / plan.max_seconds
    detail = f"{done} processes"
    if half_width is not None:
        fraction = max(fraction, (plan.precision / max(half_width, plan.precision)) ** 2)
        detail += f", total known within ±{half_width:.1%}"
    return Progress("measuring", min(fraction, 1.0), detail)


def relative_half_width(collector: Collector, looks: int, as_it_is: bool) -> float | None:
    """Half-width of the total's interval over its estimate; None if it cannot be told yet.

    What is disturbed is left out as it is of the result: if it ended now, the profile would say the same.
    """
    blocks = undisturbed(marked(collector.blocks, as_it_is=as_it_is)[0], "plain", collector.counter)
    if not blocks:
        return None
    counts = [len(block.values) for block in blocks]
    values = np.concatenate([np.asarray(block.values, dtype=np.int64) for block in blocks])
    process, number, start = (
        np.repeat(np.array([getattr(block, name) for block in blocks]), counts)
        for name in ("process", "block", "t")
    )
    interval = stats.total_interval(values, process, number, start, looks=looks)
    if interval is None:
        return None
    width = (interval.hi - interval.lo) / 2 / stats.typical(values)
    return width if math.isfinite(width) else None

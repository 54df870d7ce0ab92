"""Two models measured together on an open target, and compared until everything is decided."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tflprof.analysis.comparison import Comparison
from tflprof.errors import UsageError
from tflprof.measure.interrupt import HeldSignals
from tflprof.measure.pairs import PairedMeasurement, PairPlan
from tflprof.measure.pipeline import OnProgress, Progress
from tflprof.profile.profile import Profile
from tflprof.runner.open import open_runner
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.spec import parse_target
from tflprof.workflow.run_options import PathLike, RunOptions, checked
from tflprof.workflow.watched import WatchedRunner

MAX_SECONDS = 120.0
Judge = Callable[[Profile, Profile], Comparison]


@contextlib.contextmanager
def open_pairs(
    a: PathLike, b: PathLike, options: RunOptions, plan: PairPlan, tell: OnProgress
) -> Iterator[PairedMeasurement]:
    """A paired measurement of two models that are checked, on a target that is open meanwhile.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    if not plan.max_seconds > 0:
        raise UsageError(f"--max-seconds must be above 0, not {plan.max_seconds:g}")
    graphs = checked(a, b, options)
    phone = replace(options.setup or PhoneSetup(), core=options.core, threads=options.threads)
    library = Path(options.runtime) if options.runtime else None
    runner = open_runner(options.target, library, phone, lambda *what: tell(Progress(*what)))
    try:
        yield PairedMeasurement(WatchedRunner(runner, graphs), options.request(a, b), graphs, plan, tell)
    finally:
        runner.close()


def measure_pairs(
    a: PathLike,
    b: PathLike,
    options: RunOptions,
    *,
    pairs: int,
    max_seconds: float = MAX_SECONDS,
    on_progress: OnProgress | None = None,
) -> tuple[Profile, Profile]:
    """Measure two models together in a fixed number of processes, without comparing them.

    Args:
        a: the first model.
        b: the second, which may be the same file.
        options: how they are run; the target must be one that measures time.
        pairs: processes, each of which runs both; there are fewer if the time ends before.
        max_seconds: time budget, looked at between processes.
        on_progress: called now and then.

    Returns:
        Two profiles with a common ``meta.pairing``, marked as partial if Ctrl-C or a failure cut them short.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    if parse_target(options.target).kind == "emulated":
        raise UsageError(
            f"{options.target} counts exactly: two models gain nothing from being measured together",
            "profile each by itself",
        )
    plan = PairPlan(max_seconds, most=pairs)
    with (
        HeldSignals(holding=False) as held,
        open_pairs(a, b, options, plan, on_progress or (lambda _: None)) as measurement,
    ):
        held.holding = True
        measurement.extend(pairs)
        heed(held, measurement)
        return measurement.profiles([measurement.pairs])


Found = tuple[Profile, Profile, Comparison | None]


def compare_pairs(
    measurement: PairedMeasurement, held: HeldSignals, judge: Judge, tell: OnProgress
) -> tuple[Found, Exception | None]:
    """Measure and compare until everything is decided; what was found, and why it is not compared."""
    from tflprof.analysis.paired import LOOKS, more_needed

    looks: list[int] = []
    for number, look in enumerate(LOOKS, 1):
        heed(held, measurement)
        turn = f"look {number} of at most {len(LOOKS)}"
        whole = measurement.extend(look, turn)
        heed(held, measurement)
        if measurement.pairs not in looks:
            looks.append(measurement.pairs)
        tell(Progress("comparing", None, f"{measurement.pairs} pairs, {turn}"))
        a, b = measurement.profiles(looks)
        try:
            comparison = judge(a, b)
            if not whole or look == LOOKS[-1] or not more_needed(comparison):
                return (a, b, comparison), None
        except Exception as error:  # noqa: BLE001 - no fault of comparing may cost the samples
            return (a, b, None), error
    raise AssertionError("the last look is the last")


def heed(held: HeldSignals, measurement: PairedMeasurement) -> None:
    """A signal that came between two sessions cuts the measurement short, too."""
    if held.received and measurement.cause is None:
        measurement.cause = KeyboardInterrupt()

"""Comparing two models, two profiles, or a model with a profile."""

from __future__ import annotations

from tflprof.errors import UsageError
from tflprof.measure.interrupt import HeldSignals
from tflprof.measure.pairs import PairPlan
from tflprof.measure.pipeline import OnProgress, Progress
from tflprof.profile.profile import Profile
from tflprof.targets.spec import parse_target
from tflprof.workflow.pairs import PathLike, RunOptions, open_pairs


def measure_pairs(
    a: PathLike,
    b: PathLike,
    options: RunOptions,
    *,
    pairs: int,
    max_seconds: float = 120.0,
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
    with HeldSignals() as held, open_pairs(a, b, options, plan, on_progress or _ignore) as measurement:
        measurement.extend(pairs)
        if held.received and measurement.cause is None:
            measurement.cause = KeyboardInterrupt()
        return measurement.profiles([measurement.pairs])


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""

"""Comparing two models, two profiles, or a model with a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from tflprof.analysis.comparison import Comparison
from tflprof.errors import TflprofError, UsageError
from tflprof.measure.interrupt import HeldSignals
from tflprof.measure.pairs import PairPlan
from tflprof.measure.pipeline import OnProgress, Progress
from tflprof.profile.mismatch import Mismatch
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile
from tflprof.targets.spec import parse_target
from tflprof.workflow.as_profiled import differing, keywords_as_profiled
from tflprof.workflow.pairs import MAX_SECONDS, compare_pairs, heed, open_pairs
from tflprof.workflow.pairs import measure_pairs as measure_pairs
from tflprof.workflow.profile import DEFAULT_TARGET, Interrupted, profile_model
from tflprof.workflow.run_options import PathLike, RunKeywords, RunOptions, checked

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class LiveComparison:
    """A comparison with the two profiles it was made of."""

    comparison: Comparison
    a: Profile
    b: Profile


class ComparisonInterrupted(Exception):
    """Something was measured for a comparison that then was cut short, or refused.

    Attributes:
        a: what was gathered of the first model, marked as partial if it is; None if nothing was.
        b: likewise of the second.
        comparison: what they say all the same; None if that is nothing.
        cause: KeyboardInterrupt (Ctrl-C or SIGTERM), or the error that ended it.
    """

    def __init__(
        self, a: Profile | None, b: Profile | None, comparison: Comparison | None, cause: BaseException
    ) -> None:
        super().__init__(f"the comparison was cut short: {cause or 'Ctrl-C'}")
        self.a = a
        self.b = b
        self.comparison = comparison
        self.cause = cause


@dataclass(frozen=True)
class _Judge:
    """How two profiles are compared."""

    threshold: float
    force: bool
    require_trust: bool

    def check(self, stored: Profile, found: Sequence[Mismatch]) -> None:
        """Raise Untrusted before anything is measured if the comparison would be refused all the same."""
        from tflprof.analysis.compare import check_trust, refusal

        if self.require_trust:
            check_trust(stored.meta)
        if found and not self.force:
            raise refusal(found)

    def __call__(self, a: Profile, b: Profile) -> Comparison:
        from tflprof.analysis.compare import compare_profiles

        return compare_profiles(
            a, b, threshold=self.threshold, force=self.force, require_trust=self.require_trust
        )


def compare_models(
    a: PathLike,
    b: PathLike,
    *,
    target: str = DEFAULT_TARGET,
    max_seconds: float = MAX_SECONDS,
    threshold: float = 0.01,
    force: bool = False,
    require_trust: bool = False,
    on_progress: OnProgress | None = None,
    **how: Unpack[RunKeywords],
) -> LiveComparison:
    """Measure two models and compare them, layer by layer.

    Where time is measured, both run in the same processes, block by block in turn, so that what drifts
    cancels; there are more processes as long as something is undecided. Where counts, and times predicted from
    them, are exact each is profiled by itself.

    Args:
        a: path of the first model, what the second is compared with.
        b: path of the second model.
        target: ``host``, ``interpreter``, ``emulated:PHONE`` or ``adb[:SERIAL]``.
        max_seconds: time budget, looked at between processes; ignored where counts are exact.
        threshold: relative difference that matters, such as 0.01.
        force: go on if the profiles may not be compared, and mark it.
        require_trust: refuse profiles that are in doubt.
        on_progress: called now and then.
        how: further arguments of :func:`tflprof.profile_model`: core, threads, kernels, signature, inputs,
            input_shapes, runtime, seed, xnnpack_flags, weight_cache, setup, cost, anchors. Inputs and shapes may be
            of one model only.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
        ComparisonInterrupted: cut short after the first samples, or refused; has what was measured.
    """
    from tflprof.analysis.paired import LOOKS

    options = RunOptions(target, **how)
    judge = _Judge(_checked_threshold(threshold), force, require_trust)
    tell = on_progress or _ignore
    if parse_target(target).kind == "emulated":
        graphs = checked(a, b, options)
        own = [options.only_for(graph).keywords() for graph in graphs]
        make = [_measured(model, keywords, tell) for model, keywords in zip((a, b), own, strict=True)]
        return _one_by_one(make, judge, tell)
    return _paired(a, b, options, PairPlan(max_seconds, most=LOOKS[-1]), judge, tell)


def compare(
    a: PathLike | Profile,
    b: PathLike | Profile,
    *,
    target: str | None = None,
    max_seconds: float = MAX_SECONDS,
    threshold: float = 0.01,
    force: bool = False,
    require_trust: bool = False,
    on_progress: OnProgress | None = None,
    **how: Unpack[RunKeywords],
) -> LiveComparison:
    """Compare two models, two profiles, or a model with a profile.

    Two models are measured as :func:`compare_models` does. A model is measured as the profile was that it is
    compared with; what is given here goes before what the profile says.

    Args:
        a: a model's path, a profile's path, or a profile; what ``b`` is compared with.
        b: likewise.
        target: of models; None: the profile's, or ``emulated:pixel2`` for two models.
        max_seconds: time budget, looked at between processes.
        threshold: relative difference that matters, such as 0.01.
        force: go on if the profiles may not be compared, and mark it.
        require_trust: refuse profiles that are in doubt.
        on_progress: called now and then.
        how: as for :func:`compare_models`.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
        ComparisonInterrupted: cut short after the first samples, or refused; has what was measured.
    """
    tell = on_progress or _ignore
    judge = _Judge(_checked_threshold(threshold), force, require_trust)
    first, second = _opened(a), _opened(b)
    if not isinstance(first, Profile) and not isinstance(second, Profile):
        return compare_models(
            first,
            second,
            target=target or DEFAULT_TARGET,
            max_seconds=max_seconds,
            threshold=threshold,
            force=force,
            require_trust=require_trust,
            on_progress=on_progress,
            **how,
        )
    given: dict[str, Any] = {**how} if target is None else {"target": target, **how}
    if isinstance(first, Profile) and isinstance(second, Profile):
        if given:
            raise UsageError(
                f"{', '.join(map(_option, given))}: given for two profiles, and nothing is to be measured",
                "leave it out, or give a model",
            )
        return LiveComparison(judge(first, second), first, second)
    stored = next(side for side in (first, second) if isinstance(side, Profile))
    likewise = {**keywords_as_profiled(stored.meta, given), "max_seconds": max_seconds}
    judge.check(stored, differing(stored.meta, given, profile_first=first is stored))
    return _one_by_one([_measured(side, likewise, tell) for side in (first, second)], judge, tell, stored)


def _paired(
    a: PathLike, b: PathLike, options: RunOptions, plan: PairPlan, judge: _Judge, tell: OnProgress
) -> LiveComparison:
    with (
        HeldSignals(holding=False) as held,
        open_pairs(a, b, options, plan, tell) as measurement,
    ):
        # Until here Ctrl-C loses nothing.
        held.holding = True
        found, refusal = compare_pairs(measurement, held, judge, tell)
        heed(held, measurement)
    cause = measurement.cause or refusal
    if cause is not None:
        raise ComparisonInterrupted(*found[:2], found[2], cause)
    assert found[2] is not None
    return LiveComparison(found[2], found[0], found[1])


def _one_by_one(
    make: list[Callable[[], Profile]], judge: _Judge, tell: OnProgress, stored: Profile | None = None
) -> LiveComparison:
    """Compare profiles that are made one after the other, but for the ``stored`` one."""
    made: list[Profile | None] = []
    with HeldSignals(holding=False) as held:
        try:
            for one in make:
                made.append(one())
            held.holding = True
            tell(Progress("comparing", None, ""))
        except Interrupted as stop:
            raise _interrupted([*made, stop.profile], stop.cause) from stop
        except (KeyboardInterrupt, TflprofError) as error:
            if all(one is stored for one in made):
                raise  # nothing was measured yet
            raise _interrupted(made, error) from error
        a, b = (one for one in made if one is not None)
        try:
            comparison = judge(a, b)
        except Exception as error:
            raise _interrupted(made, error) from error
    if held.received:
        raise ComparisonInterrupted(a, b, comparison, KeyboardInterrupt())
    return LiveComparison(comparison, a, b)


def _interrupted(made: list[Profile | None], cause: BaseException) -> ComparisonInterrupted:
    a, b = [*made, None, None][:2]
    return ComparisonInterrupted(a, b, None, cause)


def _measured(side: PathLike | Profile, keywords: dict[str, Any], tell: OnProgress) -> Callable[[], Profile]:
    if isinstance(side, Profile):
        return lambda: side
    return lambda: _profiled(side, keywords, tell)


def _profiled(model: PathLike, keywords: dict[str, Any], tell: OnProgress) -> Profile:
    def tell_of_it(progress: Progress) -> None:
        tell(replace(progress, detail=f"{Path(model).name}: {progress.detail}"))

    return profile_model(model, **keywords, on_progress=tell_of_it)


def is_profile(path: PathLike) -> bool:
    """True if a path names a profile rather than a model, by its suffix or by how the file begins."""
    if Path(path).suffix == ".parquet":
        return True
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_PARQUET)) == _PARQUET
    except OSError:
        return False  # which the reader of models will explain


def _opened(side: PathLike | Profile) -> PathLike | Profile:
    """A profile if it is one or names one, else the path of a model."""
    return side if isinstance(side, Profile) or not is_profile(side) else read_profile(side)


def _option(keyword: str) -> str:
    """A keyword as the command line's option."""
    return "--" + {"inputs": "input", "input_shapes": "input-shape"}.get(keyword, keyword.replace("_", "-"))


def _checked_threshold(threshold: float) -> float:
    if not 0 < threshold < 1:
        raise UsageError(f"--threshold must be above 0 and below 1 (100%), not {threshold:g}", "such as 1%")
    return threshold


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""

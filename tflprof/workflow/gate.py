"""The latency gate: measures what is to be judged, once more where it must, and judges it (docs/ci.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tflprof.analysis import gate, gate_rounds
from tflprof.analysis.compare import check_trust
from tflprof.analysis.gate_hint import next_step
from tflprof.analysis.verdicts import GateCase, GateResult, worst
from tflprof.errors import EXIT_INTERRUPTED, TflprofError, UsageError
from tflprof.measure.pipeline import OnProgress
from tflprof.profile.profile import Profile
from tflprof.workflow.baseline import update_baseline
from tflprof.workflow.compare import ComparisonInterrupted
from tflprof.workflow.gate_case import CaseSpec, Prepared, prepare
from tflprof.workflow.gate_round import OnProfile, Round, doubts, measure_case, run_round
from tflprof.workflow.profile import Interrupted

_ENDS = (TflprofError, Interrupted, ComparisonInterrupted, KeyboardInterrupt)


class GateInterrupted(Exception):
    """A gate was cut short by Ctrl-C or SIGTERM.

    Attributes:
        result: the cases so far, the last of them the one that was cut short; None before the first.
    """

    def __init__(self, result: GateResult) -> None:
        super().__init__("the gate was cut short")
        self.result = result


def run_gate(
    cases: Sequence[CaseSpec],
    *,
    inconclusive_as: Literal["pass", "fail"] | None = None,
    require_trust: bool = False,
    update_baselines: bool = False,
    on_progress: OnProgress | None = None,
    on_profile: OnProfile | None = None,
) -> GateResult:
    """Judge every case.

    What does not pass on a target that measures time is measured again, and fails only if two measurements say
    so (:func:`tflprof.analysis.gate_rounds.combine`). A case that an error keeps from being measured is
    reported, and the others go on.

    Args:
        cases: models or profiles with their budgets.
        inconclusive_as: what an inconclusive verdict is taken as; None: it is a verdict of its own.
        require_trust: a profile that is not trusted without doubt is not judged, nor is a baseline.
        update_baselines: replace every case's baseline by what is measured; its relative budgets are not judged.
        on_progress: called now and then.
        on_profile: called with a case's name and every profile measured for it, partial ones included.

    Raises:
        TflprofError: a case cannot be meant so; nothing was measured.
        GateInterrupted: cut short; it has the result so far.
    """
    if update_baselines and all(case.baseline is None for case in cases):
        raise UsageError("there is no baseline to update", "name its place with --baseline FILE")
    prepared = [prepare(case, update=update_baselines) for case in cases]
    keep = on_profile or _ignore
    done: list[GateCase] = []
    for case in prepared:
        tell = _teller(case, len(prepared) > 1, on_progress)
        attempt = _Attempt(case, require_trust, tell, keep)
        found = attempt.update() if update_baselines and case.spec.baseline else attempt.run()
        done.append(found)
        if found.error_code == EXIT_INTERRUPTED:
            raise GateInterrupted(GateResult(tuple(done), inconclusive_as))
    return GateResult(tuple(done), inconclusive_as)


class _Attempt:
    """A case from its measurement to its verdict, whatever becomes of it."""

    def __init__(self, case: Prepared, require_trust: bool, tell: OnProgress | None, keep: OnProfile) -> None:
        self.case = case
        self.require_trust = require_trust
        self.tell = tell
        self.keep = keep

    def run(self) -> GateCase:
        """Measured, judged, and measured again as long as that can tell more."""
        rounds: list[Round] = []
        try:
            rounds.append(self._round())
            stored = self.case.profile is not None
            exact = stored or rounds[0].profile.meta.deterministic
            while gate_rounds.more_needed([one.results for one in rounds], deterministic=exact):
                rounds.append(self._round())
        except _ENDS as error:
            return self._broken(error, self._judged(rounds, broken=True) if rounds else None)
        return self._judged(rounds)

    def update(self) -> GateCase:
        """Measured and made the baseline; absolute budgets are judged."""
        limits = tuple(limit for limit in self.case.spec.limits if limit.relative is None)
        try:
            profile = measure_case(self.case, self.tell, self.keep)
            if self.require_trust:
                check_trust(profile.meta)
            said = (*update_baseline(self.case, profile), *doubts([("", profile.meta)]))
        except _ENDS as error:
            return self._broken(error)
        return self._judged([Round(profile, gate.judge(limits, profile), notes=said)])

    def _round(self) -> Round:
        return run_round(
            self.case, require_trust=self.require_trust, on_progress=self.tell, on_profile=self.keep
        )

    def _judged(self, rounds: Sequence[Round], *, broken: bool = False) -> GateCase:
        """What the rounds say together; ``broken``: the last one that was needed is missing."""
        last, stored = rounds[-1], self.case.profile is not None
        single = len(rounds) == 1 and not broken
        results = last.results if single else gate_rounds.combine([one.results for one in rounds])
        if broken and len(rounds) == 1:
            results = gate_rounds.unconfirmed(last.results)
        verdict = worst(tuple(result.verdict for result in results))
        hint = next_step(
            results,
            verdict,
            updatable=not stored and self.case.baseline is not None,
            measured_time=not stored and not last.profile.meta.deterministic,
            prediction=last.profile.meta.prediction,
        )
        return GateCase(
            name=self.case.title,
            model=str(self.case.spec.model),
            target=self.case.target,
            results=results,
            verdict=verdict,
            hint=hint,
            meta=last.profile.meta,
            measured=0 if stored else len(rounds),
            comparison=last.comparison,
            notes=last.notes,
        )

    def _broken(self, error: BaseException, judged: GateCase | None = None) -> GateCase:
        """A case that an error ended; ``judged``: what was found before."""
        cause = error.cause if isinstance(error, Interrupted | ComparisonInterrupted) else error
        if not isinstance(cause, TflprofError | KeyboardInterrupt):
            raise cause
        known = cause if isinstance(cause, TflprofError) else None
        before = judged or GateCase(
            self.case.title, str(self.case.spec.model), self.case.target, (), "inconclusive"
        )
        return replace(
            before,
            verdict=worst(("inconclusive", before.verdict)),
            error=known.what if known else "it was interrupted",
            hint=known.hint if known else None,
            error_code=known.exit_code if known else EXIT_INTERRUPTED,
        )


def _teller(case: Prepared, several: bool, tell: OnProgress | None) -> OnProgress | None:
    if tell is None or not several:
        return tell
    return lambda progress: tell(replace(progress, detail=f"{case.title}: {progress.detail}"))


def _ignore(_name: str, _profile: Profile) -> None:
    """A profile nobody asked for."""

"""What to do about a case of the gate that did not pass."""

from __future__ import annotations

from collections.abc import Sequence

from tflprof.analysis.gate import GONE_LAYER, NEW_LAYER
from tflprof.analysis.verdicts import BudgetResult, Verdict
from tflprof.profile.meta import Prediction

_RELY = {
    True: "judge its instructions or its growth over a --baseline, which are exact, or measure on the phone",
    False: "with one time measured on such a phone the interval is narrower: tflprof calibrate PHONE --measured "
    "MODEL=TIME; instructions, and growth over a --baseline, are exact",
}
"""What to do about a prediction whose interval has the limit in it: with anchors, and without."""


def next_step(
    results: Sequence[BudgetResult],
    verdict: Verdict,
    *,
    updatable: bool,
    measured_time: bool,
    prediction: Prediction | None = None,
) -> str | None:
    """One sentence; None if there is nothing to say.

    Args:
        results: of all budgets.
        verdict: of the case.
        updatable: the baseline is a stored profile and the model is there to be measured.
        measured_time: the case is measured, and what is measured is time.
        prediction: how its times were predicted, None if they were not.
    """
    decisive = [one for one in results if one.verdict == verdict]
    if verdict == "fail":
        relative = any(one.baseline is not None for one in decisive)
        return (
            "if it is meant to cost so much, accept it with --update-baseline"
            if relative and updatable
            else None
        )
    if verdict == "incomparable":
        return "make the baseline anew under these conditions, with --update-baseline" if updatable else None
    if verdict != "inconclusive":
        return None
    if updatable and any(one.reason.startswith((NEW_LAYER, GONE_LAYER)) for one in decisive):
        return "look at the layers that are new or gone, then accept them with --update-baseline"
    if prediction is not None and any(one.unit == "ns" and one.baseline is None for one in decisive):
        return _RELY[bool(prediction.anchors)]
    return "measure longer, with --max-seconds, or leave the budget more room" if measured_time else None

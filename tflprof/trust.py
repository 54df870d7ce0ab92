"""Whether a profile deserves belief: what is found against it, and the verdict (the kinds: rules.py).

A finding says what is doubtful and what to do about it. Its severity is ``note`` (worth knowing),
``doubt`` (numbers may be off by more than they say) or ``taint`` (numbers must not be relied upon).
The verdict is that of the gravest finding: ``ok``, ``doubtful`` or ``tainted``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tflprof import trust_device
from tflprof.profile.meta import Finding, ProfileMeta
from tflprof.profile.summary import Summary
from tflprof.rules import REGISTRY as REGISTRY
from tflprof.rules import finding as finding

MIN_SAMPLES = 20
OVERHEAD_SHARE = 0.10
STOCK_OVERHEAD_SHARE = 0.01
UNATTRIBUTED_SHARE = 0.01
UNEXPLAINED_SHARE = 0.10
IMPRECISE = 0.10
DISTORTED_SHARE = 0.50
UNATTRIBUTED_NS = 1000.0
MISSED_SHARE = 0.10
FEW_TURNS = 2

_GRAVITY = {"note": 0, "doubt": 1, "taint": 2}
_VERDICT = {0: "ok", 1: "doubtful", 2: "tainted"}


def verdict(findings: Sequence[Finding]) -> str:
    """``ok``, ``doubtful`` or ``tainted``: as grave as the gravest finding."""
    return _VERDICT[max((_GRAVITY[found.severity] for found in findings), default=0)]


def assess(meta: ProfileMeta, summary: Summary) -> tuple[Finding, ...]:
    """All findings about a profile, gravest first."""
    if meta.kind == "aggregate":
        found = [
            *_completeness(meta),
            *_averages(meta, summary),
            # Nothing is known of the conditions of an imported log.
            *(trust_device.work_findings(meta) if meta.source == "benchmark_model" else ()),
            *trust_device.frequency_findings(meta),
            *trust_device.power_findings(meta),
            *trust_device.phone_findings(meta),
            *_attribution(meta, summary),
        ]
    else:
        found = [
            *_completeness(meta),
            *_link(meta),
            *_precision(meta, summary),
            *_course(meta),
            *_prediction(meta),
            *trust_device.work_findings(meta),
            *_runtime(meta),
            *trust_device.cores_findings(meta),
            *trust_device.frequency_findings(meta),
            *_deadlines_and_counters(meta),
            *trust_device.power_findings(meta),
            *trust_device.phone_findings(meta),
            *_attribution(meta, summary),
        ]
    return tuple(sorted(found, key=lambda one: -_GRAVITY[one.severity]))


def _completeness(meta: ProfileMeta) -> Iterator[Finding]:
    if not meta.schedule.complete:
        reason = meta.conditions.get("ended_by") or "it was interrupted"
        remedy = (
            None if reason == "Ctrl-C" else "mend what the message tells of, then run it again to the end"
        )
        yield finding("partial-run", f"the measurement was cut short: {reason}", remedy=remedy)
    unread = meta.conditions.get("unread_events") or 0
    if unread:
        yield finding("events-unread", f"{unread} events of the runtime fit no layer and stay unattributed")


def _averages(meta: ProfileMeta, summary: Summary) -> Iterator[Finding]:
    """What an imported or aggregate profile cannot say, and what its log left open."""
    count = f" of {summary.total.n} inferences" if summary.total.n else ""
    also = "" if summary.unattributed.typical is not None else "; the total is the sum of the rows"
    if not meta.alignment.rows:
        also = "; the log has no table of operators (run the tool with --enable_op_profiling=true)"
    warm = ", warm-up included" if meta.conditions.get("averages_include_warmup") else ""
    yield finding("averages-only", f"these are {meta.runner_build}'s averages{count}{warm}, no samples{also}")
    merged = meta.conditions.get("merged_kernels") or 0
    if merged:
        yield finding(
            "merged-partitions",
            f"the tool added up kernels of several partitions in {merged} rows; "
            "layers that cannot be told apart are shown as one",
        )
    unread = meta.conditions.get("unread_lines") or ()
    problems = meta.conditions.get("log_problems") or ()
    if unread:
        first = unread[0]
        yield finding(
            "lines-unread",
            f"{len(unread)} lines inside tables were not understood, the first is line {first[0]}: {first[1]!r}",
        )
    for problem in problems:
        yield finding("lines-unread", problem)


def _link(meta: ProfileMeta) -> Iterator[Finding]:
    times = meta.conditions.get("reconnects") or 0
    if times:
        yield finding(
            "reconnected", f"the link to the device broke {_times(times)}; measuring went on after it"
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _precision(meta: ProfileMeta, summary: Summary) -> Iterator[Finding]:
    total = summary.total
    if meta.deterministic:
        if not meta.schedule.reached:
            yield finding("not-repeatable", "no two consecutive inferences gave the same counts")
        return
    more = _more_time(meta)
    if total.n < MIN_SAMPLES:
        message = f"the total rests on {total.n} inferences, fewer than {MIN_SAMPLES}"
        yield finding("too-few-samples", message, remedy=more)
    if meta.schedule.sustain_seconds is not None:
        return  # of a machine that may have changed: its course is the result
    if meta.pairing is not None:
        pass  # its own total's interval was not asked for: what both models share cancels from their ratio
    elif total.typical is None or total.lo is None or total.hi is None:
        needed = meta.conditions.get("seconds_needed")
        why = f": at {meta.options.rate:g} Hz it takes --max-seconds {needed} or more" if needed else ""
        message = f"the interval of the total could not be computed{why}"
        yield finding("interval-unknown", message, remedy=more)
    elif (width := (total.hi - total.lo) / 2 / total.typical) > meta.schedule.precision:
        wanted = meta.schedule.precision
        message = f"the total is known within ±{width:.1%}, wanted was ±{wanted:.1%}"
        yield finding("interval-not-reached", message, grave=width > max(IMPRECISE, wanted), remedy=more)
    yield from _steadiness(meta)


def _prediction(meta: ProfileMeta) -> Iterator[Finding]:
    """What predicted times rest on. None of it speaks against them: their interval has it."""
    prediction = meta.prediction
    if prediction is None:
        return
    if not prediction.anchors:
        message = (
            f"no time measured on a {meta.target.name} went into the prediction, hence its wide interval"
        )
        remedy = f"with a measured time: tflprof calibrate {meta.target.name} --measured MODEL=TIME"
        yield finding("unanchored", message, remedy=remedy)
    if prediction.extrapolated:
        reasons = "; ".join(prediction.extrapolated)
        yield finding("extrapolated", f"predicted beyond what was checked: {reasons}")
    for sentence in meta.conditions.get("prediction_notes") or ():
        yield finding("anchors-unused", sentence)


def _more_time(meta: ProfileMeta) -> str | None:
    """How to get more samples, where the usual advice does not fit."""
    if not meta.schedule.complete:
        return "run it again to the end"
    return None if meta.schedule.sustain_seconds is None else "give more time with --sustain"


def _steadiness(meta: ProfileMeta) -> Iterator[Finding]:
    unsteady = meta.conditions.get("unsteady_processes") or 0
    if unsteady * 2 > meta.schedule.processes:
        yield finding("not-steady", f"{unsteady} of {meta.schedule.processes} processes never became steady")
    elif change := meta.conditions.get("change_within"):
        message = f"processes became {_became(change)} from their first steady block to their last"
        yield finding("not-steady", message)


def _became(change: float) -> str:
    return f"{'slower' if change > 0 else 'faster'} by {abs(change):.0%}"


def _course(meta: ProfileMeta) -> Iterator[Finding]:
    """What the session did beside measuring one thing over and over; of a pair it cancels from the ratio."""
    paired = meta.pairing is not None
    drift = meta.conditions.get("drift")
    if drift and not paired:
        yield finding("drift", f"processes became {_became(drift['change'])} from the first to the last")
    modes = meta.conditions.get("modes")
    if modes and not paired:
        yield _two_levels(modes)


def _two_levels(modes: Mapping[str, Any]) -> Finding:
    apart, of = modes["high"] / modes["low"] - 1, modes["of"]
    message = (
        f"{of} took either {modes['low'] / 1e6:.4g} or {modes['high'] / 1e6:.4g} ms ({apart:+.1%}), "
        f"{modes['share']:.0%} of them the longer"
    )
    if modes["turns"] > FEW_TURNS:
        return finding("bimodal", message, grave=apart > IMPRECISE)
    times = "once" if modes["turns"] <= 1 else f"{modes['turns']} times"
    remedy = "something on the machine changed (clock, heat, other work): find it, or measure longer (--max-seconds)"
    return finding("bimodal", f"{message}; the level changed {times}", grave=True, remedy=remedy)


def _runtime(meta: ProfileMeta) -> Iterator[Finding]:
    device = meta.conditions.get("device") or {}
    start = device.get("start") or {}
    if start.get("runtime_mode") == "glibc-bundle" and meta.target.os.startswith("Android"):
        yield finding(
            "experimental-runtime",
            "the library is the one for Linux, with a glibc brought along, not Android's own",
        )
    built, checks = meta.runtime.get("built"), meta.runtime.get("checks")
    if built or checks:
        words = " and ".join(reason for reason in (built, checks) if reason)
        yield finding("runtime-debug", f"the inference library {words}", grave=built is not None)
    if unfit := meta.runtime.get("unfit"):
        yield finding("runtime-mismatched", f"the inference library {unfit}")
    if mixed := _mixed(meta):
        remedy = "leave the library alone while it is measured, and measure again"
        yield finding("runtime-mismatched", mixed, grave=True, remedy=remedy)


def _mixed(meta: ProfileMeta) -> str | None:
    """Why it is not one library that was measured, or not the one it is called; None if it is."""
    end = (meta.conditions.get("device") or {}).get("end") or {}
    if end.get("library_changed"):
        return "the file of the inference library changed while it was measured"
    told, known = meta.conditions.get("library_versions") or (), meta.runtime.get("version")
    if len(told) > 1:
        return f"the processes ran libraries of several versions: {', '.join(told)}"
    if told and known and told[0] != known:
        return f"the inference library is known as version {known} and calls itself {told[0]}"
    return None


def _attribution(meta: ProfileMeta, summary: Summary) -> Iterator[Finding]:
    share, gap = summary.unattributed_share, summary.unattributed.typical
    slack = UNATTRIBUTED_NS if meta.unit == "ns" else 0.0
    allowed = UNATTRIBUTED_SHARE * (summary.total.typical or 0.0) + slack
    if share is not None and gap is not None and abs(gap) > allowed:
        grave = abs(share) > UNEXPLAINED_SHARE and abs(gap) > 2 * slack
        yield finding("unattributed-high", f"{share:+.1%} of the total is in no layer", grave=grave)
    structures = meta.alignment.structures
    if structures and not any(structure.events for structure in structures):
        yield finding("layers-untold", "the runtime tells no times of layers, only the total is known")
    yield from _overhead(meta, summary.overhead_share)
    tick = meta.clock.tick
    # What took no step of the clock was measured, too.
    shortest = [x.estimate.typical for x in summary.layers if x.estimate.typical is not None]
    timed = meta.unit == "ns" and meta.prediction is None
    if timed and tick and shortest and tick * 20 > min(shortest) and tick >= 1000:
        message = f"the clock's step is {tick} ns, the shortest layer takes {min(shortest):.0f} ns"
        yield finding("timer-coarse", message, remedy=_against_coarse(meta))


def _overhead(meta: ProfileMeta, share: float | None) -> Iterator[Finding]:
    """What profiling adds; the native runner spares the library a part of it, in Python all of it is in the layers."""
    if share is None:
        return
    stock = meta.source == "inprocess"
    if share > OVERHEAD_SHARE:
        remedy = REGISTRY["stock-overhead"].remedy if stock else None
        message = f"profiling makes an inference {share:.0%} longer"
        yield finding("overhead-high", message, grave=share > DISTORTED_SHARE, remedy=remedy)
    elif stock and share > STOCK_OVERHEAD_SHARE:
        yield finding("stock-overhead", f"the runtime's own profiling, {share:.1%}, is in the layers' times")


def _against_coarse(meta: ProfileMeta) -> str | None:
    """Who has the native runner already has a coarse clock in the machine."""
    if meta.source != "native":
        return None
    return (
        "layers of a few clock steps are uncertain; see which clock the system uses "
        "(/sys/devices/system/clocksource/clocksource0/current_clocksource)"
    )


def _deadlines_and_counters(meta: ProfileMeta) -> Iterator[Finding]:
    missed, deadlines = meta.conditions.get("missed_deadlines"), meta.conditions.get("deadlines")
    if missed and deadlines:
        count = f"{deadlines} inferences without profiling"
        message = f"{missed} deadlines were missed in {count} at {meta.options.rate:g} Hz"
        yield finding("deadline-missed", message, grave=missed > MISSED_SHARE * deadlines)
    error = meta.conditions.get("pmu_error")
    if error:
        yield finding("pmu-unavailable", f"counters of the core could not be read: {error}")

"""A comparison in words: the verdict, how it came about, what its words mean."""

from __future__ import annotations

import math

from tflprof import units
from tflprof.analysis.comparison import Comparison, Difference
from tflprof.analysis.exact import exact_words
from tflprof.report.view import provenance_text

_METHODS = {
    "paired": "measured together",
    "stored": "two files, each measured by itself",
    "exact": "{} that do not vary",
    "devices": "one model on two devices",
}


_PREDICTED_SAME = "Up to 0.1 % of A's, or 1 µs if that is more, they are the same."

_APART, _APART_SHARE = 0.002, 0.05
"""Two changes contradict each other if they differ by more than this, and by more than this share of the change."""


def verdict_sentence(comparison: Comparison) -> str:
    """The conclusion about the total: ``B is 12.3 % faster than A: 10.1 → 8.92 ms, …``; or why there is none."""
    total, step = comparison.total, _step(comparison)
    if comparison.forced:
        before, after = total_texts(comparison)
        return f"A and B cannot be compared. Side by side, as asked for: A {before}, B {after}"
    if comparison.method == "devices":
        if not units.known(total.ratio):
            return f"An inference on A's device and on B's: {step}"
        return (
            f"On B's device an inference takes {units.digits(total.ratio)} times what it takes on A's: {step}"
        )
    step, interval = f": {step}", _interval(comparison)
    if comparison.method == "paired" and _apart(total):
        # What the two cost each by itself is another number, and would contradict the pairs'.
        judged = total.status in ("faster", "slower")
        pairs = " in their pairs" if judged else f": {units.format_change(total.ratio)} in their pairs"
        step, interval = pairs, f"{interval} (each by itself{step})"
    if total.status in ("faster", "slower"):
        return f"B {_by(comparison)} A{step}{interval}"
    if total.status == "same":
        alike = "takes as long as" if comparison.unit == "ns" else f"needs as many {comparison.unit} as"
        return f"B {alike} A{_but_for(comparison)}{step}{interval}"
    if total.a is None or total.b is None or total.a.typical is None or total.b.typical is None:
        before, after = total_texts(comparison)
        step = f": the total of A is {before}, of B {after}".replace(units.UNKNOWN, "unknown")
    more, less = ("slower", "faster") if comparison.unit == "ns" else ("dearer", "cheaper")
    return f"It cannot be said whether B is {less} or {more} than A{step}{interval}"


def method_words(comparison: Comparison) -> str:
    """``measured together, 20 process pairs``."""
    text = _METHODS[comparison.method].format(exact_words(comparison.a))
    if comparison.pairs is None:
        return text
    return f"{text}, {comparison.pairs} process pair" + ("" if comparison.pairs == 1 else "s")


def method_sentences(comparison: Comparison) -> str:
    """Where the evidence comes from and how sure the statuses are."""
    if comparison.method == "devices":
        return (
            "One model on two devices: shares of the total and ratios are shown, nothing is judged, "
            "and no gate may rest on it."
        )
    how = {
        "paired": "Both models ran in the same processes, block by block in turn, so that drift cancels.",
        "stored": "Two files, each measured by itself: drift between them does not cancel. "
        "What lies within their noise floors is inconclusive.",
        "exact": _counts(comparison),
    }[comparison.method]
    parts = [how]
    if comparison.pairs is not None:
        looks = comparison.looks
        seen = "" if looks is None else f", looked at {'once' if looks == 1 else f'{looks} times'}"
        parts.append(f"{_count(comparison.pairs, 'process pair')}{seen}.")
    if comparison.method != "exact":
        parts.append(
            f"Intervals hold for the total and all layers at once, at {confidence(comparison)}; "
            f"a total is the same if all of its interval lies within ±{units.format_share(comparison.threshold)}."
        )
    return " ".join(parts)


def _counts(comparison: Comparison) -> str:
    sides = (("A", comparison.a), ("B", comparison.b))
    unsure = [side for side, meta in sides if meta.schedule.reached is False]
    if unsure:
        words = exact_words(comparison.a)
        return f"The {words} of {' and '.join(unsure)} did not repeat: no difference of theirs is judged."
    if comparison.a.prediction is not None:
        return f"{_predicted(comparison)} {_PREDICTED_SAME}"
    return (
        "Counts repeat exactly: there is no chance in them, and no interval. Up to 0.1 % of A's, or 1000 if that is "
        "more, they are the same."
    )


def _predicted(comparison: Comparison) -> str:
    """What a comparison of predicted times says of the phone."""
    said = (
        "Times are predicted by one model of one core, which repeats exactly: statuses are about the model."
    )
    if comparison.ratio_error is None:
        return f"{said} How far a phone's ratio may be from it is not known."
    off = units.format_spread(1.0, math.exp(-comparison.ratio_error), math.exp(comparison.ratio_error))
    return f"{said} On phones, ratios of two totals were within {off} of predicted ones (95 %)."


def matching_sentence(comparison: Comparison) -> str:
    """How layers of A were found in B, and how many have no counterpart."""
    how = {
        "identity": "Layers are matched by identity: the graphs agree.",
        "structure": f"Layers are matched by structure: {_why_structure(comparison)}.",
    }[comparison.matching]
    alone = [
        f"{_count(count, 'row')} only in {side}"
        for side, count in (
            ("A", sum(row.b is None for row in comparison.layers)),
            ("B", sum(row.a is None for row in comparison.layers)),
        )
        if count
    ]
    return f"{how} {' and '.join(alone)}." if alone else how


def _why_structure(comparison: Comparison) -> str:
    unknown = [side for side in (comparison.a, comparison.b) if side.model.fingerprint is None]
    return "whether the graphs agree is not known" if unknown else "the graphs differ"


def match_words(row: Difference) -> str:
    """How a row's two sides belong together: ``renamed``, ``split 1 → 3``."""
    if row.match in ("split", "fused", "regrouped") and row.a is not None and row.b is not None:
        return f"{row.match} {len(row.a.layers)} → {len(row.b.layers)}"
    return row.match


def ratio_interval(row: Difference) -> str:
    """The ratio's interval as changes: ``−13.1 … −11.5 %``; empty where there is none, or no chance in it."""
    if row.ratio_lo == row.ratio_hi:
        return ""
    return units.format_change_interval(row.ratio_lo, row.ratio_hi)


def confidence(comparison: Comparison) -> str:
    """``99 %``."""
    return f"{100 * (1 - comparison.alpha):g} %"


def both_provenances(comparison: Comparison) -> str:
    """What the numbers are, of both sides if they differ."""
    a, b = provenance_text(comparison.a), provenance_text(comparison.b)
    return a if a == b else f"A {a}, B {b}"


def _apart(total: Difference) -> bool:
    """True if the two costs by themselves tell another change than the pairs do."""
    a, b = (None if part is None else part.typical for part in (total.a, total.b))
    if not (units.known(a) and units.known(b) and units.known(total.ratio)) or a <= 0:
        return False
    own, pairs = b / a - 1, total.ratio - 1
    return abs(own - pairs) > max(_APART, _APART_SHARE * abs(pairs))


def _but_for(comparison: Comparison) -> str:
    """Counts that are the same need not be equal."""
    difference = comparison.total.difference
    if comparison.method != "exact" or not difference:
        return ""
    return f" but for {units.format_value(abs(difference), comparison.unit)}"


def _by(comparison: Comparison) -> str:
    total = comparison.total
    size = units.format_change(total.ratio).lstrip("+−")
    by = "" if size == units.UNKNOWN else f"{size} "
    if comparison.unit == "ns":
        return f"is {by}{total.status} than"
    return f"needs {by}{'fewer' if total.status == 'faster' else 'more'} {comparison.unit} than"


def what_went(comparison: Comparison) -> str:
    """What a waterfall is of: ``milliseconds``, ``instructions``."""
    if comparison.unit != "ns":
        return comparison.unit
    totals = [part.typical or 0.0 for part in (comparison.total.a, comparison.total.b) if part is not None]
    _, suffix = units.scale_of(max(totals, default=0.0), "ns")
    return {"ns": "nanoseconds", "µs": "microseconds", "ms": "milliseconds"}.get(suffix, "seconds")


def total_texts(comparison: Comparison) -> tuple[str, str]:
    """Both totals with their units, with digits enough to tell them apart."""
    a, b = comparison.total.a, comparison.total.b
    before, after = None if a is None else a.typical, None if b is None else b.typical
    if comparison.a.unit != comparison.b.unit or not (units.known(before) and units.known(after)):
        return _with_unit(before, comparison.a.unit), _with_unit(after, comparison.b.unit)
    first, second = units.format_step(before, after, comparison.unit).split(" → ")
    number, _, suffix = second.partition(" ")
    name = "" if comparison.unit == "ns" else f" {comparison.unit}"
    return f"{first} {suffix}{name}".replace("  ", " "), f"{number} {suffix}{name}".replace("  ", " ")


def _step(comparison: Comparison) -> str:
    a, b = comparison.total.a, comparison.total.b
    before, after = None if a is None else a.typical, None if b is None else b.typical
    text = units.format_step(before, after, comparison.unit)
    return text if comparison.unit == "ns" else f"{text} {comparison.unit}"


def _with_unit(value: float | None, unit: str) -> str:
    text = units.format_value(value, unit)
    return text if unit == "ns" or text == units.UNKNOWN else f"{text} {unit}"


def _interval(comparison: Comparison) -> str:
    """``, 99 % simultaneous interval −13.1 … −11.5 %``; empty where there is none."""
    if comparison.phone_ratio is not None:
        return f", on the phone {units.format_change_interval(*comparison.phone_ratio)} (95 %)"
    interval = ratio_interval(comparison.total)
    return f", {confidence(comparison)} simultaneous interval {interval}" if interval else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")

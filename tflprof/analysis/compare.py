"""Two profiles compared: by the samples of common processes, by noise floors, or by what repeats exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tflprof import units
from tflprof.analysis.compared import Compared, compared_rows, compared_total
from tflprof.analysis.comparison import Comparison, Difference, Method, Part, Status
from tflprof.analysis.exact import counts_agree, exact_differences, exact_words
from tflprof.analysis.match import RowMatch, graphs_agree, match_rows
from tflprof.analysis.paired import ALPHA, paired_result
from tflprof.analysis.stored import stored_differences
from tflprof.analysis.together import paired_differences
from tflprof.errors import Untrusted, UsageError
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import PREDICTION, Mismatch, mismatches, shown_value
from tflprof.profile.profile import Profile

DRIFT = "two files cannot cancel drift: what changed between their measurements looks like a difference"
ITSELF = "A and B are one and the same profile: nothing was measured twice"
_DEVICE_KEYS = frozenset(
    {
        *("target", "core", "cpus", "runtime.platform", "runtime.sha256"),
        *(f"{PREDICTION}{name}" for name in ("core", "hertz", "scale", "costs_sha256")),
    }
)
"""Conditions in which two devices may differ, with all that begins with ``target.``."""
_DEVICES = "another device: shown with shares and ratios, never judged"
_FORCED = "the profiles differ in what changes speed"


@dataclass(frozen=True)
class _Judged:
    total: Difference
    layers: tuple[Difference, ...]
    pairs: int | None = None
    looks: int | None = None


def compare_profiles(
    a: Profile, b: Profile, *, threshold: float = 0.01, force: bool = False, require_trust: bool = False
) -> Comparison:
    """Compare profile ``b`` with profile ``a``.

    Args:
        a: the first profile, the baseline.
        b: the second.
        threshold: relative difference that matters, above 0 and below 1; counts that repeat exactly have their own.
        force: show profiles that may not be compared; every status is ``incomparable``.
        require_trust: refuse profiles whose verdict is not ``ok``.

    Raises:
        UsageError: ``threshold`` out of range.
        Untrusted: the profiles differ in conditions that change speed, or one is not trusted.
    """
    if not 0 < threshold < 1:
        raise UsageError(
            f"the threshold must be above 0 and below 1, not {threshold:g}", "0.01, or 1%, is the default"
        )
    if require_trust:
        check_trust(a.meta, b.meta)
    found = mismatches(a.meta, b.meta)
    method = _method(a.meta, b.meta, found)
    forced = bool(found) and method != "devices"
    if forced and not force:
        raise refusal(found)
    matches = match_rows(a.meta, b.meta)
    total, rows = compared_total(a, b), compared_rows(a, b, matches)
    judged = _judge(method, a, b, total, rows, matches, threshold)
    if forced or method == "devices":
        judged = _incomparable(judged, _FORCED if forced else _DEVICES, a.meta.unit == b.meta.unit)
    return Comparison(
        method=method,
        a=a.meta,
        b=b.meta,
        total=judged.total,
        layers=judged.layers,
        unattributed=_unattributed(a, b, method, incomparable=judged.total.status == "incomparable"),
        threshold=threshold,
        alpha=ALPHA,
        pairs=judged.pairs,
        looks=judged.looks,
        matching="identity" if graphs_agree(a.meta, b.meta) else "structure",
        mismatches=found,
        forced=forced,
        notes=_notes(a, b, judged.total.status, method),
    )


def check_trust(*metas: ProfileMeta) -> None:
    """Raise Untrusted naming the findings of every profile whose verdict is not ``ok``."""
    doubted = [meta for meta in metas if meta.verdict != "ok"]
    if not doubted:
        return
    told = "; ".join(
        f"{meta.model.name} ({meta.created}) is {meta.verdict}: "
        + ", ".join(f"{found.code} ({found.message})" for found in meta.findings if found.severity != "note")
        for meta in doubted
    )
    raise Untrusted(f"trust is required, but {told}", "measure again, or leave --require-trust out")


def _method(a: ProfileMeta, b: ProfileMeta, found: Sequence[Mismatch]) -> Method:
    devices = bool(found) and _on_two_devices(a, b, found)
    if not devices and a.deterministic and b.deterministic and a.unit == b.unit:
        return "exact"
    if not found and _measured_together(a, b):
        return "paired"
    return "devices" if devices else "stored"


def _on_two_devices(a: ProfileMeta, b: ProfileMeta, found: Sequence[Mismatch]) -> bool:
    """One model on two devices of a kind, under otherwise equal conditions."""
    keys = {one.key for one in found}
    kinds = {a.target.kind, b.target.kind}
    one_kind = len(kinds) == 1 and kinds <= {"adb", "emulated"}
    of_device = all(key in _DEVICE_KEYS or key.startswith("target.") for key in keys)
    return one_kind and not keys.isdisjoint({"target", "target.unit"}) and of_device and graphs_agree(a, b)


def _measured_together(a: ProfileMeta, b: ProfileMeta) -> bool:
    one, other = a.pairing, b.pairing
    return one is not None and other is not None and one.id == other.id and one.side != other.side


def refusal(found: Sequence[Mismatch]) -> Untrusted:
    """The error that names every condition in which two profiles differ, or may differ, with both values."""
    told = "; ".join(f"{one.key}: A {shown_value(one.a)}, B {shown_value(one.b)}" for one in found)
    unknown = [one.a is None and one.b is None for one in found]
    how = "may differ" if all(unknown) else "differ, or may differ," if any(unknown) else "differ"
    return Untrusted(
        f"the profiles cannot be compared, they {how} in what changes speed: {told}",
        "measure both under the same conditions; --force-incomparable shows the numbers all the same",
    )


def _judge(
    method: Method,
    a: Profile,
    b: Profile,
    total: Compared,
    rows: Sequence[Compared],
    matches: Sequence[RowMatch],
    threshold: float,
) -> _Judged:
    if method == "exact":
        return _Judged(*exact_differences(a, b, total, rows))
    if method == "paired":
        result = paired_result(a, b, matches)
        judged = paired_differences(result, total, rows, threshold, a.meta.unit)
        return _Judged(*judged, result.pairs, result.looks)
    return _Judged(*stored_differences(a, b, total, rows, threshold, ALPHA))


def _incomparable(judged: _Judged, reason: str, one_unit: bool) -> _Judged:
    """The numbers alone; of different units there is neither difference nor ratio."""

    def mark(found: Difference) -> Difference:
        return replace(
            found,
            status="incomparable",
            reason=reason,
            difference=found.difference if one_unit else None,
            ratio=found.ratio if one_unit else None,
            lo=None,
            hi=None,
            ratio_lo=None,
            ratio_hi=None,
            p=None,
            threshold=None,
        )

    return replace(judged, total=mark(judged.total), layers=tuple(map(mark, judged.layers)))


def _notes(a: Profile, b: Profile, status: Status, method: Method) -> tuple[str, ...]:
    """What a reader must know beside the numbers."""
    notes = [DRIFT] if method == "stored" and status != "incomparable" else []
    if a.meta == b.meta and a.table.equals(b.table):
        notes.append(ITSELF)
    elif method == "stored" and (in_turn := _in_turn(a.meta, b.meta)):
        notes.append(in_turn)
    data = [(meta.options.seed, dict(meta.options.inputs)) for meta in (a.meta, b.meta)]
    if data[0] != data[1]:
        notes.append("the data of the inputs differ: where time depends on them, that is in the difference")
    for side, meta in (("A", a.meta), ("B", b.meta)):
        ran = {layer for row in meta.alignment.rows for layer in row.layers}
        idle = [layer.id for layer in meta.model.layers if layer.id not in ran]
        if idle and ran:
            shown = ", ".join(idle[:5]) + (" …" if len(idle) > 5 else "")
            what = (
                f"1 layer of {side} did not run and is"
                if len(idle) == 1
                else f"{len(idle)} layers of {side} did not run and are"
            )
            notes.append(f"{what} not compared: {shown}")
    return tuple(notes)


def _in_turn(a: ProfileMeta, b: ProfileMeta) -> str | None:
    """What is to be said of profiles that come from comparing two models, and are compared with others."""
    sides = [side for side, meta in (("A", a), ("B", b)) if meta.pairing is not None]
    if not sides:
        return None
    return f"{' and '.join(sides)} ran in turn with another model: that, too, may be in the difference"


def _unattributed(a: Profile, b: Profile, method: Method, *, incomparable: bool) -> Difference | None:
    """What no layer explains: of counts that repeat it is known, else it has no interval of its own."""
    gaps = [profile.summary.unattributed.typical for profile in (a, b)]
    if not any(map(units.known, gaps)):
        return None
    parts = [
        Part((), "", "unattributed", gap, profile.summary.unattributed_share)
        for profile, gap in zip((a, b), gaps, strict=True)
    ]
    one, other = gaps
    if not units.known(one) or not units.known(other) or a.meta.unit != b.meta.unit:
        difference, same = None, False
    else:
        difference, same = other - one, method == "exact" and counts_agree(a, b, one, other)
    status: Status = "incomparable" if incomparable else "same" if same else "inconclusive"
    reason = "what no layer explains has no interval of its own"
    if same:
        reason = f"{exact_words(a.meta)} of that size are the same"
    return Difference("total", parts[0], parts[1], status, reason, difference=difference)

"""Synthetic comparisons and gate results for tests of reports, made from the dataclasses alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from tests.factories import make_profile
from tflprof.analysis.comparison import Comparison, Difference, Match, Method, Part, Status
from tflprof.analysis.verdicts import BudgetResult, GateCase, GateResult, Verdict
from tflprof.profile.meta import Finding, ProfileMeta
from tflprof.profile.mismatch import Mismatch

STATUSES: tuple[Status, ...] = get_args(Status)
MATCHES: tuple[Match, ...] = get_args(Match)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    '"><img src="http://192.0.2.1/x" onerror="document.title=\'owned\'">',
    "{{7*7}} [red]x[/red] {% raw %}",
    "\x1b[31m \u202e\u2028 العربية",
    "层" * 60,
    "long/" * 400,
    "x" * 500,
    "",
]
"""Names that would do harm, or break the layout, if they were taken for more than text."""


def make_meta(name: str = "net", *, unit: str = "ns", findings: Sequence[Finding] = ()) -> ProfileMeta:
    """Metadata of a small profile: measured on the host in ns, else emulated."""
    verdict = "ok"
    if findings:
        verdict = "tainted" if any(one.severity == "taint" for one in findings) else "doubtful"
    return make_profile(
        unit=unit, name=name, findings=findings, verdict=verdict, processes=1, blocks=1, inferences=2
    ).meta


def difference(
    name: str,
    a: float | None,
    b: float | None,
    status: Status,
    *,
    match: Match = "same",
    op: str = "CONV_2D",
    position: int = 0,
    total: float = 10e6,
    spread: float = 0.01,
    reason: str | None = None,
    was: str | None = None,
) -> Difference:
    """A compared row. ``spread``: half of the ratio's interval, relative; 0: counts, which have none."""
    one = None if match == "inserted" else _part(was or name, op, a, total, position)
    other = None if match == "removed" else _part(name, op, b, total, position)
    known = a is not None and b is not None and one is not None and other is not None
    ratio = b / a if known and a and b is not None else None
    change = (b or 0.0) - (a or 0.0)
    if not known:
        change = math.nan if match not in ("inserted", "removed") else (b or 0.0) - (a or 0.0)
    half = spread * (b or 0.0)
    interval = ratio is not None and spread > 0
    return Difference(
        match=match,
        a=one,
        b=other,
        status=status,
        reason=reason if reason is not None else f"because it is {status}, by more than its threshold of 1 %",
        difference=None if math.isnan(change) else change,
        lo=change - half if interval else None,
        hi=change + half if interval else None,
        ratio=ratio,
        ratio_lo=ratio * (1 - spread) if ratio is not None and interval else None,
        ratio_hi=ratio * (1 + spread) if ratio is not None and interval else None,
        p=0.002 if interval else None,
        threshold=max(0.01 * (a or 0.0), 1e-3 * total),
    )


def _part(name: str, op: str, typical: float | None, total: float, position: int) -> Part:
    share = None if typical is None else typical / total
    return Part((f"0/{position}",), op, name, typical, share)


def make_comparison(
    layers: int = 30,
    *,
    method: Method = "paired",
    unit: str = "ns",
    factor: float = 0.88,
    status: Status = "faster",
    findings: Sequence[Finding] = (),
    forced: bool = False,
    seed: int = 0,
) -> Comparison:
    """``layers`` rows, a third of which changed by ``factor`` or so; the total follows from them."""
    rng = np.random.default_rng(seed)
    costs = rng.lognormal(0, 1.2, layers) * 10e6 / layers
    total = float(costs.sum()) * 1.03
    rows = [_row(i, float(cost), factor, rng, total, method) for i, cost in enumerate(costs)]
    if method == "devices" or forced:
        rows = [replace(row, status="incomparable", reason="the conditions differ") for row in rows]
    after = total + sum(row.difference or 0.0 for row in rows) + 0.002 * total
    spread = 0.0 if method == "exact" else 0.004
    wanted: Status = "incomparable" if method == "devices" or forced else status
    whole = difference("", total, after, wanted, match="total", total=total, spread=spread)
    assert whole.a is not None
    assert whole.b is not None
    whole = replace(whole, a=replace(whole.a, layers=()), b=replace(whole.b, layers=()))
    rest = difference("", 0.03 * total, 0.032 * total, "inconclusive", total=total, spread=0.3)
    a, b = (
        make_meta("mobilenet_v1_1.0_224", unit=unit),
        make_meta("mobilenet_v1_0.75_224", unit=unit, findings=findings),
    )
    mismatches: tuple[Mismatch, ...] = ()
    if method == "devices" or forced:
        b = replace(b, target=replace(b.target, name="pixel6", soc="Tensor"))
        mismatches = (Mismatch("target", "adb:pixel2", "adb:pixel6"), Mismatch("core", ("Cortex-A73",), None))
    return Comparison(
        method=method,
        a=a,
        b=b,
        total=whole,
        layers=tuple(rows),
        unattributed=rest,
        threshold=0.01,
        alpha=0.01,
        pairs=20 if method == "paired" else None,
        looks=2 if method == "paired" else None,
        matching="structure",
        mismatches=mismatches,
        forced=forced,
        notes=("two files cannot cancel drift",) if method == "stored" else (),
    )


def _row(
    i: int, cost: float, factor: float, rng: np.random.Generator, total: float, method: Method
) -> Difference:
    spread = 0.0 if method == "exact" else float(rng.uniform(0.005, 0.03))
    name, op = f"MobilenetV1/Conv2d_{i}/Relu6", "DEPTHWISE_CONV_2D" if i % 3 == 1 else "CONV_2D"
    changed: Status = "faster" if factor < 1 else "slower"
    if i % 3:
        noise = 1.0 if method == "exact" else float(rng.normal(1, 0.002))
        undecided: Status = "inconclusive" if i % 7 == 4 and method != "exact" else "same"
        return difference(name, cost, cost * noise, undecided, op=op, position=i, total=total, spread=spread)
    if i == 6:
        return difference(name, cost, None, "gone", match="removed", op=op, position=i, total=total)
    if i == 9:
        return difference(name, None, cost, "new", match="inserted", op=op, position=i, total=total)
    after = cost * (1.1 if i == 3 else factor * float(rng.uniform(0.9, 1.05)))
    word: Status = "slower" if i == 3 else changed
    match: Match = "changed" if i % 2 else "renamed"
    return difference(
        name, cost, after, word, match=match, op=op, position=i, total=total, spread=spread, was=f"{name}/old"
    )


def every_kind() -> Comparison:
    """One row of every pair of status and match kind that there can be, and rows of which nothing is known."""
    rows: list[Difference] = []
    for match in MATCHES[1:]:
        for status in STATUSES:
            n = len(rows)
            only_b, only_a = match == "inserted", match == "removed"
            if (status == "new") != only_b or (status == "gone") != only_a:
                continue
            a, b = (None if only_b else 1e5 * (n + 1)), (None if only_a else 1.1e5 * (n + 1))
            rows.append(difference(f"{match} {status}", a, b, status, match=match, position=n))
    unknown = difference("unknown", None, None, "inconclusive", position=len(rows), reason="no values")
    nothing = Difference(
        "same", Part(("1/0",), "ADD", "a", 0.0, 0.0), None, "inconclusive", "no ratio of nothing"
    )
    parts = [_part(f"part {i}", "CONV_2D", 1e5, 10e6, i) for i in range(3)]
    split = Difference(
        "split",
        replace(parts[0], layers=("0/1",)),
        replace(parts[1], layers=("0/1", "0/2", "0/3")),
        "same",
        "as before",
    )
    base = make_comparison(5)
    return replace(base, layers=(*rows, unknown, nothing, split))


def hostile() -> Comparison:
    """All text that comes from models, files and devices is out to do harm."""
    base = make_comparison(len(HOSTILE) * 2)
    rows = [
        difference(
            name,
            1e6 * (i + 1),
            1.2e6 * (i + 1),
            "slower",
            op=f"CUSTOM {name}",
            was=f"{name} before",
            reason=name,
            position=i,
        )
        for i, name in enumerate(HOSTILE)
    ]
    findings = tuple(Finding(name, "doubt", name, name) for name in HOSTILE[:4])
    model = replace(base.a.model, name=HOSTILE[0], path=HOSTILE[1])
    a = replace(base.a, model=model, findings=findings, verdict="doubtful", runtime={"name": HOSTILE[2]})
    b = replace(base.b, model=replace(model, name=HOSTILE[6], path=HOSTILE[3]))
    mismatches = (Mismatch(HOSTILE[0], HOSTILE[1], HOSTILE[3]), Mismatch("core", (HOSTILE[0],), None))
    return replace(
        base, a=a, b=b, layers=tuple(rows), mismatches=mismatches, forced=True, notes=(HOSTILE[0],)
    )


def unknown_total() -> Comparison:
    """Nothing could be told: no total, no row with a value."""
    base = make_comparison(3, status="inconclusive")
    rows = [difference(f"layer {i}", None, None, "inconclusive", position=i) for i in range(3)]
    total = Difference("total", None, None, "inconclusive", "neither has a total")
    return replace(base, total=total, layers=tuple(rows), unattributed=None)


def budget(
    subject: str = "total",
    verdict: Verdict = "pass",
    *,
    value: float | None = 10.1e6,
    limit: float | None = 10.5e6,
    baseline: float | None = 10.0e6,
    spread: float = 0.01,
    unit: str = "ns",
) -> BudgetResult:
    """A budget of +5 %, judged."""
    half = None if value is None else spread * value
    return BudgetResult(
        limit_text=f"{subject}=+5%",
        subject=subject,
        unit=unit,
        verdict=verdict,
        reason=f"{verdict}: the interval lies where it lies",
        value=value,
        lo=None if value is None or half is None else value - half,
        hi=None if value is None or half is None else value + half,
        limit=limit,
        baseline=baseline,
    )


def make_gate(*, compared: bool = True) -> GateResult:
    """Three cases with every verdict."""
    layer = "layer 0/3 MobilenetV1/Conv2d_3/Relu6"
    first = GateCase(
        name="mobilenet on host",
        model="models/mobilenet.tflite",
        target="host",
        results=(
            budget("total", "fail", value=11.2e6),
            budget(layer, "inconclusive", value=1.03e6, limit=1.05e6, baseline=1e6, spread=0.04),
            budget("memory", "pass", unit="bytes", value=61 << 20, limit=80 << 20, baseline=None, spread=0),
            budget("op:CONV_2D", "incomparable", value=None, limit=None, baseline=None),
        ),
        verdict="fail",
        meta=make_meta("mobilenet"),
        measured=2,
        comparison=make_comparison(30, factor=1.12, status="slower") if compared else None,
        notes=(
            "the first measurement said: total 11.4 ms, over its limit",
            "layer 0/31 is not in the baseline",
        ),
    )
    second = GateCase(
        name="tiny on emulated:pixel2",
        model="models/tiny.tflite",
        target="emulated:pixel2",
        results=(budget("total", unit="instructions", value=190e6, limit=200e6, baseline=189.9e6, spread=0),),
        verdict="pass",
        meta=make_meta("tiny", unit="instructions"),
        measured=1,
    )
    third = GateCase(
        "old.parquet", "old.parquet", None, (), "incomparable", notes=("other core: Cortex-A73, Cortex-A53",)
    )
    return GateResult((first, second, third))


def one_case(verdict: Verdict, *results: BudgetResult) -> GateResult:
    """A gate of a single case."""
    return GateResult((GateCase("net on host", "net.tflite", "host", results, verdict, measured=1),))

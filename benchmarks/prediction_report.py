"""The benchmark of predictions as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from benchmarks.common import percent, table
from benchmarks.prediction_errors import (
    STOCK,
    Pair,
    Predicted,
    Statistics,
    alone,
    anchored,
    any_change,
    change,
    ratios,
    speedups,
    statistics_of,
    without_others_bias,
)
from benchmarks.prediction_intervals import coverage_rows
from benchmarks.published_times import Point

RATIOS: tuple[tuple[str, Callable[[Point, Point], bool]], ...] = (
    ("any two networks of a phone", any_change),
    ("MobileNet v1 → v2", change("model", "mobilenet_v1", "mobilenet_v2")),
    ("MobileNet v2 → v3 large", change("model", "mobilenet_v2", "mobilenet_v3_large")),
    ("MobileNet v3 large → small", change("model", "mobilenet_v3_large", "mobilenet_v3_small")),
    ("EfficientDet-Lite0 → 1", change("model", "efficientdet_lite0", "efficientdet_lite1")),
    ("EfficientDet-Lite1 → 2", change("model", "efficientdet_lite1", "efficientdet_lite2")),
    ("float32 → int8", change("dtype", "float32", "int8")),
    ("a smaller input (224 → 192 → 160)", change("size")),
    ("a smaller width (1.0 → 0.75)", change("width")),
)

Rows = Sequence[Predicted]


def single(rows: Iterable[Predicted], use: str | None = None, stock: bool = False) -> list[Predicted]:
    """Predictions on one thread, of one use, on Arm's own cores only."""
    return [
        row
        for row in rows
        if row.ms is not None
        and row.point.threads == 1
        and use in (None, row.point.use)
        and (row.point.cpu in STOCK or not stock)
    ]


def summary(rows: Rows, plain: Rows) -> list[tuple[str, Statistics | None, str]]:
    """Title, statistics and what was asked for, of every group of errors."""
    stock = single(rows, stock=True)
    pairs = [pair for pair in anchored(rows) if pair.other.cpu in STOCK]
    models = ratios(stock, any_change)
    threads = [row for row in rows if row.point.threads > 1]
    return [
        ("no anchor, tuned", statistics_of(alone(single(rows, "tuned"))), ""),
        ("no anchor, blind", statistics_of(alone(single(rows, "blind"))), ""),
        ("no anchor, all of Arm's own cores", statistics_of(alone(stock)), "mean ≤ 10 %, worst ≤ 20 %"),
        (
            "… with one factor for all that the other chips chose",
            statistics_of(without_others_bias(stock)),
            "",
        ),
        (
            "one anchor, every choice of it, all of Arm's own cores",
            of_pairs(pairs),
            "mean ≤ 5 %, worst ≤ 12 %",
        ),
        (
            "… the anchor of the same type",
            of_pairs([pair for pair in pairs if pair.one.dtype == pair.other.dtype]),
            "",
        ),
        ("… blind only", of_pairs([pair for pair in pairs if pair.use == "blind"]), ""),
        ("ratios of two networks of a phone, Arm's own cores", of_pairs(models), "mean ≤ 6 %"),
        ("… blind only", of_pairs([pair for pair in models if pair.use == "blind"]), ""),
        ("several threads, no anchor, tuned", statistics_of(alone(_used(threads, "tuned"))), ""),
        ("several threads, no anchor, blind", statistics_of(alone(_used(threads, "blind"))), ""),
        (
            "without caches and memory (`--cost cycles`, MobileNets), no anchor",
            statistics_of(alone(plain)),
            "",
        ),
        ("… one anchor", of_pairs(anchored(plain)), ""),
    ]


def of_pairs(pairs: Iterable[Pair]) -> Statistics | None:
    """Statistics of the errors of pairs."""
    return statistics_of([(pair.other.cluster, pair.error) for pair in pairs])


def _used(rows: Iterable[Predicted], use: str) -> list[Predicted]:
    return [row for row in rows if row.point.use == use]


def text(rows: Rows, plain: Rows, layers: str, left_out: Sequence[tuple[str, str]], listed: Rows = ()) -> str:
    """All of it as Markdown; ``plain``: predictions without caches and memory; ``listed``: of what does not count."""
    parts = [
        "Times that others published of XNNPACK on 64-bit Arm cores (`benchmarks/published/`), and what "
        "`tflprof profile --target emulated:PHONE` predicts for them. *Tuned*: constants of the cost model were chosen "
        "with these times in sight. *Blind*: they were not. An error is predicted / published - 1; *chips* are the "
        "independent ones among them (cores of one chip count once).",
        table(_HEAD, [_statistics(title, found, asked) for title, found, asked in summary(rows, plain)]),
        "## Stated intervals",
        "95 % intervals that hold the published time, whose rounding is allowed for.",
        table(("", "one thread, no anchor", "one anchor", "several threads"), coverage_rows(rows)),
        "## Every time",
        table(_POINT_HEAD, [_point(row) for row in rows]),
        _footnotes(rows),
        _listed(listed),
        "## One measured network as the anchor",
        table(("phone", "anchor", "others", "mean |error|", "worst"), _anchors(rows)),
        "## Ratios",
        table(
            ("", *_HEAD[1:-1]),
            [_statistics(title, of_pairs(ratios(rows, wanted)))[:-1] for title, wanted in RATIOS],
        ),
        "No published time of a smaller input or width than the usual one was found of these kernels, only of others'.",
        "## Several threads",
        table(_THREAD_HEAD, [_threads(*found) for found in speedups(rows)]),
        "## Layers",
        layers,
        "## Found and not used",
        table(("what", "why"), left_out),
    ]
    return "\n\n".join(part for part in parts if part)


_HEAD = (
    "one thread unless said otherwise",
    "errors",
    "chips",
    "mean |error|",
    "worst",
    "mean error",
    "asked for",
)
_POINT_HEAD = (
    "phone",
    "core",
    "GHz",
    "network",
    "type",
    "threads",
    "published",
    "predicted",
    "interval",
    "error",
    "",
)
_THREAD_HEAD = (
    "phone",
    "network",
    "type",
    "threads",
    "published",
    "predicted",
    "error",
    "speedup published",
    "predicted",
    "",
)


def _statistics(title: str, found: Statistics | None, asked: str = "") -> tuple[str, ...]:
    if found is None:
        return (title, "0", "0", "", "", "", asked)
    sizes = (f"{100 * found.mean:.1f} %", f"{100 * found.worst:.1f} %", f"{100 * found.bias:+.1f} %")
    return (title, str(found.count), str(found.clusters), *sizes, asked)


def milliseconds(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value < 100 else f"{value:.0f}"


def _point(row: Predicted) -> tuple[str, ...]:
    point = row.point
    start = (
        point.device + ("*" if point.stands_in else ""),
        point.cpu,
        f"{point.clock_ghz:.2f}",
        point.network,
        point.dtype,
        str(point.threads),
        f"{point.ms:.4g} ms",
    )
    if row.ms is None:
        return (*start, "refused", "", "", row.reason)
    low, high = (milliseconds(row.ms * math.exp(sign * row.error)) for sign in (-1, 1))
    return (*start, f"{milliseconds(row.ms)} ms", f"{low} to {high}", percent(row.relative), point.use)


def _footnotes(rows: Rows) -> str:
    notes = dict.fromkeys(
        f"- {row.point.device}: predicted with the {row.point.stands_in}."
        for row in rows
        if row.point.stands_in
    )
    return "\\* No profile of the device itself:\n" + "\n".join(notes) if notes else ""


def _listed(rows: Rows) -> str:
    if not rows:
        return ""
    reasons = dict.fromkeys(f"- {row.point.device}: {row.point.reason}." for row in rows)
    return "\n\n".join(
        (
            "### Listed, not judged",
            "Times whose source leaves open what they are of, by the same rule for all sources "
            "(`benchmarks/published/README.md`). They are part of no other table here, and of no interval.",
            table(_POINT_HEAD[:-1], [_point(row)[:-1] for row in rows]),
            "\n".join(reasons),
        )
    )


def _anchors(rows: Rows) -> list[tuple[str, ...]]:
    def place(pair: Pair) -> tuple[str, str, str, str]:
        return pair.one.source.name, pair.one.device, pair.one.network, pair.one.dtype

    found: list[tuple[str, ...]] = []
    for (_, device, network, dtype), own in groupby(sorted(anchored(rows), key=place), key=place):
        statistics = of_pairs(own)
        if statistics:
            values = (f"{100 * statistics.mean:.1f} %", f"{100 * statistics.worst:.1f} %")
            found.append((device, f"{network} {dtype}", str(statistics.count), *values))
    return found


def _threads(row: Predicted, published: float, predicted: float) -> tuple[str, ...]:
    point = row.point
    start = (point.device, point.network, point.dtype, str(point.threads), f"{point.ms:.4g} ms")
    speedup = "" if math.isnan(published) else f"{published:.2f}"
    if row.ms is None:
        return (*start, "refused", "", speedup, "", row.reason)
    own = "" if math.isnan(predicted) else f"{predicted:.2f}"
    return (*start, f"{milliseconds(row.ms)} ms", percent(row.relative), speedup, own, point.use)

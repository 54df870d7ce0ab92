"""Predicted times against published ones: how far are they off, alone, with an anchor, as ratios, on several threads?

``benchmarks/published`` has every published time of XNNPACK on a 64-bit Arm core whose network can be built again.
Each is predicted on the emulated core, caches and memory included. Emulations are kept in ``build/prediction`` until
what they depend on changes, so that the benchmark can be ended and goes on. It also writes the errors that predictions
state (``tflprof/targets/prediction_error.toml``), from all times of one and of several threads.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.prediction_error_model import estimate, write_error_model
from benchmarks.prediction_errors import Predicted, anchored
from benchmarks.prediction_layers import layer_text
from benchmarks.prediction_plot import plot
from benchmarks.prediction_report import summary, text
from benchmarks.prediction_runs import CYCLES, Cache, Emulated, predict
from benchmarks.published_times import Point, left_out, read_points

NAME = "prediction"


def chosen(points: Sequence[Point], only: str | None) -> list[Point]:
    """The points that are used, or those of them whose phone, core or network contains a word."""
    used = [point for point in points if point.use != "listed"]
    if only is None:
        return used
    return [
        point
        for point in used
        if only in f"{point.phone} {point.device} {point.cpu} {point.network} {point.use}"
    ]


def document(
    rows: Sequence[tuple[Predicted, Emulated | None]],
    plain: Sequence[Predicted],
    layers: list[dict[str, Any]],
    listed: Sequence[tuple[Predicted, Emulated | None]] = (),
) -> dict[str, Any]:
    """All of it for programs; ``plain``: predictions without caches and memory; ``listed``: what does not count."""
    predictions = [row for row, _ in rows]
    return {
        "points": [_point(row, emulated) for row, emulated in rows],
        "listed": [_point(row, emulated) for row, emulated in listed],
        "anchored": [
            {
                "device": pair.one.device,
                "anchor": _network(pair.one),
                "of": _network(pair.other),
                "error": pair.error,
            }
            for pair in anchored(predictions)
        ],
        "summary": {
            title: asdict(found) if found else None for title, found, _ in summary(predictions, plain)
        },
        "without_caches": [
            {"device": row.point.device, "of": _network(row.point), "predicted_ms": row.ms} for row in plain
        ],
        "layers": layers,
        "error_model": estimate(predictions, cycles=plain, layer_times=layer_times(rows)),
        "costs": dict(sorted({(one.costs.sha256, one.costs.name) for _, one in rows if one})),
    }


def layer_times(rows: Sequence[tuple[Predicted, Emulated | None]]) -> list[list[float]]:
    """Times of the layers of every network that was emulated, on one of the cores it was emulated on."""
    networks = {row.point.network + row.point.dtype: emulated for row, emulated in rows if emulated}
    return [
        [layer.estimate.typical or 0.0 for layer in one.profile.summary.layers] for one in networks.values()
    ]


def _network(point: Point) -> str:
    return f"{point.network} {point.dtype}"


def _point(row: Predicted, emulated: Emulated | None) -> dict[str, Any]:
    given = {key: value for key, value in asdict(row.point).items() if key != "source"}
    counts = {}
    if emulated:
        counts = {name: emulated.count(name) for name in ("instructions", "cycles", "dram_lines")}
        counts["seconds"] = emulated.seconds
    result = {"predicted_ms": row.ms, "interval": row.error, "refused": row.reason}
    return {"source": row.point.source.address, "date": row.point.source.date, **given, **result, **counts}


def main() -> None:
    """Predict, compare and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", help="points whose phone, core, network or use contains this; nothing is published"
    )
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    cache = Cache()
    every = read_points()
    points = chosen(every, options.only)
    rows = predict(points, cache)
    predictions = [row for row, _ in rows]
    if options.only is not None:
        return
    small = [one for one in points if one.threads == 1 and one.model.startswith("mobilenet")]
    plain = [row for row, _ in predict(small, Cache(CYCLES))]
    listed = predict([point for point in every if point.use == "listed" and point.threads == 1], cache)
    emulated = [one for _, one in rows if one]
    layers, layer_data = layer_text(cache, emulated)
    data = json.loads(json.dumps(document(rows, plain, layer_data, listed), default=_plain))
    write_error_model(data["error_model"])
    options.out.mkdir(parents=True, exist_ok=True)
    plot(predictions, options.out / f"{NAME}.png")
    picture = f"![errors]({NAME}.png)"
    report = text(predictions, plain, layers, left_out(), [row for row, _ in listed])
    common.publish(NAME, "Predicted against published times", f"{picture}\n\n{report}", data, options.out)


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else str(value)


if __name__ == "__main__":
    main()

"""What a smaller input brings a detector: SSD MobileNet v1 at 300 to 236 pixels on the emulated core of a Pixel 2.

The times of the 2018 on-device challenge (Pixel 2, one big core, TFLite of that year) stand beside it as ratios to
300: another runtime, so they are shown and not aimed at. Emulations are kept in ``build/prediction`` until what they
depend on changes. Run ``python -m benchmarks.ssd_resolution [--types int8 float32]``; 20 s per emulation.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import common
from benchmarks.prediction_runs import Cache, Emulated
from tflprof.model.build import build_network
from tflprof.model.cost import model_cost
from tflprof.model.read import read_model

NAME = "ssd_resolution"
NETWORK, PHONE, CORE = "ssd_mobilenet_v1", "pixel2", "big"

PUBLISHED_MS = {300: 145.0, 280: 131.0, 270: 120.0, 240: 95.0, 236: 93.0}
"""Of the challenge's int8 detector on a Pixel 2, by height and width of the input."""

_LARGEST = max(PUBLISHED_MS)
_COLOURS = {"int8": "#1f77b4", "float32": "#d62728"}


@dataclass(frozen=True)
class Run:
    """One network at one size.

    Attributes:
        emulated: what the emulation gave.
        macs: multiply-accumulates of an inference.
    """

    emulated: Emulated
    macs: int

    @property
    def ms(self) -> float:
        """Predicted time of an inference."""
        return self.emulated.ns / 1e6

    @property
    def instructions(self) -> float:
        """Of an inference, exact."""
        return self.emulated.count("instructions")


def measure(dtype: str, cache: Cache) -> dict[int, Run]:
    """All sizes of one type."""
    found = {}
    for size in PUBLISHED_MS:
        build = partial(build_network, NETWORK, size, 1.0, dtype)
        model = cache.model(f"{NETWORK}_1_{size}_{dtype}", build)
        macs = model_cost(read_model(model)).total.macs or 0
        found[size] = Run(cache.of_model(model, PHONE, CORE), macs)
        print(
            f"{dtype} {size}: {found[size].ms:.1f} ms, emulated in {found[size].emulated.seconds:.0f} s",
            flush=True,
        )
    return found


def text(runs: Mapping[str, Mapping[int, Run]]) -> str:
    """Tables of ratios and of what they are ratios of."""
    head = [
        "size",
        "published",
        *(f"{dtype}, {kind}" for dtype in runs for kind in ("time", "instructions", "MACs")),
    ]
    rows = [
        [
            str(size),
            f"{ms / PUBLISHED_MS[_LARGEST]:.3f}",
            *(_ratio for dtype in runs for _ratio in _ratios(runs[dtype], size)),
        ]
        for size, ms in PUBLISHED_MS.items()
    ]
    times = [
        [str(size), f"{ms:.0f}", *(f"{runs[dtype][size].ms:.1f}" for dtype in runs)]
        for size, ms in PUBLISHED_MS.items()
    ]
    worst = max(_deviation(runs[dtype], size) for dtype in runs for size in PUBLISHED_MS)
    return "\n\n".join(
        [
            f"![ratios]({NAME}.svg)",
            f"Ratios to {_LARGEST}×{_LARGEST}:",
            common.table(head, rows),
            "Milliseconds: published (2018, TFLite's own kernels, a phone) and predicted (emulated big core of "
            "a Pixel 2, XNNPACK, caches and memory modelled, no anchor):",
            common.table(["size", "published", *runs], times),
            f"The predicted ratios differ from the published ones by at most {100 * worst:.1f} points. Sizes "
            "that no stride divides cost more than their pixels: maps are rounded up at every stride.",
        ]
    )


def _ratios(runs: Mapping[int, Run], size: int) -> list[str]:
    one, full = runs[size], runs[_LARGEST]
    pairs = ((one.ms, full.ms), (one.instructions, full.instructions), (one.macs, full.macs))
    return [f"{a / b:.3f}" for a, b in pairs]


def _deviation(runs: Mapping[int, Run], size: int) -> float:
    return abs(runs[size].ms / runs[_LARGEST].ms - PUBLISHED_MS[size] / PUBLISHED_MS[_LARGEST])


def document(runs: Mapping[str, Mapping[int, Run]]) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "network": NETWORK,
        "target": f"emulated:{PHONE}",
        "provenance": "predicted",
        "published_ms": {str(size): ms for size, ms in PUBLISHED_MS.items()},
        "runs": [
            {
                "size": size,
                "dtype": dtype,
                "predicted_ms": run.ms,
                "instructions": run.instructions,
                "macs": run.macs,
                "ratio": run.ms / found[_LARGEST].ms,
                "published_ratio": PUBLISHED_MS[size] / PUBLISHED_MS[_LARGEST],
                "seconds": run.emulated.seconds,
            }
            for dtype, found in runs.items()
            for size, run in found.items()
        ],
        "costs": {
            run.emulated.costs.name: run.emulated.costs.sha256
            for found in runs.values()
            for run in found.values()
        },
    }


def plot(runs: Mapping[str, Mapping[int, Run]], path: Path) -> None:
    """Sizes across, ratios up: published, predicted, and what pixels alone would give."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    sizes = sorted(PUBLISHED_MS)
    pixels = [(size / _LARGEST) ** 2 for size in sizes]
    axes.plot(sizes, pixels, "--", color="#999999", label="pixels")
    published = [PUBLISHED_MS[size] / PUBLISHED_MS[_LARGEST] for size in sizes]
    axes.plot(sizes, published, "o-", color="black", label="published, 2018")
    for dtype, found in runs.items():
        ratios = [found[size].ms / found[_LARGEST].ms for size in sizes]
        axes.plot(sizes, ratios, "s-", color=_COLOURS.get(dtype), label=f"predicted, {dtype}")
    axes.set_xticks(sizes)
    axes.set_xlabel("height and width of the input, pixels")
    axes.set_ylabel(f"time / time at {_LARGEST}")
    axes.set_title("SSD MobileNet v1, big core of a Pixel 2")
    axes.grid(color="#eeeeee")
    axes.legend(frameon=False)
    with mpl.rc_context({"svg.hashsalt": NAME}):
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Predict, set beside what was published, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", nargs="+", default=["int8", "float32"], choices=list(_COLOURS))
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    cache = Cache()
    runs = {dtype: measure(dtype, cache) for dtype in options.types}
    options.out.mkdir(parents=True, exist_ok=True)
    plot(runs, options.out / f"{NAME}.svg")
    common.publish(NAME, "A detector at smaller inputs", text(runs), document(runs), options.out)


if __name__ == "__main__":
    main()

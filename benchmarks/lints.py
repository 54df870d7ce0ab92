"""Do lints promise what can be had? Each as two small networks, with and without what it speaks of.

Predicted is the lint's gain as a share of the model's work; obtained are the instructions that one inference on an
emulated phone takes less. Layers are 28×28 with 32 channels between two convolutions, so shares are small: what
counts is whether both columns agree about what is worth doing. Counts are exact and repeat.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.lint_pairs import PAIRS, Build, Pair
from tflprof.model.build.layers import Network
from tflprof.model.lint import Lint, lint_model
from tflprof.model.read import read_model
from tflprof.workflow.profile import profile_model

TARGET = "emulated:pixel2"


def written(folder: Path, name: str, dtype: str, build: Build) -> Path:
    """One of the two networks as a file."""
    net = Network(name, dtype)
    path = folder / f"{name}.tflite"
    path.write_bytes(net.finish(build(net)))
    return path


def said(path: Path, pair: Pair) -> Lint | None:
    """What the lint of the pair's kind says about a file."""
    found = [lint for lint in lint_model(read_model(path)) if lint.code == pair.code]
    return found[0] if found else None


def observe(folder: Path, pair: Pair, dtype: str) -> dict[str, Any]:
    """Both networks of a pair in one type."""
    before, after = (written(folder, name, dtype, getattr(pair, name)) for name in ("before", "after"))
    lint = said(before, pair)
    counts = [
        float(profile_model(path, target=TARGET, cost="instructions").summary.total.typical or 0)
        for path in (before, after)
    ]
    return {
        "code": pair.code,
        "change": pair.name,
        "dtype": dtype,
        "severity": lint.severity if lint else None,
        "predicted": _predicted(lint, pair),
        "before": counts[0],
        "after": counts[1],
        "obtained": (counts[0] - counts[1]) / counts[0],
    }


def _predicted(lint: Lint | None, pair: Pair) -> float | None:
    """Share of the work that the lint says this change wins; padding channels up is said to win nothing."""
    if lint is None:
        return None
    return lint.gain.share if lint.gain and pair.promise else 0.0


def row(found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    predicted = found["predicted"]
    return (
        found["code"],
        found["change"],
        found["dtype"],
        found["severity"] or "–",
        "–" if predicted is None else f"{100 * predicted:.2f} %",
        f"{found['before']:,.0f}",
        f"{found['after']:,.0f}",
        f"{100 * found['obtained']:.2f} %",
    )


HEAD = ("lint", "change", "type", "said", "gain predicted", "instructions before", "after", "fewer")
EXPLANATION = """

Padding channels up to the next multiple is said to cost the layer itself nothing, and to win nothing: the layer that
reads them pays for each in floats, in int8 only for each further eight. In floats fewer channels win more than is
said, since what does not fill a tile is stored piecemeal. A *note* says of itself that XNNPACK needs no help, or that
less than 0.1 % of the work is won; its rows must be within 1 % of zero (that of `pointwise` is a note since accuracy
decides; 0.6 of the break-even rank). The scale of the work was chosen after counts of networks like these, so that
agreement here is no proof for others: 100 and 28 channels, the 3×3 pooling, MIRROR_PAD, POW and CONCATENATION were
added after a trial of 24 other changes, in which TILE, RESIZE_NEAREST_NEIGHBOR and POW by 2 had been promised gains
that were not there. They are no longer.
"""


def main() -> None:
    """Measure all pairs on the emulated phone."""
    options = common.arguments(__doc__ or "")
    data = []
    with tempfile.TemporaryDirectory() as name:
        for pair in PAIRS:
            for dtype in pair.dtypes:
                data.append(observe(Path(name), pair, dtype))
                print(row(data[-1]), flush=True)
    text = common.table(HEAD, map(row, data)) + EXPLANATION
    common.publish("lints", "What lints promise and what was had", text, {"runs": data}, options.out)


if __name__ == "__main__":
    main()

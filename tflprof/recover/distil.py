"""Knowledge distillation: a changed network learns from the original's soft targets, and from labels if there are any.

The loss is ``mix * T**2 * KL(teacher at temperature T, student at T) + (1 - mix) * cross entropy of the labels``
(Hinton et al. 2015), plus the mean square of what a regressor misses of the teacher's features at each hint (FitNets,
Romero et al. 2015). A network without a SOFTMAX at its end learns its teacher's outputs by their mean square instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.recover.extra import load_tensorflow
from tflprof.recover.rebuild import Rebuilt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Distillation:
    """How a student is trained.

    Attributes:
        temperature: of the soft targets, above 0.
        mix: share of the soft targets in the loss, 0-1; the rest is that of the labels.
        hints: pairs of a teacher's and a student's layer, by id (``0/12``) or name of the output tensor.
        hint_weight: of the hints in the loss.
        epochs, batch: how often and in what parts the samples are gone through.
        rate: greatest learning rate of Adam; it falls to nothing as a cosine.
        seed: of the order of the samples.
    """

    temperature: float = 4.0
    mix: float = 0.7
    hints: tuple[tuple[str, str], ...] = ()
    hint_weight: float = 1.0
    epochs: int = 10
    batch: int = 64
    rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, fits in (
            ("temperature", self.temperature, self.temperature > 0),
            ("mix", self.mix, 0 <= self.mix <= 1),
            ("hint_weight", self.hint_weight, self.hint_weight >= 0),
            ("epochs", self.epochs, self.epochs >= 1),
            ("batch", self.batch, self.batch >= 1),
            ("rate", self.rate, self.rate > 0),
        ):
            if not (fits and math.isfinite(value)):
                raise UsageError(f"{name} of distillation cannot be {value:g}", "see docs/recover.md")


@dataclass(frozen=True)
class Epoch:
    """Mean losses of one epoch: of soft targets, labels (0 without) and hints (0 without)."""

    number: int
    soft: float
    hard: float
    hint: float


Change = Callable[[Array, int], Array]
"""Makes other samples of a batch ``(n, ...)``, such as shifted ones, given a seed."""


def distil(
    student: Rebuilt,
    teacher: Rebuilt,
    samples: Array,
    labels: Array | None = None,
    how: Distillation | None = None,
    *,
    vary: Change | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Epoch, ...]:
    """Train a student in place until it does as its teacher does.

    Args:
        student: what was changed, with one input.
        teacher: the original.
        samples: ``(n, ...)``, what both are given.
        labels: classes ``(n,)``; without them ``mix`` counts as 1.
        how: temperature, mixing weight, hints and so on.
        vary: makes other samples of each batch; the teacher sees the same.
        on_epoch: is told of every epoch.

    Raises:
        UsageError: samples, labels or hints that do not fit, named.
    """
    how = how or Distillation()
    _check(student, teacher, samples, labels)
    tf = load_tensorflow()
    tf.keras.utils.set_random_seed(how.seed)
    step = _Step(
        tf, student, teacher, how, labels is not None, steps=how.epochs * -(-len(samples) // how.batch)
    )
    order = np.random.default_rng(how.seed)
    epochs: list[Epoch] = []
    for number in range(how.epochs):
        losses = []
        for part in np.array_split(order.permutation(len(samples)), -(-len(samples) // how.batch)):
            batch = samples[part] if vary is None else vary(samples[part], int(order.integers(1 << 31)))
            truth = np.zeros(len(part), np.int64) if labels is None else labels[part]
            losses.append([float(loss) for loss in step(batch, truth)])
        epochs.append(Epoch(number + 1, *np.mean(losses, axis=0).tolist()))
        if on_epoch is not None:
            on_epoch(epochs[-1])
    return tuple(epochs)


class _Step:
    """One step of training, compiled once."""

    def __init__(
        self, tf: Any, student: Rebuilt, teacher: Rebuilt, how: Distillation, labelled: bool, *, steps: int
    ) -> None:
        self._tf, self._how, self._labelled = tf, how, labelled
        self._classifies = student.logits is not None and teacher.logits is not None
        pairs = [(_hint(teacher, of), _hint(student, to)) for of, to in how.hints]
        self._student = _outputs(tf.keras, student, self._classifies, [pair[1] for pair in pairs])
        self._teacher = _outputs(tf.keras, teacher, self._classifies, [pair[0] for pair in pairs])
        self._regressors = [_regressor(tf.keras, *pair) for pair in pairs]
        self._weights = [
            *student.model.trainable_variables,
            *(weight for model in self._regressors for weight in model.trainable_variables),
        ]
        rate = tf.keras.optimizers.schedules.CosineDecay(how.rate, steps)
        self._optimizer = tf.keras.optimizers.Adam(rate)
        self._optimizer.build(self._weights)
        self._compiled = tf.function(self._train, reduce_retracing=True)

    def __call__(self, batch: Array, truth: Array) -> Sequence[Any]:
        found: Sequence[Any] = self._compiled(self._tf.constant(batch), self._tf.constant(truth))
        return found

    def _train(self, batch: Any, truth: Any) -> tuple[Any, Any, Any]:
        tf, how = self._tf, self._how
        taught = tf.nest.flatten(self._teacher(batch, training=False))
        with tf.GradientTape() as tape:
            learnt = tf.nest.flatten(self._student(batch, training=True))
            soft, hard = self._losses(taught[0], learnt[0], truth)
            hint = sum(
                (
                    tf.reduce_mean(tf.square(model(inner) - goal)) / (tf.math.reduce_variance(goal) + 1e-6)
                    for model, inner, goal in zip(self._regressors, learnt[1:], taught[1:], strict=True)
                ),
                tf.constant(0.0),
            )
            mix = how.mix if self._labelled else 1.0
            loss = mix * soft + (1.0 - mix) * hard + how.hint_weight * hint
        gradients = tape.gradient(loss, self._weights)
        self._optimizer.apply_gradients(zip(gradients, self._weights, strict=True))
        return soft, hard, hint

    def _losses(self, taught: Any, learnt: Any, truth: Any) -> tuple[Any, Any]:
        tf, temperature = self._tf, self._how.temperature
        if not self._classifies:
            return tf.reduce_mean(tf.square(taught - learnt)), tf.constant(0.0)
        goal = tf.nn.log_softmax(taught / temperature)
        guess = tf.nn.log_softmax(learnt / temperature)
        divergence = tf.reduce_sum(tf.exp(goal) * (goal - guess), -1)
        # Gradients of soft targets shrink with the square of the temperature.
        soft = temperature**2 * tf.reduce_mean(divergence)
        if not self._labelled:
            return soft, tf.constant(0.0)
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=learnt)
        return soft, tf.reduce_mean(hard)


def _outputs(keras: Any, network: Rebuilt, classifies: bool, hints: Sequence[Any]) -> Any:
    """A model that gives what is compared: logits (or the output), then the features at the hints."""
    main = network.logits if classifies else network.model.outputs[0]
    return keras.Model(network.model.inputs, [main, *hints])


def _hint(network: Rebuilt, name: str) -> Any:
    if name not in network.tensors:
        raise UsageError(
            f"there is no layer {name!r} for a hint in {network.graph.path}",
            "name it by its id, such as 0/12, or by its output tensor (tflprof inspect shows both)",
        )
    return network.tensors[name]


def _regressor(keras: Any, goal: Any, inner: Any) -> Any:
    """Makes features of the teacher's width from the student's: a 1x1 convolution, or a dense layer."""
    if inner.shape[1:-1] != goal.shape[1:-1]:
        raise UsageError(
            f"a hint cannot compare features of {tuple(inner.shape[1:])} with {tuple(goal.shape[1:])}",
            "choose layers with the same height and width",
        )
    features = keras.Input(inner.shape[1:])
    return keras.Model(features, keras.layers.Dense(goal.shape[-1])(features))


def _check(student: Rebuilt, teacher: Rebuilt, samples: Array, labels: Array | None) -> None:
    for network in (student, teacher):
        if len(network.model.inputs) != 1 or len(network.model.outputs) != 1:
            raise UsageError(
                f"{network.graph.path} has not one input and one output; only such are distilled"
            )
        wanted = tuple(network.model.inputs[0].shape[1:])
        if tuple(samples.shape[1:]) != wanted:
            raise UsageError(
                f"samples are {tuple(samples.shape[1:])}, and {network.graph.path} takes {wanted}"
            )
    if not len(samples):
        raise UsageError("there is no sample to learn from", "give some")
    one, other = (tuple(network.model.outputs[0].shape[1:]) for network in (student, teacher))
    if one != other:
        raise UsageError(f"the student gives {one}, and its teacher {other}", "take the original as teacher")
    if labels is None:
        return
    if len(labels) != len(samples):
        raise UsageError(f"there are {len(labels)} labels for {len(samples)} samples", "give one for each")
    if student.logits is None or teacher.logits is None:
        raise UsageError("labels belong to a classifier that ends in a SOFTMAX", "leave them out")
    if labels.min() < 0 or labels.max() >= one[-1]:
        raise UsageError(
            f"labels reach from {labels.min()} to {labels.max()}, and there are {one[-1]} classes"
        )

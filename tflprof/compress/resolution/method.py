"""Other input sizes: the same network on smaller images, where its graph allows that.

A network from the builder or from Keras is better built anew (``tflprof build --size``; the recover room exports Keras
models at any size): that also works for detectors, whose anchors depend on the size, and gives weights a chance to
be trained at it. What is here changes a finished .tflite file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tflprof.compress.fidelity import divergence, output_kind
from tflprof.compress.images import fitted
from tflprof.compress.interface import Change, Knob, Option, Refusal, Subject
from tflprof.compress.resolution.rules import Unresizable
from tflprof.compress.resolution.shapes import Size, image_size, resize, total_stride
from tflprof.errors import UsageError
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.cost import model_cost
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig, TensorConfig

NAME = "resolution"

_MOST_OPTIONS = 6
_LEAST_SHARE = 0.5
"""Of rows: a network trained at one size is of little use at less than half of it."""


class Resolution:
    """The input size of a network on images, in steps of its total stride.

    Args:
        sizes: rows and columns to offer; None offers multiples of the network's total stride.
    """

    name = NAME

    def __init__(self, sizes: Sequence[Size] | None = None) -> None:
        self._sizes = sizes
        self._configs: dict[Size, dict[str, OpConfig]] = {}

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """One knob for the whole network."""
        layers = tuple(layer.id for layer in subject.layers)
        try:
            graph = subject.model.subgraphs[0]
            now = image_size(graph)
            sizes = self._sizes if self._sizes is not None else even_sizes(subject.model)
            found = self._possible(subject.model, [size for size in sizes if size != now])
        except Unresizable as refusal:
            return [], [Refusal(NAME, layers, str(refusal))]
        if not found:
            return [], [
                Refusal(NAME, layers, f"{now[0]}×{now[1]} has no smaller size that its strides divide")
            ]
        changes = (Change(NAME, layers, {"height": size[0], "width": size[1]}) for size in found)
        options = [Option(f"{now[0]}×{now[1]}", None)]
        options += [Option(f"{s[0]}×{s[1]}", change) for s, change in zip(found, changes, strict=True)]
        return [Knob(NAME, NAME, layers, tuple(options))], []

    def _possible(self, model: Model, sizes: Sequence[Size]) -> list[Size]:
        """The sizes that a model can be given. Raises Unresizable if that is none of several."""
        self._configs, refusals = {}, []
        for size in sizes:
            try:
                self._configs[size] = _configs(at_size(model, size))
            except Unresizable as refusal:
                refusals.append(refusal)
        if refusals and not self._configs:
            raise refusals[0]
        return list(self._configs)

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """The layer over maps of the other size."""
        if option.change is None:
            return configs
        wanted = self._configs.get(_size(option.change), {}).get(layer)
        return configs if wanted is None else tuple(_reshaped(config, wanted) for config in configs)

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> None:
        """Change the input size. Raises UsageError if the model cannot follow."""
        for change in changes:
            try:
                resize(editor, _size(change))
            except Unresizable as refusal:
                height, width = _size(change)
                raise UsageError(
                    f"{subject.model.path} cannot be given {height}×{width} pixels: {refusal}",
                    "export or build it at that size",
                ) from None

    def loss(self, subject: Subject, option: Option) -> float | None:
        """Divergence of outputs on calibration images that are resized bilinearly."""
        if option.change is None:
            return 0.0
        content = at_size(subject.model, _size(option.change))
        data = fitted(subject.calibration, read_model(content))
        before, after = (
            subject.executor.run(model, samples, dequantised=True, name=subject.model.path)
            for model, samples in (
                (_content(subject.model), subject.calibration.samples),
                (content, data.samples),
            )
        )
        return divergence(before, after, output_kind(subject.model))


def even_sizes(model: Model) -> list[Size]:
    """Smaller sizes that every stride divides, down to about half, the larger ones first; a few.

    Raises Unresizable if the model does not take an image of a fixed size.
    """
    graph = model.subgraphs[0]
    (height, width), step = image_size(graph), total_stride(graph)
    least = max(step, int(height * _LEAST_SHARE))
    rows: Sequence[int] = range((height - 1) // step * step, least - 1, -step)
    if len(rows) > _MOST_OPTIONS:
        rows = [rows[round(i * (len(rows) - 1) / (_MOST_OPTIONS - 1))] for i in range(_MOST_OPTIONS)]
    return [(side, max(step, round(width * side / height / step) * step)) for side in rows]


def at_size(model: Model, size: Size) -> bytes:
    """The content of a model's file at another input size. Raises Unresizable if it cannot follow."""
    editor = ModelEditor.open(model.path)
    resize(editor, size)
    return editor.to_bytes()


@dataclass(frozen=True)
class SizeAdvice:
    """What a size costs, and whether it is a good one.

    Attributes:
        size: rows and columns.
        macs: multiply-accumulates of an inference.
        share: of the macs of the size as it is.
        pixels: likewise of the pixels.
        even: whether every stride divides it, so that no map is rounded up.
        cost: by the caller's table, in its unit; None without one.
    """

    size: Size
    macs: int
    share: float
    pixels: float
    even: bool
    cost: float | None = None

    @property
    def waste(self) -> float:
        """Work beyond what the pixels account for, as a share; maps that are rounded up cause it."""
        return self.share / self.pixels - 1


def advice(
    model: Model, sizes: Sequence[Size], cost: Callable[[tuple[LayerConfig, ...]], float] | None = None
) -> list[SizeAdvice]:
    """What each size costs in work, and in latency if a cost of layers is given.

    Raises Unresizable if the model cannot follow.
    """
    graph = model.subgraphs[0]
    (height, width), step = image_size(graph), total_stride(graph)
    whole = model_cost(model).total.macs or 0
    found = []
    for size in sizes:
        changed = read_model(at_size(model, size))
        macs = model_cost(changed).total.macs or 0
        found.append(
            SizeAdvice(
                size=size,
                macs=macs,
                share=macs / max(whole, 1),
                pixels=size[0] * size[1] / (height * width),
                even=size[0] % step == 0 and size[1] % step == 0,
                cost=None if cost is None else cost(layer_configs(changed)),
            )
        )
    return found


def _size(change: Change) -> Size:
    return int(change.parameters["height"]), int(change.parameters["width"])


def _configs(content: bytes) -> dict[str, OpConfig]:
    return {layer.id: layer.config for layer in layer_configs(read_model(content))}


def _content(model: Model) -> bytes:
    return ModelEditor.open(model.path).to_bytes()


def _reshaped(config: OpConfig, wanted: OpConfig) -> OpConfig:
    """A configuration with the shapes of another one of the same operator."""
    if config.op != wanted.op or len(config.fused) != len(wanted.fused):
        return config
    return replace(
        config,
        inputs=_shapes(config.inputs, wanted.inputs),
        outputs=_shapes(config.outputs, wanted.outputs),
        options=wanted.options,
        fused=tuple(_reshaped(*pair) for pair in zip(config.fused, wanted.fused, strict=True)),
    )


def _shapes(tensors: tuple[TensorConfig, ...], wanted: tuple[TensorConfig, ...]) -> tuple[TensorConfig, ...]:
    if len(tensors) != len(wanted):
        return tensors
    pairs = zip(tensors, wanted, strict=True)
    return tuple(replace(own, shape=other.shape, values=other.values) for own, other in pairs)

"""Structured pruning: channels that go together are cut out of a network, so that what is left is a smaller network."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tflprof.compress.interface import Change, Knob, Option, Refusal, Subject
from tflprof.compress.prune.cut import cut
from tflprof.compress.prune.groups import Group, Slot, model_groups
from tflprof.compress.prune.moments import Moments, moments
from tflprof.compress.prune.rank import CRITERIA, consumers, kept, ranked
from tflprof.compress.prune.values import Real
from tflprof.errors import UsageError
from tflprof.model.edit import ModelEditor
from tflprof.op_config import OpConfig, TensorConfig

NAME = "prune"
STEP = 8
"""Channels are cut in steps that kernels work in."""

_SHARES = (7, 6, 5, 4, 3, 2)
"""Eighths of the channels that options keep; fewer than a quarter leave nothing worth keeping without training."""


@dataclass(frozen=True)
class Channels:
    """What is known about a model's channels.

    Attributes:
        groups: by name.
        order: channels of each group that can be cut, those worth most first.
        losses: what goes with each of them when all after it are gone.
        known: moments of the inputs of layers that mix channels.
    """

    groups: Mapping[str, Group]
    order: Mapping[str, Sequence[int]]
    losses: Mapping[str, Real]
    known: Mapping[str, Moments]


class Pruning:
    """Channel pruning in steps of eight.

    Args:
        criterion: one of :data:`tflprof.compress.prune.rank.CRITERIA`.
        fine: whether options are all multiples of eight, not only some spread over them.
    """

    name = NAME

    def __init__(self, criterion: str = "activation", *, fine: bool = False) -> None:
        if criterion not in CRITERIA:
            raise UsageError(f"there is no criterion {criterion!r}", f"choose {', '.join(CRITERIA)}")
        self._criterion = criterion
        self._fine = fine
        self._orders: Mapping[str, Sequence[int]] = {}
        self._cuts: dict[tuple[str, str, int], list[tuple[str, int, int, int]]] = {}

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """One knob per group of channels. Raises as :meth:`Executor.stream` does."""
        if len(subject.model.subgraphs) != 1:
            reason = f"the model has {len(subject.model.subgraphs)} subgraphs, which may share channels"
            return [], [Refusal(NAME, tuple(op.id for op in subject.model.ops()), reason)]
        plan = known_channels(subject, self._criterion)
        self._orders = plan.order
        self._cuts.clear()
        knobs, refusals = [], []
        for group in plan.groups.values():
            if (refused := why_not(group)) is not None:
                refusals.append(Refusal(NAME, group.producers, refused))
                continue
            knobs.append(self._knob(group))
            slots = {name: group.slots_of(subject.model.op(name)) for name in group.layers}
            for option in knobs[-1].options[1:]:
                self._remember(slots, option)
        return knobs, refusals

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """Shapes with the channels that stay, relative to what is given: both sides of a layer may be cut."""
        if option.change is None:
            return configs
        chosen = option.change.parameters
        found = list(configs)
        for side, place, dim, gone in self._cuts.get((layer, str(chosen["group"]), int(chosen["keep"])), ()):
            at = 0 if side == "inputs" else len(configs) - 1
            found[at] = _shrunk(found[at], side, place, dim, gone)
        return tuple(found)

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> None:
        """Cut; layers that an earlier change took out need no cutting. Raises UsageError if a change does not fit."""
        keep: dict[str, list[int]] = {}
        makers: dict[str, Moments] = {}
        for change in changes:
            plan = known_channels(subject, str(change.parameters.get("criterion", self._criterion)))
            name, count = str(change.parameters["group"]), int(change.parameters["keep"])
            if name not in plan.order or not 0 < count <= plan.groups[name].size:
                raise UsageError(
                    f"channels of layer {name} of {subject.model.path} cannot be cut to {count}",
                    "make the plan again for this model",
                )
            if not any(editor.descendants(layer) for layer in change.layers):
                continue
            keep[name] = kept(plan.order[name], count)
            makers |= plan.known
        cut(editor, keep, makers)

    def _knob(self, group: Group) -> Knob:
        sizes = ladder(group.size) if self._fine else _spread(group.size)
        options = [Option(f"{group.size} channels", None)]
        options += [Option(f"{size} of {group.size} channels", self.change(group, size)) for size in sizes]
        return Knob(f"{NAME} {group.name}", NAME, group.layers, tuple(options), ordered=True)

    def _remember(self, slots: Mapping[str, list[tuple[str, int, Slot]]], option: Option) -> None:
        """Keep what an option removes from the tensors of each layer."""
        assert option.change is not None
        group, keep = str(option.change.parameters["group"]), int(option.change.parameters["keep"])
        stay = kept(self._orders[group], keep)
        for layer, found in slots.items():
            self._cuts[layer, group, keep] = [
                (side, place, slot.dim, slot.cut(stay)) for side, place, slot in found
            ]

    def change(self, group: Group, keep: int) -> Change:
        """The change that keeps some channels of a group."""
        parameters = {"group": group.name, "keep": keep, "of": group.size, "criterion": self._criterion}
        return Change(NAME, group.layers, parameters)


def known_channels(subject: Subject, criterion: str = "activation") -> Channels:
    """Groups of a model and the order of their channels. What was found is kept for the last few models."""
    key = (subject.model.sha256, subject.calibration.sha256, criterion)
    if key not in _known:
        while len(_known) >= _MOST_KNOWN:
            del _known[next(iter(_known))]
        _known[key] = _look(subject, criterion)
    return _known[key]


_known: dict[tuple[str, str, str], Channels] = {}
_MOST_KNOWN = 4


def _look(subject: Subject, criterion: str) -> Channels:
    groups = model_groups(subject.model)
    usable = [group for group in groups if why_not(group) is None]
    known = moments(subject, consumers(subject.model, usable)) if len(subject.calibration) else {}
    found = {group.name: ranked(subject.model, group, criterion, known) for group in usable}
    return Channels(
        groups={group.name: group for group in groups},
        order={name: order for name, (order, _) in found.items()},
        losses={name: losses for name, (_, losses) in found.items()},
        known=known,
    )


def why_not(group: Group) -> str | None:
    """Why a group cannot be cut, None if it can."""
    if group.reason is not None:
        return group.reason
    return None if group.size > STEP else f"it has only {group.size} channels, one step"


@functools.cache
def ladder(size: int) -> tuple[int, ...]:
    """Numbers of channels to keep from the next smaller one, in steps of eight."""
    return tuple(range((size - 1) // STEP * STEP, 0, -STEP))


def _spread(size: int) -> tuple[int, ...]:
    """A few of them down to about a quarter."""
    wanted = (max(STEP, round(size * share / 8 / STEP) * STEP) for share in _SHARES)
    return tuple(dict.fromkeys(keep for keep in wanted if keep < size))


def _shrunk(config: OpConfig, side: str, place: int, dim: int, cut_away: int) -> OpConfig:
    """A configuration with fewer positions along a dimension of one of its tensors."""
    tensors: tuple[TensorConfig, ...] = getattr(config, side)
    if not cut_away or place >= len(tensors) or dim >= len(tensors[place].shape):
        return config
    changed = list(tensors)
    changed[place] = _shorter(tensors[place], dim, cut_away)
    fused = tuple(_fused(each, side, place, cut_away) for each in config.fused)
    if side == "inputs":
        return replace(config, inputs=tuple(changed), fused=fused)
    return _repadded(replace(config, outputs=tuple(changed), fused=fused), dim)


def _repadded(config: OpConfig, dim: int) -> OpConfig:
    """A padding along channels adds what its result has more than what it takes, which is cut before."""
    amounts = config.inputs[1].values if config.op in ("PAD", "PADV2") else None
    if amounts is None or not any(amounts[2 * dim : 2 * dim + 2]):
        return config
    more = config.outputs[0].shape[dim] - config.inputs[0].shape[dim]
    before = min(amounts[2 * dim], more)
    new = (*amounts[: 2 * dim], before, more - before, *amounts[2 * dim + 2 :])
    return replace(
        config, inputs=(config.inputs[0], replace(config.inputs[1], values=new), *config.inputs[2:])
    )


def _fused(config: OpConfig, side: str, place: int, cut_away: int) -> OpConfig:
    """What is done in a layer's kernel: a padding of what it takes, a clamp of what it makes."""
    before = config.op == "PAD"
    if place or before != (side == "inputs"):
        return config
    ends = {
        name: (_shorter(tensors[0], len(tensors[0].shape) - 1, cut_away), *tensors[1:])
        for name, tensors in (("inputs", config.inputs), ("outputs", config.outputs))
    }
    return replace(config, inputs=ends["inputs"], outputs=ends["outputs"])


def _shorter(tensor: TensorConfig, dim: int, cut_away: int) -> TensorConfig:
    shape = (*tensor.shape[:dim], tensor.shape[dim] - cut_away, *tensor.shape[dim + 1 :])
    return replace(tensor, shape=shape)

"""Clean-up: operators that cost time for nothing are taken out; results stay the same to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tflprof.compress.clean_up.find import BYPASS, DEAD, PAD, SHORTEN, Needless, needless
from tflprof.compress.interface import Change, Knob, Option, Refusal, Subject
from tflprof.model.edit import ModelEditor
from tflprof.op_config import OpConfig

NAME = "clean_up"


class CleanUp:
    """Conversions and transpositions that undo themselves, chains of reshapes, foldable padding, dead operators."""

    name = NAME

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """One knob per place, with the choice of leaving it or cleaning it up."""
        graph = subject.model.subgraphs[0]
        found = []
        for place in needless(graph, partial(subject.model.data, 0)):
            layers = tuple(op.id for op in place.ops)
            change = Change(NAME, layers, _parameters(place, graph.tensors[place.ops[0].inputs[0]].shape))
            options = (Option("as it is", None), Option(place.what, change))
            found.append(Knob(f"{NAME} {layers[0]}", NAME, layers, options))
        return found, []

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """Nothing for what is gone; what reads past it with the shape that it reads then."""
        change = option.change
        if change is None or layer not in change.layers:
            return configs
        if layer in change.parameters["gone"]:
            return ()
        kind, shape = change.parameters["kind"], tuple(change.parameters["reads"])
        if kind == SHORTEN:
            return tuple(_reading(config, shape) for config in configs)
        return tuple(_padding(config, shape) for config in configs) if kind == PAD else configs

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> None:  # noqa: ARG002
        """Clean up. What an earlier change has made superfluous is left out."""
        for change in changes:
            there = {
                tuple(op.id for op in place.ops): place
                for place in needless(editor.graph(), editor.constant_values)
            }
            place = there.get(tuple(change.layers))
            if place is not None and place.kind == change.parameters["kind"]:
                _clean(editor, place)


def _parameters(place: Needless, reads: tuple[int, ...]) -> dict[str, object]:
    return {"kind": place.kind, "gone": [op.id for op in place.gone], "reads": list(reads)}


def _clean(editor: ModelEditor, place: Needless) -> None:
    first, last = place.ops[0], place.ops[-1]
    if place.kind == BYPASS:
        editor.redirect(last.outputs[0], first.inputs[0])
    elif place.kind == SHORTEN:
        editor.set_inputs(last.id, (first.inputs[0], *last.inputs[1:]))
    elif place.kind == PAD:
        for user in place.ops[1:]:
            editor.set_inputs(user.id, (first.inputs[0], *user.inputs[1:]))
            editor.set_options(user.id, padding="SAME")
    assert place.kind in (BYPASS, SHORTEN, PAD, DEAD)
    for op in place.gone:
        editor.remove_op(op.id)


def _reading(config: OpConfig, shape: tuple[int, ...]) -> OpConfig:
    return replace(config, inputs=(replace(config.inputs[0], shape=shape), *config.inputs[1:]))


def _padding(config: OpConfig, shape: tuple[int, ...]) -> OpConfig:
    options = {**dict(config.options), "padding": "SAME"}
    kept = tuple(one for one in config.fused if one.op != "PAD")
    return replace(_reading(config, shape), options=tuple(sorted(options.items())), fused=kept)

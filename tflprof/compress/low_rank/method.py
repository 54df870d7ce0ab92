"""Low rank: a layer becomes two or three thinner ones whose product is close to it on the inputs that really come."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tflprof.compress.interface import Change, Knob, Option, Refusal, Subject
from tflprof.compress.low_rank.configs import factorised_config
from tflprof.compress.low_rank.edit import write_factors
from tflprof.compress.low_rank.factors import numerical_rank
from tflprof.compress.low_rank.numbers import Numbers
from tflprof.compress.low_rank.samples import inflows
from tflprof.compress.low_rank.sites import (
    LAYERS,
    Refused,
    Site,
    candidates,
    factorised_with,
    real_weights,
    site,
)
from tflprof.compress.low_rank.stages import STEP, SVD, TUCKER, offers
from tflprof.errors import UsageError
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Model, Op
from tflprof.op_config import OpConfig

NAME = "low_rank"
WEIGHTINGS = ("activations", "plain")
_MOST_RANKS = 6
_MOST_USED = 4


class LowRank:
    """SVD of 1×1 convolutions and fully connected layers; k×k ones as k×1 and 1×k, or 1×1, k×k and 1×1 (Tucker-2).

    Args:
        weighting: ``activations``: closest on calibration data; ``plain``: closest in weights alone. Random
            calibration data tells nothing of what comes in, and is weighted ``plain``.
        most_ranks: offered per layer and form.
    """

    name = NAME

    def __init__(self, weighting: str = "activations", most_ranks: int = _MOST_RANKS) -> None:
        if weighting not in WEIGHTINGS:
            raise UsageError(
                f"low rank cannot be weighted by {weighting!r}", f"one of {', '.join(WEIGHTINGS)}"
            )
        self._weighting = weighting
        self._most_ranks = most_ranks
        self._used: list[Numbers] = []
        self._known: dict[tuple[str, str], dict[str, Numbers]] = {}

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """A knob per layer that can be factorised to less work, a reason for each other one."""
        weighting = self._weighting if subject.calibration.tells_quality else "plain"
        found: list[Knob] = []
        refusals: list[Refusal] = []
        for op in candidates(subject.model.ops()):
            try:
                options = _options(subject.model, op, weighting, self._most_ranks)
            except Refused as why:
                refusals.append(Refusal(NAME, (op.id,), str(why)))
                continue
            found.append(Knob(f"{NAME} {op.id}", NAME, (op.id,), (Option("as it is", None), *options)))
        return found, refusals

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """The stages in place of the layer, whatever else runs there."""
        change = option.change
        if change is None or layer not in change.layers:
            return configs
        return tuple(
            new
            for config in configs
            for new in (factorised_config(config, change.parameters) if config.op in LAYERS else (config,))
        )

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> None:
        """Factorise layers.

        Raises:
            UsageError: a layer that cannot be factorised, or whose inputs are not finite.
            ModelError, RunnerError: the model does not run on the calibration data.
        """
        # What a clean-up took out needs no factors.
        there = [change for change in changes if editor.descendants(change.layers[0])]
        sites = [(self._site(editor, change.layers[0]), change) for change in there]
        known = self._numbers(editor, [found for found, _ in sites], subject)
        for found, change in sites:
            if found.op.id not in known:
                raise UsageError(
                    f"layer {change.layers[0]} cannot be factorised: what comes in (calibration data) is not finite"
                )
            write_factors(editor, found, change.parameters, self._in_use(known[found.op.id]))
        _drop_unused_constants(editor)

    def _site(self, editor: ModelEditor, layer: str) -> Site:
        now = candidates(editor.descendants(layer))
        if len(now) != 1:
            raise UsageError(f"layer {layer} cannot be factorised: {len(now)} layers stand for it by now")
        try:
            return site(editor.graph(), now[0])
        except Refused as why:
            raise UsageError(f"layer {layer} cannot be factorised: {why}") from None

    def _in_use(self, numbers: Numbers) -> Numbers:
        """The same; of layers that were used before it, all but the last few forget what takes memory."""
        self._used = [one for one in self._used if one is not numbers] + [numbers]
        while len(self._used) > _MOST_USED:
            self._used.pop(0).forget()
        return numbers

    def _numbers(self, editor: ModelEditor, sites: Sequence[Site], subject: Subject) -> dict[str, Numbers]:
        """From memory if this very file was looked at before; the original's layers are looked at all at once."""
        key = editor.original.sha256, subject.calibration.sha256
        known = self._known.get(key, {})
        missing = [found for found in sites if found.op.id not in known]
        if missing:
            same = editor.original.sha256 == subject.model.sha256
            missing = _all_sites(subject.model) if same else missing
            model, content = (subject.model, None) if same else (editor.original, editor.to_bytes())
            flows = inflows(missing, subject.executor, model, subject.calibration, content)
            known = known | {
                found.op.id: Numbers(found, model, flow)
                for found in missing
                if (flow := flows.get(found.op.id)) is not None
            }
            # Of other files only the last is worth its memory.
            self._known = {old: one for old, one in self._known.items() if old[0] == subject.model.sha256}
            self._known[key] = known
        return known


def _all_sites(model: Model) -> list[Site]:
    found = []
    for op in candidates(model.subgraphs[0].ops):
        try:
            one = site(model.subgraphs[0], op)
        except Refused:
            continue
        found.append(one)
    return found


def _options(model: Model, op: Op, weighting: str, most: int) -> list[Option]:
    if op.subgraph:
        raise Refused(f"it is in subgraph {op.subgraph}, on whose inputs calibration data says nothing")
    graph = model.subgraphs[0]
    found = site(graph, op)
    if reason := factorised_with(graph, found):
        raise Refused(reason)
    offered = offers(found.stage, found.rows_columns, found.padding, most)
    if not offered:
        raise Refused(
            f"{found.stage.inputs} to {found.stage.outputs} channels are too few: no rank from {STEP} on saves work"
        )
    rank = numerical_rank(real_weights(found, partial(model.data, 0)))
    options = []
    for form, ranks in offered:
        parameters: dict[str, Any] = {"form": form, "ranks": list(ranks), "weighting": weighting}
        options.append(Option(_label(form, ranks), Change(NAME, (op.id,), parameters)))
        if form == SVD and ranks[0] >= rank:
            break  # more would add nothing
    return options


def _label(form: str, ranks: Sequence[int]) -> str:
    if form == TUCKER:
        return f"Tucker-2 rank {ranks[0]}, {ranks[1]}"
    return f"rank {ranks[0]}" if form == SVD else f"spatial rank {ranks[0]}"


def _drop_unused_constants(editor: ModelEditor) -> None:
    """Take out operators that only widened weights which are gone."""
    graph = editor.graph()
    read = {tensor for op in graph.ops for tensor in op.inputs} | set(graph.outputs)
    for op in graph.ops:
        is_widening = op.code == "DEQUANTIZE" and graph.tensors[op.inputs[0]].is_constant
        if is_widening and not read & set(op.outputs):
            editor.remove_op(op.id)

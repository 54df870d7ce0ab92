"""Integers instead of reals, layer by layer: int8 with calibrated ranges, or int8 weights only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change, Coupling, Knob, Option, Refusal, Subject
from tflprof.compress.quantise.edges import couplings
from tflprof.compress.quantise.layers import METHOD, Group, groups, loaded_layers, takes
from tflprof.compress.quantise.rewrite import fold_clamps, requantised
from tflprof.compress.quantise.seen import Seen, depthwise_troubles, look
from tflprof.compress.quantise.tool import QuantiserTool
from tflprof.errors import UsageError
from tflprof.model.edit import ModelEditor
from tflprof.op_channels import WEIGHTED, with_dtype
from tflprof.op_config import OpConfig

AS_IT_IS, INT8, DYNAMIC = "as it is", "int8", "dynamic"
RANGES = ("measured", "search", "full")
_KEPT = 2


class Quantise:
    """Chooses for each layer between reals, ``int8`` (weights and activations) and ``dynamic`` (int8 weights).

    Layers that only pass values on go with the layer before them. Inputs and outputs of the model keep their types.

    Args:
        ranges: ``search`` covers what costs least (:func:`~tflprof.compress.quantise.ranges.best_range`), ``full``
            all values seen; ``measured`` is the one of the two with which the model, all int8, diverges less.
    """

    name = METHOD

    def __init__(self, ranges: str = RANGES[0]) -> None:
        if ranges not in RANGES:
            raise UsageError(f"ranges `{ranges}` are unknown", f"one of {', '.join(RANGES)}")
        self._ranges = ranges
        self._tool = QuantiserTool()
        self._seen: dict[tuple[str, str, str], Seen] = {}

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """A knob per group of layers. Raises EnvironmentFault if litert-quantizer is not installed."""
        found, refused = groups(subject, self._tool.policy())
        how = self._settled(subject, found)
        knobs = [knob for group in found if len((knob := _knob(group, how)).options) > 1]
        depthwise = any(layer.config.op == "DEPTHWISE_CONV_2D" for layer in subject.layers)
        if knobs and depthwise:
            seen = self._look(subject, Path(subject.model.path).read_bytes(), how)
            refused += depthwise_troubles(
                subject.model, seen, [layer for knob in knobs for layer in knob.layers]
            )
        return knobs, refused

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """Configurations in the scheme of an option."""
        if option.change is None:
            return configs
        scheme, policy = str(option.change.parameters["scheme"]), self._tool.policy()
        clamps: Mapping[str, str] = option.change.parameters.get("clamps", {})
        if layer in clamps:
            return ()
        if layer in clamps.values():
            configs = (*configs[:-1], _clamping(configs[-1]))
        return tuple(
            _as_stored(with_dtype(config, scheme)) if takes(config, scheme, policy) else config
            for config in configs
        )

    def couplings(self, subject: Subject, knobs: Sequence[Knob]) -> Sequence[Coupling]:
        """What converts between integers and reals where neighbours differ."""
        own = [knob for knob in knobs if knob.method == METHOD]
        return couplings(subject.model.subgraphs[0], own, loaded_layers(subject))

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> ModelEditor:
        """Quantise layers; the file is written anew.

        Raises:
            EnvironmentFault: litert-quantizer is not installed.
            ModelError: it does not take the model.
            UsageError: values on calibration data are not finite.
        """
        policy = self._tool.policy()
        schemes: dict[str, str] = {}
        for change in changes:
            fold_clamps(editor, change.parameters.get("clamps", {}))
            for layer in change.layers:
                schemes |= {op.id: str(change.parameters["scheme"]) for op in editor.descendants(layer)}
        given = (str(change.parameters["ranges"]) for change in changes if "ranges" in change.parameters)
        how = next(given, "search")
        return requantised(
            editor,
            schemes,
            policy,
            self._tool,
            lambda content: self._look(subject, content, how),
            subject.model.path,
        )

    def close(self) -> None:
        """End the quantiser's process."""
        self._tool.close()

    def _settled(self, subject: Subject, found: Sequence[Group]) -> str:
        """Which ranges integers get: as was asked for, or what proves better on the calibration data."""
        if self._ranges != "measured" or not any(group.int8 for group in found):
            return self._ranges if self._ranges != "measured" else "full"
        reference = Reference(subject.executor, subject.model, subject.calibration)
        losses = {}
        for how in ("search", "full"):
            changes = uniform([_knob(group, how) for group in found], INT8)
            edited = self.apply(ModelEditor.open(subject.model.path), changes, subject)
            losses[how] = reference.fidelity(edited.to_bytes()).divergence
        return min(losses, key=lambda how: losses[how])

    def _look(self, subject: Subject, content: bytes, how: str) -> Seen:
        """What a model's tensors hold; remembered, as a planner tries many options on one model."""
        key = hashlib.sha256(content).hexdigest(), subject.calibration.sha256, how
        if key not in self._seen:
            for old in list(self._seen)[: 1 - _KEPT]:
                del self._seen[old]
            self._seen[key] = look(subject.executor, content, subject.calibration, how)
        return self._seen[key]


def _knob(group: Group, how: str) -> Knob:
    parameters: dict[str, dict[str, Any]] = {
        INT8: {"scheme": INT8, "ranges": how},
        DYNAMIC: {"scheme": DYNAMIC},
    }
    if group.clamps:
        parameters[INT8]["clamps"] = dict(group.clamps)
    options = [Option(AS_IT_IS, None)]
    for scheme in [INT8] * group.int8 + [DYNAMIC] * group.dynamic:
        options.append(Option(scheme, Change(METHOD, group.layers, parameters[scheme])))
    return Knob(f"{METHOD} {group.layers[0]}", METHOD, group.layers, tuple(options))


def _clamping(config: OpConfig) -> OpConfig:
    """A layer that does the RELU after it itself."""
    options = dict(config.options) | {"fused_activation_function": "RELU"}
    fused = tuple(one for one in config.fused if one.op != "RELU")
    return replace(config, options=tuple(sorted(options.items())), fused=fused)


def _as_stored(config: OpConfig) -> OpConfig:
    """Without the mark of sparse weights, which quantised ones are not; one channel's scale is one for all."""
    options = tuple(pair for pair in config.options if pair[0] != "sparse")
    inputs = config.inputs
    if config.op in WEIGHTED and inputs[1].shape[3 if config.op == "DEPTHWISE_CONV_2D" else 0] == 1:
        inputs = (inputs[0], replace(inputs[1], quantisation="tensor"), *inputs[2:])
    return replace(config, options=options, inputs=inputs)


def uniform(knobs: Sequence[Knob], scheme: str) -> list[Change]:
    """The changes that give a scheme to every layer that can have it."""
    return [
        option.change
        for knob in knobs
        for option in knob.options
        if option.change is not None and option.label == scheme
    ]

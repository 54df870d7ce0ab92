"""NMS: thresholds of the detection operator, edited in the file. What they save depends on the picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tflprof.compress.interface import Change, Knob, Option, Refusal, Subject
from tflprof.errors import ModelError, UsageError
from tflprof.model.custom import custom_options, encode_custom_options
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Op
from tflprof.op_config import OpConfig

NAME = "nms"
CODE = "TFLite_Detection_PostProcess"

Setting = bool | int | float

_KINDS: Mapping[str, type] = {
    "nms_score_threshold": float,
    "nms_iou_threshold": float,
    "max_detections": int,
    "max_classes_per_detection": int,
    "detections_per_class": int,
    "use_regular_nms": bool,
}
"""What can be set; the rest (classes, scales of boxes) says what the network means."""

_SHARES = ("nms_score_threshold", "nms_iou_threshold")
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Score thresholds that are offered where they are higher than the file's: fewer boxes are compared."""

_PER_CLASS = (20, 50)


class Nms:
    """Thresholds of ``TFLite_Detection_PostProcess``.

    No table knows what it costs: the number of boxes decides. Its options are measured with the whole model.
    """

    name = NAME
    measured_with_model = True

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """A knob per detection operator."""
        found: list[Knob] = []
        refusals: list[Refusal] = []
        for op in subject.model.ops():
            if op.custom_code != CODE:
                continue
            try:
                known = custom_options(op)
            except ModelError as why:
                refusals.append(Refusal(NAME, (op.id,), why.what))
                continue
            options = [_option(op, label, known, settings) for label, settings in _offers(known)]
            found.append(Knob(f"{NAME} {op.id}", NAME, (op.id,), (Option("as it is", None), *options)))
        return found, refusals

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """The same operator with other options, which is another row of a table."""
        change = option.change
        if change is None or layer not in change.layers:
            return configs
        stamp = str(change.parameters["stamp"])
        return tuple(_stamped(config, stamp) if config.op == CODE else config for config in configs)

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> None:  # noqa: ARG002
        """Edit the options in the file.

        Raises:
            UsageError: a setting that there is not, of the wrong kind, or out of bounds.
            ModelError: the operator's options are no map.
        """
        for change in changes:
            op = editor.op(change.layers[0])
            known = custom_options(op)
            settings = _checked(change.parameters["settings"])
            editor.set_options(op.id, custom_options=encode_custom_options({**known, **settings}))
            _resize(editor, op, {**known, **settings})


def _offers(known: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Setting]]]:
    """Settings that may save time, as labels and values."""
    regular = bool(known.get("use_regular_nms"))
    lowest = float(known.get("nms_score_threshold", 0.0))
    for score in _SCORES:
        if score > lowest:
            yield f"scores from {score:g}", {"nms_score_threshold": score}
    if not regular:
        return
    yield "fast NMS", {"use_regular_nms": False}
    for count in _PER_CLASS:
        if count < int(known.get("detections_per_class", 100)):
            yield f"{count} detections per class", {"detections_per_class": count}


def _option(op: Op, label: str, known: Mapping[str, Any], settings: dict[str, Setting]) -> Option:
    written = encode_custom_options({**known, **settings})
    stamp = hashlib.sha256(written).hexdigest()[:16]
    return Option(label, Change(NAME, (op.id,), {"settings": settings, "stamp": stamp}))


def _stamped(config: OpConfig, stamp: str) -> OpConfig:
    options = {**dict(config.options), "custom_options": stamp}
    return replace(config, options=tuple(sorted(options.items())))


def _checked(settings: Mapping[str, Any]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name, value in settings.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise UsageError(f"{CODE} has no setting {name!r}", f"one of {', '.join(_KINDS)}")
        right = isinstance(value, (int, float)) and (kind is bool) == isinstance(value, bool)
        if not right or kind(value) != value:
            raise UsageError(f"{name} of {CODE} cannot be {value!r}", f"give a {kind.__name__}")
        if (name in _SHARES and not 0 <= value <= 1) or (kind is int and value < 1):
            raise UsageError(
                f"{name} of {CODE} cannot be {value!r}",
                "give 0 to 1" if name in _SHARES else "give 1 or more",
            )
        found[name] = kind(value)
    return found


def _resize(editor: ModelEditor, op: Op, settings: Mapping[str, Any]) -> None:
    """Give outputs of known sizes room for as many detections as there may be."""
    most = int(settings["max_detections"]) * int(settings.get("max_classes_per_detection", 1))
    for index in op.outputs[:3]:
        shape = editor.tensor(index, op.subgraph).shape
        if len(shape) >= 2 and not editor.tensor(index, op.subgraph).is_dynamic and shape[1] != most:
            editor.set_shape(index, (shape[0], most, *shape[2:]), op.subgraph)

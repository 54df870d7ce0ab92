"""Thresholds of the detection operator are edited, and LiteRT heeds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflprof.compress.apply import apply_changes
from tflprof.compress.calibration import random_calibration
from tflprof.compress.interface import Change, Subject
from tflprof.compress.nms import Nms
from tflprof.errors import UsageError
from tflprof.model.build import build_micro
from tflprof.model.configs import layer_configs
from tflprof.model.custom import custom_options
from tflprof.model.graph import Model, Op
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor


@pytest.fixture
def detector(tmp_path: Path) -> Model:
    path = tmp_path / "model.tflite"
    path.write_bytes(build_micro("detection", "float32"))
    return read_model(path)


def nms(model: Model) -> Op:
    return next(op for op in model.ops() if op.custom_code)


def test_thresholds_are_edited_in_the_file(detector: Model) -> None:
    method, layer = Nms(), nms(detector).id
    with Executor() as executor:
        subject = Subject(detector, layer_configs(detector), random_calibration(detector, 4), executor)
        (knob,), refusals = method.knobs(subject)
        assert refusals == []
        labels = [option.label for option in knob.options]
        option = knob.options[labels.index("scores from 0.5")]
        assert option.change is not None
        content = apply_changes(subject, [option.change], {"nms": method}).content
        edited = read_model(content)
        (config,) = method.rewrite(layer, (config_of(detector, layer),), option)
        assert config.key == config_of(edited, layer).key != config_of(detector, layer).key
        changed = custom_options(nms(edited))
        kept = custom_options(nms(detector))
        assert changed.pop("nms_score_threshold") == pytest.approx(0.5)
        assert kept.pop("nms_score_threshold") < 0.5
        assert changed == kept
        scores = executor.run(content, subject.calibration.samples)
        for sample in scores:
            # Places beyond the detections that were found are not written.
            count = int(next(values for name, values in sample.items() if "num" in name).ravel()[0])
            assert (sample["detection_scores"].ravel()[:count] >= 0.5).all()


def test_fewer_detections_make_smaller_outputs(detector: Model) -> None:
    layer = nms(detector).id
    with Executor() as executor:
        subject = Subject(detector, layer_configs(detector), random_calibration(detector, 1), executor)
        change = Change("nms", (layer,), {"settings": {"max_detections": 2}})
        content = apply_changes(subject, [change], {"nms": Nms()}).content
        (sample,) = executor.run(content, subject.calibration.samples)
        assert sample["detection_boxes"].shape[1] == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"num_classes": 3}, "no setting"),
        ({"nms_iou_threshold": 1.5}, "cannot be"),
        ({"max_detections": 0}, "cannot be"),
        ({"max_detections": 2.5}, "cannot be"),
        ({"use_regular_nms": 1}, "cannot be"),
        ({"nms_score_threshold": "high"}, "cannot be"),
    ],
)
def test_other_settings_are_refused(detector: Model, settings: dict[str, Any], reason: str) -> None:
    subject = Subject(detector, (), random_calibration(detector, 1), Executor())
    with pytest.raises(UsageError, match=reason):
        apply_changes(subject, [Change("nms", (nms(detector).id,), {"settings": settings})], {"nms": Nms()})


def config_of(model: Model, layer: str) -> Any:
    return next(one.config for one in layer_configs(model) if one.id == layer)

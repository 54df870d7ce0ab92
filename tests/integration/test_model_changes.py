"""A model file that is overwritten or removed while it is profiled, on real targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tflprof.errors import ModelError
from tflprof.measure.pipeline import Progress
from tflprof.model.build import build_micro
from tflprof.workflow.profile import Interrupted, profile_model


def overwrite(model: Path) -> None:
    model.write_bytes(build_micro("pad_conv"))


@pytest.mark.parametrize(
    ("target", "change", "says"),
    [
        ("host", overwrite, "model.tflite changed while it was in use"),
        ("interpreter", Path.unlink, "model.tflite was removed while it was in use"),
    ],
)
def test_what_was_measured_before_is_kept_and_marked(
    tmp_path: Path, target: str, change: Callable[[Path], None], says: str
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(build_micro("two_partitions"))

    def tell(progress: Progress) -> None:
        if progress.stage == "measuring" and model.exists() and model.read_bytes() == whole:
            change(model)

    whole = model.read_bytes()
    with pytest.raises(Interrupted) as caught:
        profile_model(model, target=target, max_seconds=6, on_progress=tell)
    assert isinstance(caught.value.cause, ModelError)
    assert says in str(caught.value.cause)
    profile = caught.value.profile
    assert not profile.meta.schedule.complete
    assert "partial-run" in [finding.code for finding in profile.meta.findings]
    assert len(profile.summary.layers) == 5


def test_a_change_before_anything_was_measured_leaves_nothing(tmp_path: Path) -> None:
    """On an emulated core there is one session, and counts are only had at its end."""
    model = tmp_path / "model.tflite"
    model.write_bytes(build_micro("conv_2d"))

    def tell(progress: Progress) -> None:
        if progress.stage == "emulating":
            overwrite(model)

    with pytest.raises((ModelError, Interrupted), match="changed while it was in use"):
        profile_model(model, target="emulated:pixel2", on_progress=tell)

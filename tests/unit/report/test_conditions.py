"""What a page says of how a profile was made."""

from __future__ import annotations

from dataclasses import replace

from tests.factories import make_profile
from tflprof.profile.meta import Pairing, ProfileMeta
from tflprof.report.conditions import describe_conditions


def shown(meta: ProfileMeta) -> dict[str, str]:
    return {name: value for _, pairs in describe_conditions(meta) for name, value in pairs}


def test_what_was_measured_with_another_model_says_so_and_names_no_precision() -> None:
    meta = make_profile().meta
    assert "precision wanted" in shown(meta)
    assert "measured with" not in shown(meta)
    paired = shown(replace(meta, pairing=Pairing("one", "b", (10, 20))))
    assert paired["measured with"] == "another model, side B, compared after 10, 20 pairs"
    assert "precision wanted" not in paired

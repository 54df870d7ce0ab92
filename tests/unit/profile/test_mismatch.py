"""Which conditions keep two profiles from being compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.profile.mismatch import mismatches


def test_a_profile_goes_with_itself_and_with_another_of_its_kind() -> None:
    assert mismatches(make_profile().meta, make_profile(seed=1, name="other").meta) == ()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"threads": 4}, "threads"),
        ({"kernels": "builtin"}, "kernels"),
        ({"xnnpack_flags": 8}, "xnnpack_flags"),
        ({"weight_cache": True}, "weight_cache"),
        ({"cpus": (5,)}, "cpus"),
    ],
)
def test_options_that_change_speed(changes: dict[str, Any], key: str) -> None:
    a = make_profile().meta
    b = replace(a, options=replace(a.options, **changes))
    found = {m.key: (m.a, m.b) for m in mismatches(a, b)}
    assert found[key] == (getattr(a.options, key), changes[key])


def test_another_runtime_names_both_hashes() -> None:
    a = make_profile().meta
    b = replace(a, runtime={**a.runtime, "sha256": "c" * 64})
    assert [(m.key, m.a, m.b) for m in mismatches(a, b)] == [("runtime.sha256", "b" * 64, "c" * 64)]


def test_counts_and_times_never_go_together() -> None:
    keys = {m.key for m in mismatches(make_profile().meta, make_profile(unit="instructions").meta)}
    assert {"unit", "provenance", "target"} <= keys


def test_a_detail_that_only_one_has() -> None:
    a = make_profile().meta
    b = replace(a, target=replace(a.target, details={"emulator": "7.2"}))
    assert [(m.key, m.a, m.b) for m in mismatches(a, b)] == [("target.emulator", None, "7.2")]


def test_what_does_not_change_speed_does_not_count() -> None:
    a = make_profile().meta
    b = replace(a, created="2030-01-01T00:00:00+00:00", options=replace(a.options, seed=9))
    assert mismatches(a, b) == ()

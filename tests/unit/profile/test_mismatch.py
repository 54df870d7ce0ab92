"""Which conditions keep two profiles from being compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.profile.mismatch import mismatches, shown_value


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


@pytest.mark.parametrize("key", ["threads", "kernels", "weight_cache"])
def test_what_neither_knows_may_differ(key: str) -> None:
    """Two imported logs that do not tell their threads: one may have had four."""
    a = make_profile().meta
    a = replace(a, options=replace(a.options, **{key: None}))
    assert [(m.key, m.a, m.b) for m in mismatches(a, a)] == [(key, None, None)]


def test_a_library_of_unknown_version_is_known_by_its_hash() -> None:
    base = make_profile().meta
    a = replace(base, runtime={**base.runtime, "version": None})
    assert mismatches(a, a) == ()
    neither = replace(a, runtime={**a.runtime, "sha256": None})
    assert [(m.key, m.a, m.b) for m in mismatches(neither, neither)] == [("runtime.version", None, None)]


def test_what_was_not_asked_for_is_not_unknown() -> None:
    """No core was pinned and no flags were given: both did the same."""
    a = make_profile().meta
    assert (a.options.cpus, a.options.core, a.options.xnnpack_flags, a.options.rate) == (
        None,
        None,
        None,
        None,
    )
    assert mismatches(a, a) == ()


def test_averages_and_samples_do_not_go_together() -> None:
    a = make_profile().meta
    assert [(m.key, m.a, m.b) for m in mismatches(a, replace(a, kind="aggregate"))] == [
        ("kind", "samples", "aggregate")
    ]


@pytest.mark.parametrize(
    "key", ["emulator", "emulated_cpu", "plugin_sources_sha256", "guest_libraries_sha256", "phone_sha256"]
)
def test_everything_that_makes_counts_is_a_condition(key: str) -> None:
    """What an emulated phone tells in its details: emulator, its plugin and CPU, the guest's libraries, the phone."""
    base = make_profile(unit="instructions").meta
    a, b = (replace(base, target=replace(base.target, details={key: value})) for value in ("7.2", "9.2"))
    assert [(m.key, m.a, m.b) for m in mismatches(a, b)] == [(f"target.{key}", "7.2", "9.2")]


def test_data_of_inputs_count_where_counts_repeat() -> None:
    """Exact counts hold for fixed inputs; times are not held to them."""
    for unit, expected in (("ns", []), ("instructions", ["seed", "inputs"])):
        a = make_profile(unit=unit).meta
        b = replace(a, options=replace(a.options, seed=9, inputs={"image": "/data/cat.npy"}))
        assert [m.key for m in mismatches(a, b)] == expected
        elsewhere = replace(a, options=replace(a.options, seed=9, inputs={"image": "cat.npy"}))
        assert mismatches(b, elsewhere) == (), "folders differ from machine to machine"


def test_another_size_of_input_is_other_work_for_one_structure_only() -> None:
    a = make_profile().meta
    larger = tuple(replace(port, shape=(1, 448, 448, 3)) for port in a.model.inputs)
    b = replace(a, model=replace(a.model, inputs=larger))
    assert [(m.key, m.a, m.b) for m in mismatches(a, b)] == [
        ("input_shapes", ((1, 224, 224, 3),), ((1, 448, 448, 3),))
    ]
    assert mismatches(a, replace(b, model=replace(b.model, fingerprint="another"))) == ()


def test_another_subgraph_of_one_model_is_other_work() -> None:
    a = make_profile().meta
    b = replace(a, model=replace(a.model, subgraph=1))
    assert [(m.key, m.a, m.b) for m in mismatches(a, b)] == [("subgraph", 0, 1)]


def test_the_same_library_is_of_the_same_version_whichever_that_is() -> None:
    a = make_profile().meta
    a = replace(a, runtime={**a.runtime, "version": None, "sha256": "0" * 64})
    assert mismatches(a, a) == ()
    other = replace(a, runtime={**a.runtime, "sha256": "1" * 64})
    assert [found.key for found in mismatches(a, other)] == ["runtime.sha256"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        ((), "none"),
        ((4, 5), "4 5"),
        ("0a" * 32, "0a0a0a0a0a0a…"),
        (("A", None), "A unknown"),
        (2, "2"),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert shown_value(value) == text

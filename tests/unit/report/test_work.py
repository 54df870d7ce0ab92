"""Multiply-accumulates of one inference: only of what ran, and unknown is never 0."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

from rich.console import Console

from tests.factories import Part, group, make_profile, part, static
from tflprof.profile.profile import Profile
from tflprof.report.document import profile_document
from tflprof.report.html import render_page
from tflprof.report.terminal import print_profile
from tflprof.report.view import make_view


def moved(
    profile: Profile, ids: Mapping[str, str], subgraph: int = 0, unseen: tuple[str, ...] = ()
) -> Profile:
    """The profile with layers moved to other subgraphs, by new id; ``unseen`` ones have no row."""
    meta = profile.meta
    layers = tuple(replace(layer, id=ids.get(layer.id, layer.id)) for layer in meta.model.layers)
    rows = tuple(
        replace(row, layers=tuple(ids.get(layer, layer) for layer in row.layers))
        for row in meta.alignment.rows
        if not set(row.layers) & set(unseen)
    )
    model = replace(meta.model, layers=layers, subgraph=subgraph)
    return Profile(replace(meta, model=model, alignment=replace(meta.alignment, rows=rows)), profile.table)


def quick(*parts: Part) -> Profile:
    return make_profile(parts, unit="instructions")


def terminal(profile: Profile) -> str:
    stream = io.StringIO()
    print_profile(profile, Console(file=stream, width=160, highlight=False, markup=False))
    return stream.getvalue()


def test_another_signatures_layers_do_not_count() -> None:
    parts = [part("CONV_2D", "other", 900.0, macs=28_000), part("ADD", "mine", 100.0, macs=0)]
    profile = moved(quick(*parts), {"0/1": "1/0"}, subgraph=1, unseen=("0/0",))
    document = profile_document(profile)
    assert (document["model"]["macs"], document["model"]["unknown_macs"]) == (0, 0)
    assert "28.0 k MACs" not in terminal(profile)


def test_unknown_macs_are_counted_and_leave_no_rate() -> None:
    profile = quick(
        part("CONV_2D", "a", 500.0, macs=5_000), part("CUSTOM", "b", 100.0, macs=None), static("RESHAPE", "c")
    )
    document = profile_document(profile)
    assert (document["model"]["macs"], document["model"]["unknown_macs"]) == (5_000, 1)
    assert make_view(profile).rate is None
    ops = {op["op"]: (op["macs"], op["unknown_macs"], op["rate"]) for op in document["ops"]}
    assert ops == {"CONV_2D": (5_000, 0, 10.0), "CUSTOM": (None, 1, None)}
    assert "5.00 k MACs + 1 layer unknown" in terminal(profile)
    page = render_page(profile)
    assert "5.00 k MACs + 1 layer unknown" in page
    assert "≥ 5.00 k" in page


def test_an_operator_type_with_one_unknown_has_a_bound_and_no_rate() -> None:
    profile = quick(
        part("CONV_2D", "a", 500.0, macs=5_000),
        part("CONV_2D", "b", 100.0, macs=None),
        part("ADD", "c", 1.0, macs=0),
    )
    conv = make_view(profile).ops[0]
    assert (conv.macs, conv.unknown_macs, conv.rate) == (5_000, 1, None)
    assert "≥ 5.00 k" in terminal(profile)


def test_a_group_with_an_unknown_member_has_no_rate() -> None:
    profile = quick(group(100.0, ("CUSTOM", "a"), ("CONV_2D", "b"), macs=700))
    layers = profile.meta.model.layers
    model = replace(profile.meta.model, layers=(replace(layers[0], macs=None), layers[1]))
    view = make_view(Profile(replace(profile.meta, model=model), profile.table))
    assert (view.rows[0].macs, view.rows[0].rate) == (None, None)
    assert (view.work.macs, view.work.unknown) == (700, 1)


def test_how_often_a_loop_body_runs_is_not_known() -> None:
    parts = [
        part("FULLY_CONNECTED", "before", 200.0, macs=1_000),
        part("FULLY_CONNECTED", "body", 600.0, macs=1_000),
        part("ADD", "counter", 10.0, macs=0),
    ]
    view = make_view(moved(quick(*parts), {"0/1": "2/0", "0/2": "2/1"}))
    assert (view.work.macs, view.work.unknown, view.rate) == (1_000, 1, None)
    assert [row.rate for row in view.rows] == [5.0, None, None]
    assert view.rows[1].macs == 1_000
    assert (view.ops[0].macs, view.ops[0].unknown_macs, view.ops[0].rate) == (1_000, 1, None)


def test_a_kernel_of_another_kind_of_inference_did_not_run() -> None:
    profile = quick(part("CONV_2D", "a", 500.0, macs=5_000), part("CONV_2D", "b", 100.0, macs=70))
    first, second = profile.meta.alignment.rows
    rows = (first, replace(second, events={"1": (1,)}))
    structures = profile.meta.alignment.structures * 2
    alignment = replace(profile.meta.alignment, structures=structures, rows=rows)
    assert make_view(Profile(replace(profile.meta, alignment=alignment), profile.table)).work.macs == 5_000


def test_without_events_the_signatures_own_layers_count() -> None:
    parts = [part("CONV_2D", "a", 500.0, macs=5_000), part("CONV_2D", "other", 100.0, macs=70)]
    profile = moved(make_profile(parts, profiled=False), {"0/1": "1/0"})
    view = make_view(profile)
    assert (view.work.macs, view.work.unknown) == (5_000, 0)
    assert view.rate is not None

"""Rows of latency tables out of profiles, and what totals have beyond them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import MIXED, make_profile, part
from tests.latency_tables import conv, depthwise
from tflprof.analysis.table_lookup import Estimate
from tflprof.analysis.table_model import predict_layers
from tflprof.measure.table_overheads import Rest, overheads, rest_of
from tflprof.measure.tables import chain_rows, network_rows
from tflprof.model.configs import LayerConfig
from tflprof.op_config import OpConfig
from tflprof.profile.latency_rows import Overheads, meta_of

_ONE, _OTHER = conv(), depthwise()


def _layer(number: int, config: OpConfig, uncosted: str | None = None, *, first: bool = False) -> LayerConfig:
    return LayerConfig(f"0/{number}", "", config, first, True, uncosted)


def test_layers_of_one_configuration_are_averaged() -> None:
    profile = make_profile(
        [part("CONV_2D", "a", 1000), part("X", "b", 50), part("CONV_2D", "c", 3000)], unit="instructions"
    )
    taken = network_rows(profile, [_layer(0, _ONE, first=True), _layer(1, _OTHER), _layer(2, _ONE)], "net")
    assert [(row.value, row.first, row.samples) for row in taken.rows] == [
        (1000, True, 1),
        (50, False, 1),
        (3000, False, 1),
    ]
    both = network_rows(profile, [_layer(0, _ONE), _layer(1, _OTHER), _layer(2, _ONE)], "net").rows[0]
    assert (both.value, both.samples, both.instructions, both.context) == (2000, 2, 2000, "network")


def test_a_folded_pad_counts_for_its_host() -> None:
    layers = [_layer(number, _OTHER) for number in range(8)]
    layers[2] = _layer(2, _OTHER, "done in 0/3")
    layers[3] = _layer(3, _ONE)
    taken = network_rows(make_profile(MIXED, unit="instructions"), layers, "net")
    assert [row.value for row in taken.rows if row.config == _ONE] == [640_000]
    assert not taken.missing


def test_kernels_of_several_rows_are_not_split_by_guessing() -> None:
    profile = make_profile(MIXED, unit="instructions")
    taken = chain_rows(profile, {"0/2": _OTHER, "0/3": _ONE, "0/4": _ONE}, "chain")
    assert [row.value for row in taken.rows] == [1_310_000]
    assert "cannot be told" in taken.missing[_OTHER.key]


def test_measured_rows_have_an_interval_around_them() -> None:
    (row,) = chain_rows(make_profile(), {"0/0": _ONE}, "chain").rows
    assert row.lo < row.value < row.hi
    assert row.instructions is None
    for inferences, width in ((5, 1.5), (1, 3.99)):
        short = make_profile(processes=1, blocks=1, inferences=inferences)
        (row,) = chain_rows(short, {"0/0": _ONE}, "chain").rows
        assert row.lo < row.value < row.hi
        assert (row.hi / row.lo > 3) == (width > 3)


def test_what_runs_nothing_costs_nothing() -> None:
    (row,) = chain_rows(make_profile(unit="instructions"), {"0/6": _ONE}, "chain").rows
    assert (row.value, row.instructions) == (0, 0)


def _rest(value: float, parts: int, layers: int, *, plain: bool = True) -> Rest:
    return Rest(value, None, parts, layers, plain)


def test_parts_are_counted_as_predictions_count_them() -> None:
    layers = [_layer(0, _ONE, first=True), _layer(1, _OTHER, "done in 0/0"), _layer(2, _ONE, first=True)]
    rest = rest_of(make_profile(unit="instructions"), layers)
    assert rest is not None
    meta = replace(meta_of(make_profile(unit="instructions").meta), overheads=Overheads(part=100.0, models=1))
    known = {layer.id: Estimate(0.0, 0.0, 0.0, None, "exact", "") for layer in layers if not layer.uncosted}
    predicted = predict_layers(layers, known, dict.fromkeys(known, ""), meta)
    assert (rest.parts, rest.layers) == (2, 2)
    assert predicted.overhead == 100.0 * rest.parts


def test_overheads_are_told_apart_where_models_differ_enough() -> None:
    sizes = [(1, 10), (3, 40), (8, 20), (2, 90), (5, 60), (1, 30)]
    found = overheads([_rest(700 + 300 * parts + 20 * layers, parts, layers) for parts, layers in sizes])
    assert (found.model, found.part, found.layer) == pytest.approx((700, 300, 20))
    assert found.spread == pytest.approx(0, abs=1e-6)
    assert found.models == 6


def test_of_one_model_all_is_said_to_be_its_layers() -> None:
    found = overheads([_rest(600, 1, 30)])
    assert (found.model, found.part, found.layer, found.models) == (0, 0, pytest.approx(20), 1)


def test_totals_with_the_profiler_in_them_count_only_where_there_are_no_others() -> None:
    assert overheads([_rest(600, 1, 30), _rest(9000, 1, 30, plain=False)]).layer == pytest.approx(20)
    assert overheads([_rest(9000, 1, 30, plain=False)]).layer == pytest.approx(300)
    assert overheads([]).models == 0

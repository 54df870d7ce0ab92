"""What a device shows of fetching weights again, and what of it is noted in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.workflow.table_devices import MANY, REFETCH, DriftingDevice
from tflprof.errors import RunnerError
from tflprof.model.build.rows import Chain
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.op_memory import input_bytes, is_vector_product, network_bytes, reads_image, weight_bytes
from tflprof.profile.latency_rows import read_table, write_table
from tflprof.workflow.table import build_table, measure_rows
from tflprof.workflow.table_check import merge_tables
from tflprof.workflow.table_refetch import measure_refetch, refetch_chains

CACHE = 1 << 20


def test_chains_touch_more_and_more_until_no_cache_holds_them() -> None:
    touched = []
    for chain in refetch_chains(CACHE):
        layers = {layer.id: layer.config for layer in layer_configs(read_model(chain.content))}
        touched.append(network_bytes(layers.values()))
        kinds = [is_vector_product(layers[name]) for name in chain.rows if not reads_image(layers[name])]
        assert kinds.count(True) == kinds.count(False) == (len(chain.rows) - 1) / 2
    assert touched == sorted(touched)
    assert touched[0] < 0.15 * CACHE
    assert 1.2 * CACHE < touched[-1] < 1.5 * CACHE


def _device(noise: float) -> tuple[list[float], Callable[[Chain], Mapping[str, float]]]:
    """A device with half of its last cache; a byte costs 1, and more out of memory."""
    seen: list[float] = []

    def costs_of(chain: Chain) -> Mapping[str, float]:
        layers = {layer.id: layer.config for layer in layer_configs(read_model(chain.content))}
        seen.append(network_bytes(layers.values()))
        far = seen[-1] > 0.5 * CACHE
        sign = -1 if len(seen) % 2 else 1

        def cost(config: OpConfig) -> float:
            if reads_image(config):
                return input_bytes(config) * (1 + 2.0 * far + sign * noise)
            more = 0.5 if is_vector_product(config) else 0.25
            return weight_bytes(config) * (1 + more * far + sign * noise)

        return {name: cost(config) for name, config in layers.items()}

    return seen, costs_of


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_prices_that_a_device_shows(noise: float) -> None:
    seen, costs_of = _device(noise)
    found = measure_refetch(CACHE, costs_of)
    assert found.touched == tuple(seen)
    assert found.at(0.2 * CACHE) == pytest.approx((0.0, 0.0, 0.0), abs=2 * noise)
    assert found.at(1.2 * CACHE) == pytest.approx((0.5, 0.25, 2.0), abs=2 * noise)
    assert list(found.matrix) == sorted(found.matrix)


@pytest.mark.usefixtures("drifting")
def test_rows_tell_what_of_them_is_fetching_weights(network: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", models=[network], path=path).table
    layers = [layer.config for layer in layer_configs(read_model(network)) if layer.uncosted is None]
    touched = network_bytes(layers)
    reference = table.meta.reference
    assert reference is not None
    assert table.meta.refetch == REFETCH.scaled(reference.value / 500.0)
    assert any(row.refetch > 0 for row in table.rows)
    for row in table.rows:
        assert row.refetch == pytest.approx(table.meta.refetch.cost(row.config, touched))
    more = measure_rows("host", MANY[:2], beside=layers, like=table.meta).table
    assert more.meta.refetch == table.meta.refetch
    assert more.meta.reference is not None
    assert more.meta.reference.value == reference.value


@pytest.mark.usefixtures("drifting")
def test_a_table_that_was_begun_without_goes_on_without(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = build_table("host", configs=MANY[:2], path=path).table
    write_table(path, replace(table, meta=replace(table.meta, refetch=None)))
    more = build_table("host", configs=MANY[2:4], path=path).table
    assert more.meta.refetch is None
    assert {row.refetch for row in more.rows if row.config in MANY[2:4]} == {0.0}


@pytest.mark.usefixtures("drifting")
def test_merged_with_one_that_does_not_tell(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, config in zip(paths, MANY, strict=False):
        table = build_table("host", configs=[config], path=path).table
    assert merge_tables(paths, tmp_path / "both.parquet").meta.refetch is not None
    write_table(paths[1], replace(table, meta=replace(table.meta, refetch=None)))
    merge_tables(paths, tmp_path / "c.parquet")
    assert read_table(tmp_path / "c.parquet").meta.refetch is None


def test_what_is_measured_first(drifting: DriftingDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    def measured(cache: int, _costs_of: object) -> object:
        order.append(len(drifting.paces))
        assert cache > 0
        return REFETCH

    monkeypatch.setattr("tflprof.workflow.table_builder.measure_refetch", measured)
    build_table("host", configs=MANY[:2])
    assert order == [0]


@pytest.mark.usefixtures("drifting")
def test_a_device_that_does_not_run_the_chains(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> None:
        raise RunnerError("the runtime has no such kernel")

    monkeypatch.setattr("tflprof.workflow.table_builder.measure_refetch", refused)
    table = build_table("host", configs=MANY[:2]).table
    assert table.meta.refetch is None
    assert len(table.rows) == 2
    assert "no such kernel" in caplog.text

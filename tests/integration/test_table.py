"""A latency table of an emulated core, built from a small network and a chain, and what it foretells."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.latency_tables import conv
from tflprof import profile_model
from tflprof.cli.main import app
from tflprof.model.build import build_network
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import StoredTable, read_table
from tflprof.workflow.table import build_table

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "net.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=0.1))
    return path


@pytest.fixture(scope="module")
def stored(network: Path) -> StoredTable:
    path = network.with_name("t.parquet")
    build_table("emulated:pixel2", models=[network], configs=[conv()], path=path, chains=True)
    return read_table(path)


def test_rows_of_a_chain_have_exactly_the_instructions_of_the_network(stored: StoredTable) -> None:
    rows = {(row.config.key, row.context): row for row in stored.rows if not row.first}
    both = [key for key, context in rows if context == "network" and (key, "chain") in rows]
    assert len(both) > 15
    for key in both:
        network, chain = rows[key, "network"], rows[key, "chain"]
        # A RESHAPE at the end of a network writes to where the caller reads.
        if network.config.op not in ("RESHAPE", "SOFTMAX"):
            # What a MEAN of few values takes depends by a few instructions on where they lie.
            within = 0.01 if network.config.op == "MEAN" else 0.0
            assert chain.instructions == pytest.approx(network.instructions, rel=within, abs=0)
            assert chain.value == pytest.approx(network.value, rel=0.5)


def test_rows_add_up_to_the_network(stored: StoredTable, network: Path) -> None:
    measured = profile_model(network, target="emulated:pixel2").summary.layers
    expected = sum(layer.estimate.typical or 0.0 for layer in measured)
    layers = [layer for layer in layer_configs(read_model(network)) if layer.uncosted is None]
    for context, within in (("network", 0.001), ("chain", 0.05)):
        rows = {row.config.key: row.value for row in stored.rows if row.context == context}
        total = sum(rows[layer.config.key] for layer in layers if layer.config.key in rows)
        assert total == pytest.approx(expected, rel=within)


def test_a_second_build_measures_nothing_and_other_devices_are_refused(
    network: Path, stored: StoredTable
) -> None:
    path = network.with_name("t.parquet")
    again = build_table("emulated:pixel2", models=[network], configs=[conv()], path=path, chains=True)
    assert (again.measured, again.table) == (0, stored)
    refused = CliRunner().invoke(
        app, ["table", "check", str(path), "--target", "emulated:pixel2", "--core", "little"]
    )
    assert refused.exit_code == 4
    assert "prediction.core: cortex-a73 in the table, cortex-a53 now" in refused.stderr


def test_instructions_alone(tmp_path: Path, stored: StoredTable) -> None:
    built = build_table(
        "emulated:pixel2", configs=[conv()], path=tmp_path / "i.parquet", cost="instructions"
    ).table
    expected = next(row for row in stored.rows if row.config == conv())
    assert built.meta.unit == "instructions"
    assert built.rows[0].value == expected.instructions

"""``tflprof table``: show, merge and check; what building says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.latency_tables import conv, depthwise, table
from tests.unit.cli.conftest import Run
from tflprof.errors import UsageError
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import Overheads, StoredTable, read_table, write_table
from tflprof.report.latency_table import describe_config
from tflprof.workflow.table_builder import BuiltTable
from tflprof.workflow.table_journal import journal_of


@pytest.fixture
def stored(folder: Path) -> Path:
    content = table([conv(), depthwise()], overheads=Overheads(layer=120.0, models=3))
    return write_table(folder / "t.parquet", content)


def test_show_tells_where_a_table_holds_and_its_rows(run: Run, stored: Path) -> None:
    shown = run("table", "show", stored)
    assert shown.exit_code == 0
    assert "2 rows of 2 configurations" in shown.stdout
    assert "host · LiteRT 2.3.0 · xnnpack kernels · 1 thread · measured ns" in shown.stdout
    assert "120 ns per layer, from 3 models" in shown.stdout
    assert "conv 1×1 12×12×16 → 12×12×32" in shown.stdout
    cheaper = run("table", "show", stored, "--top", "1")
    assert "… and 1 cheaper ones" in cheaper.stdout


def test_show_tells_how_far_the_machine_moved(run: Run, stored: Path) -> None:
    assert "clock of the machine" not in run("table", "show", stored).stdout
    content = read_table(stored)
    reference = Reference("a" * 64, 1000.0, (970.0, 1000.0, 1050.0))
    write_table(stored, replace(content, meta=replace(content.meta, reference=reference)))
    shown = run("table", "show", stored).stdout
    assert (
        "clock of the machine moved −3.0 … +5.0 % in 3 measurements of the reference model; taken out"
        in shown
    )
    document = json.loads(run("table", "show", stored, "--json").stdout)
    assert document["reference"] == {"sha256": "a" * 64, "value": 1000.0, "seen": [970.0, 1000.0, 1050.0]}


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (
            (0.0, 0.004, 0.02),
            "fetching weights again costs up to 20.5 ns a KiB, half of it from 32.0 MiB that a model touches on",
        ),
        ((0.0, 0.0, 0.0), "fetching weights again costs nothing, however much a model touches"),
    ],
)
def test_show_tells_what_weights_cost_in_large_models(
    run: Run, stored: Path, matrix: tuple[float, ...], told: str
) -> None:
    content = read_table(stored)
    refetch = Refetch((2.0**20, 2.0**24, 2.0**25), (0.0, 0.0, 0.01), matrix, matrix)
    write_table(stored, replace(content, meta=replace(content.meta, refetch=refetch)))
    assert told in " ".join(run("table", "show", stored).stdout.split())
    document = json.loads(run("table", "show", stored, "--json").stdout)
    assert document["refetch"]["matrix"] == list(matrix)
    assert document["rows"][0]["refetch"] == 0.0


def test_a_time_of_the_reference_that_is_none(run: Run, stored: Path) -> None:
    content = read_table(stored)
    reference = Reference("a", 1000.0)
    object.__setattr__(reference, "value", -1.0)
    write_table(stored, replace(content, meta=replace(content.meta, reference=reference)))
    shown = run("table", "show", stored)
    assert shown.exit_code == 2
    assert "a time of the reference is none" in shown.stderr


def test_candidates_are_of_the_kernels_that_are_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_model: Path, methods: list[str], kernels: str) -> list[OpConfig]:
        raise UsageError(f"{methods} for {kernels}")

    monkeypatch.setattr("tflprof.workflow.table_candidates.candidate_configs", asked)
    options = ["--from", "m.tflite", "--candidates", "prune", "--kernels", "builtin"]
    assert "['prune'] for builtin" in run("table", "build", *options).stderr


def test_show_as_json_has_every_row(run: Run, stored: Path) -> None:
    document = json.loads(run("table", "show", stored, "--json").stdout)
    assert [OpConfig.from_json(row["config"]).key for row in document["rows"]] == [
        row["key"] for row in document["rows"]
    ]
    assert document["unit"] == "ns"
    assert document["overheads"]["layer"] == 120.0


@pytest.mark.parametrize(
    ("name", "says"),
    [("none.parquet", "does not exist"), ("m.tflite", "not a readable Parquet file")],
)
def test_what_is_no_table_ends_with_2(run: Run, name: str, says: str) -> None:
    shown = run("table", "show", name)
    assert shown.exit_code == 2
    assert says in shown.stderr


@pytest.mark.parametrize("option", ["--from", "--space"])
def test_what_is_built_from_is_never_overwritten(run: Run, option: str) -> None:
    source = Path("source.tflite")
    source.write_bytes(b"mine")
    built = run("table", "build", option, source, "-o", source, "--force")
    assert built.exit_code == 2
    assert "also another file" in built.stderr
    assert source.read_bytes() == b"mine"


def test_names_are_printed_without_what_steers_a_terminal(run: Run, stored: Path) -> None:
    write_table("other.parquet", table([conv(outputs=48)]))
    merged = run("table", "merge", stored, "other.parquet", "-o", "a\x1b[31mb.parquet")
    assert merged.exit_code == 0
    assert "\x1b" not in merged.stdout


def test_merge(run: Run, stored: Path) -> None:
    write_table("other.parquet", table([conv(outputs=48)]))
    assert run("table", "merge", stored, "other.parquet", "-o", "all.parquet").exit_code == 0
    assert len(read_table("all.parquet").rows) == 3
    strange = table([conv()])
    write_table("other.parquet", StoredTable(replace(strange.meta, unit="instructions"), strange.rows))
    refused = run("table", "merge", stored, "other.parquet", "-o", "all.parquet", "--force")
    assert refused.exit_code == 4
    assert "unit: ns and instructions" in refused.stderr


def test_check_names_what_differs(run: Run, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meta = read_table(stored).meta
    asked: dict[str, Any] = {}

    def expected(target: str, **options: Any) -> Any:
        asked.update(options, target=target)
        return meta if target == "host" else replace(meta, provenance="predicted")

    monkeypatch.setattr("tflprof.workflow.table_check.expected_meta", expected)
    holds = run("table", "check", stored, "--target", "host")
    assert holds.exit_code == 0
    assert "holds for host: 2 rows" in holds.stdout
    refused = run("table", "check", stored, "--cost", "cycles", "--json")
    assert refused.exit_code == 4
    assert "provenance: measured in the table, predicted now" in refused.stderr
    assert json.loads(refused.stdout)["differences"][0]["key"] == "provenance"
    assert asked["cost"] == "cycles"


def test_building_says_what_it_made_and_what_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def build(target: str, **options: Any) -> BuiltTable:
        calls.append({"target": target, **options})
        return BuiltTable(table([conv()]), 1, {"a": "why", "b": "why"}, options["path"])

    monkeypatch.setattr("tflprof.workflow.table.build_table", build)
    done = run("table", "build", "--from", "m.tflite", "--target", "host", "--chains", "-o", "new.parquet")
    assert done.exit_code == 0
    assert "new.parquet: 1 rows, 1 of them new" in done.stdout
    assert "2 configurations have no row: why" in done.stderr
    assert calls[0]["models"] == [Path("m.tflite")]
    assert calls[0]["chains"]
    document = json.loads(run("table", "build", "--from", "m.tflite", "--json").stdout)
    assert [one["key"] for one in document["missing"]] == ["a", "b"]


def test_a_build_that_ends_early_says_where_its_rows_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_target: str, **options: Any) -> BuiltTable:
        write_table(journal_of(options["path"]), table([conv()]))
        raise KeyboardInterrupt

    monkeypatch.setattr("tflprof.workflow.table.build_table", build)
    ended = run("table", "build", "--from", "m.tflite", "-o", "new.parquet")
    assert ended.exit_code == 130
    assert "kept in new.parquet.part" in ended.stderr
    # Begun afresh, it would not go on from there.
    ended = run("table", "build", "--from", "m.tflite", "-o", "new.parquet", "--force")
    assert "kept in" not in ended.stderr


def test_candidates_need_a_model(run: Run) -> None:
    refused = run("table", "build", "--candidates", "low_rank")
    assert refused.exit_code == 2
    assert "--from MODEL" in refused.stderr
    assert run("table", "build").exit_code == 2


def test_configurations_in_words() -> None:
    pad = OpConfig("PAD", (), ())
    assert describe_config(replace(conv(), fused=(pad,))) == "conv 1×1 +PAD 12×12×16 → 12×12×32"
    assert describe_config(depthwise(kernel=5)).startswith("depthwise 5×5")
    scalar = TensorConfig((), "float32")
    assert describe_config(OpConfig("ADD", (scalar, scalar), (scalar,))) == "add 1 → 1"

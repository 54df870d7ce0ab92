"""Series, their steps, and users' queries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.factories import MIXED, make_profile, part
from tests.histories import profile_of, write_series
from tests.predictions import UNANCHORED, predicted
from tflprof.analysis.history.history import open_history
from tflprof.analysis.history.selection import Selection, parse_since
from tflprof.errors import UsageError
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile

COUNTS = {"unit": "instructions"}


def test_the_first_bad_profile_is_named(folder: Path) -> None:
    noise = [1.0, 1.004, 0.997, 1.002, 0.999, 1.003, 0.998, 1.001]
    write_series(folder, [*noise, *(1.08 * value for value in noise)])
    (row,) = open_history(folder).steps().to_dict("records")
    assert (row["last_before"], row["first"]) == ("p007.parquet", "p008.parquet")
    assert row["lo"] < 0.08 < row["hi"]
    assert (row["unit"], row["layer"], row["marks"]) == ("ns", None, [])


def test_exact_counts_of_one_layer(folder: Path) -> None:
    name = "net/Conv2d_3_pointwise/Relu6"
    write_series(folder, [1.0, 1.0, 1.01, 1.01], layer=name, **COUNTS)
    history = open_history(folder)
    for layer in ("0/4", name, "conv2d_3"):
        (row,) = history.steps(layer=layer).to_dict("records")
        assert (row["first"], row["before"], row["after"]) == ("p002.parquet", 1_310_000, 1_323_100)
        assert row["change"] == pytest.approx(0.01)
    assert history.steps(layer="0/0").empty


def test_a_layer_of_a_group_has_the_cost_of_the_group(folder: Path) -> None:
    write_series(folder, [1.0], **COUNTS)
    history = open_history(folder)
    found = [history.series(Selection(layer=layer))[0] for layer in ("0/2", "0/3", "0/4")]
    assert [one.points[0].value for one in found] == [640_000, 640_000, 1_310_000]
    assert ["whole group" in one.conditions for one in found] == [True, True, False]


def test_a_part_of_a_layers_name_is_looked_for_in_the_chosen_model_only(folder: Path) -> None:
    write_series(folder / "a", [1.0, 1.1], name="a", **COUNTS)
    other = [part("CONV_2D", "net/Conv2d_3_other", 5000)]
    profile = make_profile(other, unit="instructions", name="b")
    write_profile(profile, folder / "b.parquet")
    history = open_history(folder)
    assert len(history.steps(model="a", layer="conv2d_3")) == 1
    with pytest.raises(UsageError, match="2 layers"):
        history.steps(layer="conv2d_3")
    with pytest.raises(UsageError, match="no layer has"):
        history.steps(model="b", layer="0/4")


def test_what_makes_profiles_incomparable_makes_series(folder: Path) -> None:
    write_series(folder / "a", [1.0, 1.0], **COUNTS)
    write_series(folder / "b", [2.0, 2.0], threads=4, **COUNTS)
    write_series(folder / "c", [1.0])
    found = open_history(folder).series()
    assert [(one.target, len(one.points)) for one in found] == [
        ("emulated:pixel2", 2),
        ("emulated:pixel2", 2),
        ("host", 1),
    ]
    assert {one.conditions.split(" · ")[1] for one in found} == {"1 thread", "4 threads"}
    assert all(not one.steps for one in found)


def test_a_new_runtime_and_a_new_model_are_marked_and_told_with_the_step(folder: Path) -> None:
    for day, (version, sha256, factor) in enumerate(
        [
            ("2.3.0", "a", 1.0),
            ("2.3.0", "a", 1.0),
            ("2.4.0", "a", 1.1),
            ("2.4.0", "b", 1.1),
            ("2.4.0", "b", 1.2),
        ]
    ):
        profile = profile_of(factor, day=day, version=version, sha256=sha256 * 64, **COUNTS)
        write_profile(profile, folder / f"{day}.parquet")
    (one,) = open_history(folder).series()
    assert [point.marks for point in one.points] == [
        (),
        (),
        ("runtime 2.3.0 → 2.4.0",),
        ("model aaaaaaaa → bbbbbbbb",),
        (),
    ]
    assert [point.change for point in one.points[:4]] == [None, 0.0, None, 0.0]
    assert [(step.first.path, step.marks) for step in one.steps] == [
        ("2.parquet", ("runtime 2.3.0 → 2.4.0",)),
        ("4.parquet", ()),
    ]


def test_tainted_profiles_are_shown_but_not_searched(folder: Path) -> None:
    write_series(folder, [1.0, 1.0, 1.0], **COUNTS)
    write_profile(profile_of(3.0, day=1.5, verdict="tainted", **COUNTS), folder / "t.parquet")
    (one,) = open_history(folder).series()
    assert [point.verdict for point in one.points] == ["ok", "ok", "tainted", "ok"]
    assert one.steps == ()
    assert one.points[3].change == 0.0, "against the last that was not tainted"


def test_selections(folder: Path) -> None:
    write_series(folder / "a", [1.0] * 4, **COUNTS)
    write_series(folder / "b", [1.0] * 2, name="other", sha256="c" * 64, **COUNTS)
    write_series(folder / "c", [1.0] * 2)
    history = open_history(folder)

    def counts(**selection: object) -> list[int]:
        return [len(one.points) for one in history.series(Selection(**selection))]

    assert counts() == [4, 2, 2]
    assert counts(model="other") == [2]
    assert counts(model="cccccc") == [2]
    assert counts(target="host") == [2]
    assert counts(target="emulated") == counts(target="emulated:pixel2") == counts(target="pixel2") == [4, 2]
    assert counts(last=1) == [1, 1, 1]
    assert counts(since="2026-10-03") == [2]
    for selection, said in [
        ({"model": "othr"}, "other"),
        ({"target": "adb"}, "host"),
        ({"layer": "nope"}, "show"),
        ({"since": "2099-01-01"}, "less"),
        ({"layer": "net/"}, "whole"),
    ]:
        with pytest.raises(UsageError) as caught:
            counts(**selection)
        assert said in str(caught.value.hint), selection


def test_an_empty_folder_says_how_to_fill_it(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_history(folder).series()
    assert "tflprof profile" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "yesterday", "30", "30x", "-3d"])
def test_since_what(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        parse_since(text)


def test_since_takes_zones_and_spans() -> None:
    assert parse_since("2026-11-01T02:00:00+02:00") == datetime(2026, 11, 1)
    assert parse_since("1w") < parse_since("24h") < parse_since("1h")
    assert parse_since("9" * 20 + "w") == datetime.min


def test_profiles_without_intervals_make_series_too(folder: Path) -> None:
    for day in range(8):
        short = profile_of(1.0 if day < 4 else 1.5, day=day, processes=1, inferences=3, seed=day)
        write_profile(short, folder / f"{day}.parquet")
    (one,) = open_history(folder).series()
    assert all(point.lo is None for point in one.points)
    assert [step.first.path for step in one.steps] == ["4.parquet"]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY profiles TO 'x.csv'",
        "COPY (SELECT 1) TO '{folder}/x.csv'",
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE profiles",
        "INSERT INTO profiles (path) VALUES ('x')",
        "DELETE FROM layers",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '{folder}/x.duckdb'",
        "SET enable_external_access = true",
        "PRAGMA enable_external_access = true",
        "EXPORT DATABASE '{folder}/x'",
        "CALL pragma_version()",
        "SELECT 1; DROP TABLE profiles",
        "EXPLAIN ANALYZE COPY profiles TO '{folder}/x.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://example.invalid/x.parquet'",
        "WITH gone AS (DELETE FROM profiles RETURNING *) SELECT * FROM gone",
        "SELECT * FROM query('DROP TABLE profiles')",
        "SELECT nothing FROM profiles",
        "SELECT error('x') FROM profiles",
        "SELECT",
        "",
        "hello",
    ],
)
def test_queries_only_read(folder: Path, tmp_path: Path, sql: str) -> None:
    write_series(folder, [1.0], **COUNTS)
    (tmp_path / "secret.txt").write_text("secret")
    history = open_history(folder)
    text = sql.replace("{folder}", str(folder)).replace("{outside}", str(tmp_path / "secret.txt"))
    with pytest.raises(UsageError, match="SQL") as caught:
        history.query(text)
    assert "history.md" in str(caught.value.hint)
    assert [path.name for path in folder.iterdir()] == ["p000.parquet"]
    assert len(history.query("FROM profiles")) == 1


def test_a_variable_of_the_caller_is_no_table(folder: Path) -> None:
    write_series(folder, [1.0], **COUNTS)
    history = open_history(folder)
    local = history.profiles()
    assert len(local) == 1
    with pytest.raises(UsageError, match="local"):
        history.query("SELECT * FROM local")


def test_samples_are_those_of_the_files(folder: Path) -> None:
    profile = make_profile(unit="instructions")
    write_profile(profile, folder / "a.parquet")
    write_series(folder / "below", [1.0])
    history = open_history(folder)
    frame = history.query("SELECT * FROM samples WHERE path = 'a.parquet'")
    assert list(frame["value"]) == list(profile.samples()["value"])
    (row,) = history.query_rows(
        "SELECT path, count(*) FROM SAMPLES GROUP BY path ORDER BY path DESC LIMIT 1"
    ).rows
    assert row[0] == "below/p000.parquet"


def test_steps_of_nothing_found_is_an_empty_table_with_its_columns(folder: Path) -> None:
    write_series(folder, [1.0, 1.0], **COUNTS)
    frame = open_history(folder).steps()
    assert frame.empty
    assert {"first", "change", "marks"} <= set(frame.columns)


def write_predictions(folder: Path, factors: list[float], prefix: str = "q", **options: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day, factor in enumerate(factors):
        counted = profile_of(factor, day=day, **COUNTS)
        parts = [replace(one, cost=one.cost * factor) for one in MIXED]
        profile = predicted(parts, **options)
        meta = replace(profile.meta, created=counted.meta.created)
        write_profile(Profile(meta, profile.table), folder / f"{prefix}{day:03}.parquet")


def test_predicted_times_have_exact_steps_whatever_their_interval(folder: Path) -> None:
    write_predictions(folder, [1.0, 1.0, 1.002, 1.002])
    history = open_history(folder)
    (row,) = history.steps().to_dict("records")
    assert (row["last_before"], row["first"], row["unit"]) == ("q001.parquet", "q002.parquet", "ns")
    assert row["change"] == pytest.approx(0.002, rel=0.01)
    (series,) = history.series(Selection())
    assert (series.provenance, series.deterministic) == ("predicted", True)
    assert all(point.counts for point in series.points)
    assert "cost caches cccccccc" in series.conditions


def test_predictions_of_other_costs_modes_and_scales_are_other_series(folder: Path) -> None:
    for number, changes in enumerate(({}, {"scale": 1.2}, {"mode": "cycles"}, {"costs_sha256": "d" * 64})):
        write_predictions(folder, [1.0], prefix=f"s{number}-", prediction=replace(UNANCHORED, **changes))
    write_series(folder, [1.0], prefix="counted", **COUNTS)
    frame = open_history(folder).profiles()
    assert frame["series"].nunique() == 5
    assert len({one.conditions for one in open_history(folder).series(Selection())}) == 5


def test_tables_have_counts_beside_predicted_times(folder: Path) -> None:
    write_predictions(folder, [1.0])
    write_series(folder, [1.0], prefix="counted", **COUNTS)
    history = open_history(folder)
    frame = history.profiles().set_index("provenance")
    assert frame["instructions"].tolist() == [3_301_158, 3_301_158]
    assert frame.loc["predicted", ["cost", "scale"]].tolist() == ["caches", 1.0]
    layers = history.query("SELECT instructions FROM layers WHERE layer = '0/4'")
    assert layers["instructions"].tolist() == [1_310_000, 1_310_000]


def test_a_prediction_whose_counts_did_not_settle_is_not_searched(folder: Path) -> None:
    write_predictions(folder, [1.0, 1.5], complete=False)
    (series,) = open_history(folder).series(Selection())
    assert [point.counts for point in series.points] == [False, False]

"""`tflprof history` as users run it, and every query of its guide."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import tflprof
from tests.histories import write_series

GUIDE = Path(__file__).parents[2] / "docs" / "history.md"
QUERIES = re.findall(r"```sql\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``history/``: 16 host profiles, slower from the eleventh, 12 emulated ones, one broken file."""
    path = tmp_path_factory.mktemp("place")
    noise = [1.0, 1.004, 0.997, 1.002, 0.999, 1.003, 0.998, 1.001, 1.0, 0.996]
    write_series(
        path / "history" / "host", [*noise, *(1.07 * value for value in noise[:6])], name="mobilenet_v2"
    )
    counts = [1.0] * 7 + [1.01] * 5
    write_series(path / "history" / "emulated", counts, layer="net/Conv2d_0/Relu6", unit="instructions")
    (path / "history" / "broken.parquet").write_text("no")
    return path


def run(place: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tflprof", "history", *words],
        cwd=place,
        env=os.environ | {"XDG_CACHE_HOME": str(place / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_both_series_with_their_first_bad_profiles(place: Path) -> None:
    done = run(place, "history")
    text = " ".join(done.stdout.split())
    assert "since host/p010.parquet" in text
    assert "since emulated/p007.parquet" in text
    assert "skipped broken.parquet: is not a readable Parquet file" in done.stderr
    again = run(place, "history")
    assert again.stdout == done.stdout
    assert again.stderr == done.stderr


def test_json_has_what_the_table_has(place: Path) -> None:
    document = json.loads(run(place, "history", "--model", "mobilenet_v2", "--json").stdout)
    (one,) = document["series"]
    assert document["profiles"] == 28
    assert len(one["points"]) == 16
    assert [step["first"] for step in one["steps"]] == ["host/p010.parquet"]


def test_a_layer(place: Path) -> None:
    words = ["history", "--target", "emulated", "--layer", "0/0", "--json"]
    (one,) = json.loads(run(place, *words).stdout)["series"]
    assert [(step["first"], round(step["change"], 6)) for step in one["steps"]] == [
        ("emulated/p007.parquet", 0.01)
    ]


def test_the_least_step_is_the_users_choice(place: Path) -> None:
    words = ["history", "--target", "host", "--json", "--step"]
    assert json.loads(run(place, *words, "10%").stdout)["series"][0]["steps"] == []
    assert len(json.loads(run(place, *words, "0.02").stdout)["series"][0]["steps"]) == 1


def test_a_plot_is_not_overwritten_unless_asked(place: Path) -> None:
    run(place, "history", "--plot", "p.png")
    assert (place / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "--force" in run(place, "history", "--plot", "p.png", status=2).stderr
    run(place, "history", "--plot", "p.png", "--force")


def test_sql(place: Path) -> None:
    done = run(place, "history", "--sql", "select target, count(*) as n from profiles group by 1 order by n")
    assert done.stdout.split() == ["target", "n", "emulated:pixel2", "12", "host", "16", "2", "rows"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere"),
        (["history", "--model", "mobilenet_v3"], "did you mean 'mobilenet_v2'"),
        (["history", "--step", "much"], "--step much"),
        (["history", "--since", "soon"], "--since soon"),
        (["history", "--plot", "p.bmp"], ".png"),
        (["history", "--sql", "drop table profiles"], "SELECT"),
        (["history", "--sql", "select 1", "--plot", "q.png"], "--plot"),
        (["history", "--sql", "select 1", "--model", "mobilenet_v2"], "--model"),
    ],
)
def test_mistakes(place: Path, words: list[str], said: str) -> None:
    done = run(place, *words, status=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_two_at_once_on_a_cold_cache(place: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tflprof", "history", "history", "--json"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    both = [
        subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    one, two = (process.communicate(timeout=120)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert json.loads(one) == json.loads(two)


def test_the_guide_has_queries_of_both_kinds() -> None:
    assert sum("plain DuckDB" in query for query in QUERIES) == 2
    assert len(QUERIES) >= 6


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0].lstrip("- "))
def test_queries_of_the_guide(place: Path, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    if "plain DuckDB" in query:
        (place / "history" / "broken.parquet").unlink(missing_ok=True)
        assert len(duckdb.sql(query).fetchall()) == 28
        return
    with tflprof.open_history("history") as history:
        frame = history.query(query)
        assert list(frame.columns) == list(history.query_rows(query).columns)
        # The profiles of the test have no findings.
        assert len(frame) or "finding" in query


def test_the_python_of_the_guide(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace("90d", "999w"), names)
    assert len(names["profiles"]) == 28
    assert list(names["steps"]["first"]) == ["host/p010.parquet"]


def test_tables_of_the_guide_are_those_there_are() -> None:
    from tflprof.analysis.history.tables import TABLES

    text = GUIDE.read_text("utf-8")
    for columns in TABLES.values():
        assert [name for name in columns if f"`{name}`" not in text and name != "again"] == []

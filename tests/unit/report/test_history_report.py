"""A history in the terminal, as JSON and as a picture."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tflprof.analysis.history.series import Point, Series, find_steps, linked
from tflprof.errors import UsageError
from tflprof.report.document import to_text
from tflprof.report.history_document import Found, history_document, rows_document
from tflprof.report.history_plot import MOST_SERIES, check_plot, write_plot
from tflprof.report.history_table import format_change, print_history, trend
from tflprof.report.query_table import print_rows


def series(
    values: list[float | None], *, exact: bool = False, model: str = "net", verdict: str = "ok"
) -> Series:
    """A value a day, with an interval of ±1 % if it is not exact."""
    half = 0.0 if exact else 0.01
    points = linked(
        [
            Point(
                f"{model}/{day:02}.parquet",
                datetime(2026, 10, 1, 6) + timedelta(days=day),
                value,
                None if value is None else value * (1 - half),
                None if value is None else value * (1 + half),
                verdict,
                "a" * 64,
                "2.3.0 bbbb" if day < 10 else "2.4.0 cccc",
                counts=value is not None,
            )
            for day, value in enumerate(values)
        ]
    )
    unit, provenance = ("instructions", "emulated") if exact else ("ns", "measured")
    found = find_steps(points, deterministic=exact, least=0.01)
    return Series("k", model, "host", "Test CPU · 1 thread", unit, provenance, exact, None, points, **found)


STEP = series(
    [5e6, 5.02e6, 4.98e6, 5.01e6, 5e6, 4.99e6, 5.02e6, 5e6, 4.99e6, 5e6, *[5.5e6, 5.48e6, 5.51e6, 5.5e6] * 2]
)


def printed(*several: Series, width: int = 160, show_all: bool = False) -> str:
    out = io.StringIO()
    print_history(several, Console(file=out, width=width, highlight=False), show_all=show_all)
    return out.getvalue()


def test_the_first_bad_profile_stands_before_the_table() -> None:
    text = printed(STEP, width=300)
    head = text.split("date (UTC)")[0].replace("\n", " ")
    assert "slower by +9.9 % (99 %: +" in head
    assert "means 5.00 → 5.50 ms" in head
    assert "since net/10.parquet of 2026-10-11 06:00; the last before it is net/09.parquet" in head
    assert "with it: runtime 2.3.0 → 2.4.0" in head
    assert "[measured]" in head
    row = next(line for line in text.splitlines() if line.startswith("2026-10-11"))
    assert row.split()[-5:] == ["step,", "runtime", "2.3.0", "→", "2.4.0"]
    assert "±1.0 %" in row


def test_the_latest_are_shown_unless_all_are_asked_for() -> None:
    long = series([5e6] * 30)
    assert "… 10 earlier (--all shows them)" in printed(long)
    assert printed(long).count("net/") == 20
    assert printed(long, show_all=True).count("net/") == 30
    assert "no step" in printed(long)


def test_many_series_are_a_line_each_and_steps_are_told_still() -> None:
    names = [f"net{number}" for number in range(5)]
    text = printed(*[replace(STEP, model=name) for name in names], width=200)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == names
    assert sum(line.startswith("step ") for line in lines) == 5
    assert sum("measured" in line for line in lines) == 5


def test_exact_counts_show_small_changes() -> None:
    text = printed(series([10_000_000, 10_000_000, 10_020_000], exact=True))
    assert "slower by +0.20 %, 10.00 → 10.02 M instructions" in text
    assert "exact" in text


def test_too_few_and_suspects_are_said() -> None:
    assert "too few profiles to tell steps: 6 are needed" in printed(series([5e6, 5e6]))
    text = printed(series([5e6] * 12 + [6e6])).replace("\n", " ")
    assert "3 are needed to tell a step from an outlier: net/12.parquet" in text


def test_unknown_values_are_dashes() -> None:
    text = printed(series([5e6, None, 5e6], verdict="tainted"))
    row = next(line for line in text.splitlines() if "net/01" in line)
    assert row.split()[3:] == ["–", "–", "–", "tainted"]
    assert "1 tainted, unsettled or without a value" in text


def test_names_are_data() -> None:
    odd = replace(STEP, model="\x1b[31m[bold]evil")
    text = printed(odd)
    assert "\x1b" not in text
    assert "\\x1b[31m[bold]evil" in text


def test_a_trend_does_not_make_mountains_of_noise() -> None:
    assert set(trend(series([5e6, 5.001e6] * 10).points)) <= set("▄▅")
    assert trend(STEP.points)[0] == "▁"
    assert trend(STEP.points)[-1] == "█"
    assert len(trend(series([5e6] * 300).points)) == 40


@pytest.mark.parametrize(
    ("change", "exact", "text"),
    [(None, False, "–"), (0.0001, False, "0 %"), (-0.0123, False, "−1.2 %"), (0.0013, True, "+0.13 %")],
)
def test_changes_in_words(change: float | None, exact: bool, text: str) -> None:
    assert format_change(change, exact) == text


def test_the_document_has_everything_and_is_json() -> None:
    found = Found("history", 18, [("x.parquet", "no")], ["a note"])
    document = json.loads(to_text(history_document([STEP], found)))
    assert (document["schema_version"], document["profiles"], document["notes"]) == (1, 18, ["a note"])
    assert document["skipped"] == [{"path": "x.parquet", "reason": "no"}]
    (one,) = document["series"]
    assert (one["unit"], one["provenance"], one["conclusive"]) == ("ns", "measured", True)
    assert len(one["points"]) == 18
    assert one["points"][0] == {
        "path": "net/00.parquet",
        "created": "2026-10-01T06:00:00+00:00",
        "value": 5e6,
        "ci95": [4.95e6, 5.05e6],
        "change": None,
        "verdict": "ok",
        "runtime": "2.3.0 bbbb",
        "model_sha256": "a" * 64,
        "marks": [],
        "searched": True,
    }
    (step,) = one["steps"]
    assert (step["first"], step["last_before"]) == ("net/10.parquet", "net/09.parquet")
    assert step["ci99"][0] < step["change"] < step["ci99"][1]


def test_rows_of_a_query() -> None:
    rows = [("a", 1.5, None, datetime(2026, 1, 2), [1, 2]), ("[b]\n", 10, True, None, None)]
    document = json.loads(to_text(rows_document(["n", "v", "x", "t", "l"], rows)))
    assert document["rows"][0] == ["a", 1.5, None, "2026-01-02T00:00:00", [1, 2]]
    out = io.StringIO()
    print_rows(["n", "v", "x", "t", "l"], rows, Console(file=out, width=20, markup=False))
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["n", "v", "x", "t", "l"]
    assert lines[1].split() == ["a", "1.5", "–", "2026-01-02", "00:00:00", "[1,", "2]"]
    assert lines[2].startswith("[b]\\x0a")
    assert lines[3] == "2 rows"


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_plot_is_the_same_every_time(tmp_path: Path, kind: str) -> None:
    several = [STEP, series([None]), series([1e7, 1e7], exact=True), series([5e6] * 80)]
    for name in ("one", "two"):
        write_plot(several, tmp_path / f"{name}.{kind}")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(one) > 5_000


def test_a_plot_says_which_profile_it_was_and_takes_names_as_they_are(tmp_path: Path) -> None:
    odd = replace(STEP, model="a$b^{c$ <script>")
    write_plot([odd], tmp_path / "p.svg")
    text = (tmp_path / "p.svg").read_text()
    assert "+9.9 % since net/10.parquet" in text
    assert "a$b^{c$ &lt;script&gt;" in text
    assert "runtime 2.3.0 → 2.4.0" in text


def test_what_cannot_be_plotted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        check_plot(1, tmp_path / "p.jpg")
    with pytest.raises(UsageError, match="too many"):
        write_plot([STEP] * (MOST_SERIES + 1), tmp_path / "p.png")

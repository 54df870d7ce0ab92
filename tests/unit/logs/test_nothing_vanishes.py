"""A row is read, or its line is reported, or the tool's own count tells: never nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.log_samples import BUILTIN, XNNPACK, run_of
from tests.printed_litert import benchmark_litert_model
from tests.printed_logs import benchmark_model
from tflprof.logs.reader import read_text

LAYOUTS = {
    "text": benchmark_model(run_of(XNNPACK), "tf2.12"),
    "old": benchmark_model(run_of(BUILTIN), "tf2.4"),
    "csv": benchmark_model(run_of(XNNPACK), "tf2.17", csv=True),
    "litert": benchmark_litert_model(run_of(XNNPACK)),
}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1, max_size=80) | st.text(
    "\t ,%.0123456789abcDelegate/[]:()-", min_size=1, max_size=120
)


def first_row(lines: list[str]) -> int:
    """Place of the first row of the regular runs' first table."""
    starts = [n for n, line in enumerate(lines) if "Regular Benchmark Runs" in line]
    begin = starts[0] if starts else next(n for n, line in enumerate(lines) if " Run Order " in line)
    head = next(n for n in range(begin, len(lines)) if "[Name]" in lines[n] or lines[n].endswith(", name"))
    return head + 1


@pytest.mark.parametrize("layout", list(LAYOUTS))
@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 5), text=TEXT)
def test_a_row_that_became_something_else(layout: str, place: int, text: str) -> None:
    lines = LAYOUTS[layout].splitlines()
    at = first_row(lines) + place
    lines[at] = text
    report = read_text("\n".join(lines).encode())
    tables = [table for run in report.runs for table in run.profiled()]
    rows = [row for table in tables for row in table.rows]
    whole = len(rows) == 6 and any(row.line == at + 1 for row in rows)
    assert whole or report.problems or report.unread


@pytest.mark.parametrize("layout", list(LAYOUTS))
@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 6), text=TEXT)
def test_noise_between_rows_costs_no_row(layout: str, place: int, text: str) -> None:
    lines = LAYOUTS[layout].splitlines()
    lines.insert(first_row(lines) + place, text)
    report = read_text("\n".join(lines).encode())
    rows = [row for run in report.runs for table in run.profiled() for row in table.rows]
    assert len(rows) >= 6 or report.problems or report.unread


@pytest.mark.parametrize("layout", list(LAYOUTS))
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), cut=st.integers(0, 4000))
def test_any_bytes_are_taken(layout: str, data: bytes, cut: int) -> None:
    log = LAYOUTS[layout].encode()
    read_text(log[:cut] + data + log[cut:])

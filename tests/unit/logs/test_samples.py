"""Every log in tests/data/logs gives what it must; what it must is known from what was printed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.log_samples import FOLDER, recorded, samples
from tflprof.logs.detect import read_log
from tflprof.logs.report import LogReport

EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def read(name: str) -> LogReport:
    return read_log((FOLDER / name).read_bytes(), name)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_log_gives_what_was_printed(name: str) -> None:
    expected = EXPECTED[name]
    report = read(name)
    assert len(report.runs) == expected["runs"]
    run = report.runs[-1]
    assert run.tool == expected["tool"]
    rows = [(table.subgraph, row) for table in run.profiled() for row in table.rows]
    printed = [(sub, row.kind, row.type, row.name, row.index, row.calls) for sub, row in rows]
    assert printed == [tuple(row[:-1]) for row in expected["rows"]]
    for (_, row), wanted in zip(rows, expected["rows"], strict=True):
        assert row.spread.avg == pytest.approx(wanted[-1], rel=1e-5, abs=0.51)
    if expected["steady_avg_us"] is None:
        assert run.steady is None
    else:
        assert run.steady is not None
        assert run.steady.avg == pytest.approx(expected["steady_avg_us"], rel=1e-5)
    assert [line.text for line in report.unread] == expected["unread"]
    assert len(report.problems) == expected["problems"], report.problems


def test_the_files_are_what_the_samples_say() -> None:
    made = samples()
    assert len(made) >= 40
    assert set(EXPECTED) == {*made, *recorded()}
    for name, sample in made.items():
        assert (FOLDER / name).read_bytes() == sample.data, name
        assert EXPECTED[name] == json.loads(json.dumps(sample.expected())), name

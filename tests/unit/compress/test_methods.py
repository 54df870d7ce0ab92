"""Which methods there are, and how they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tflprof.cli.main import app
from tflprof.compress.methods import ORDER, open_methods
from tflprof.errors import UsageError
from tflprof.workflow import compress as workflow
from tflprof.workflow.compress_subject import CompressionOptions


def test_all_are_there_in_the_order_of_application() -> None:
    found = open_methods(tuple(reversed(ORDER)))
    assert tuple(found) == ORDER
    assert all(method.name == name for name, method in found.items())


def test_some_take_an_argument() -> None:
    assert tuple(open_methods(["prune=magnitude", "low_rank=plain"])) == ("prune", "low_rank")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["lowrank"], "low_rank"),
        (["low-rank"], "low_rank"),
        (["prune", "prune=magnitude"], "twice"),
        (["clean_up=all"], "no argument"),
        (["low_rank=best"], "best"),
        ([""], "no method"),
    ],
)
def test_what_is_no_method_is_refused(names: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_methods(names)
    assert told in f"{caught.value.what} {caught.value.hint}"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--methods", "prune", "--methods", "low_rank=plain"], ("prune", "low_rank=plain")),
        (["--methods", "prune,nms", "--methods", " quantise"], ("prune", "nms", "quantise")),
    ],
)
def test_the_option_may_be_given_several_times(
    arguments: list[str], names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[CompressionOptions] = []

    def plan(model: Path, budget: str, options: CompressionOptions, **_: Any) -> None:
        asked.append(options)
        raise UsageError("that was all")

    monkeypatch.setattr(workflow, "plan_compression", plan)
    told = ["compress", "plan", "nothing.tflite", "--budget", "1ms", *arguments]
    assert CliRunner().invoke(app, told).exit_code == 2
    assert [one.methods for one in asked] == [names]


def test_rows_are_added_to_a_table_that_is_given() -> None:
    told = ["compress", "plan", "nothing.tflite", "--budget", "1ms", "--update-table"]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 2
    assert "--table" in result.output

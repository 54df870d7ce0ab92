"""The file with a core's costs, as the emulator's plugin reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.cost_model import CostModel, class_names, core_file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CostModel:
    return CostModel(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def classes() -> list[str]:
    return class_names()


def test_a_right_file_is_taken(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    assert model.lines("core", core_file(tmp_path, classes, {"mispredict": "11 # a remark"})) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"colour": "red"}, r":\d+: unknown key `colour`"),
        ({"version": "2"}, "out of range or no number: `2`"),
        ({"version": None}, "does not state `version`"),
        ({"order": "sideways"}, "neither in nor out: `sideways`"),
        ({"width": "two"}, "out of range or no number: `two`"),
        ({"width": "2.5"}, "no whole number: `2.5`"),
        ({"width": "0"}, "out of range or no number: `0`"),
        ({"width": "2 3"}, "not the right number of values: `width`"),
        ({"window": "64"}, "states a window that does not fit `order in`"),
        ({"width": "2\nwidth 3"}, "stated twice: `width`"),
        ({"pipe": "alu 2\npipe alu 1"}, "stated twice: pipe `alu`"),
        ({"pipe": "alu 9"}, "out of range or no number: `9`"),
        ({"accumulate": "nonsense 3"}, "no class stated before: `nonsense`"),
        ({"mispredict": "nan"}, "out of range or no number: `nan`"),
        ({"mispredict": "-1"}, "out of range or no number: `-1`"),
        ({"overlap": "1.1"}, "out of range or no number: `1.1`"),
        ({"efficiency": "middle 1"}, "neither loop nor straight: efficiency `middle`"),
        ({"caches": "1"}, "states no cache that is sets of ways of lines: `l1d`"),
        ({"caches": "1", "l1d": "1000 4", "l2": "65536 8"}, "sets of ways of lines: `l1d`"),
        ({"caches": "1", "l1d": "32768 4", "l2": "65536 8", "line": "48"}, "is no power of two: `line`"),
        ({"pipe": "x" * 1100 + " 1"}, "too long: "),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    model: CostModel, classes: list[str], tmp_path: Path, lines: dict[str, str | None], message: str
) -> None:
    done = model.run("core", core_file(tmp_path, classes, lines))
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.startswith("tflprof counter plugin: ")


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ("1 1 cellar 1", "no such pipe: `cellar`"),
        ("1 1 alu 1 alu 1 alu 1", "more pipes than there are of `alu`"),
        ("1 1 alu", "needs SLOTS LATENCY and pairs of PIPE OCCUPANCY: class `branch`"),
        ("1 long -", "out of range or no number: `long`"),
        ("1 1 -\nclass branch 1 1 -", "stated twice: class `branch`"),
    ],
)
def test_a_wrong_class_is_refused_by_name(
    model: CostModel, classes: list[str], tmp_path: Path, cost: str, message: str
) -> None:
    done = model.run("core", core_file(tmp_path, classes, costs={"branch": cost}))
    assert done.returncode == 1
    assert message in done.stderr


def test_every_class_must_be_there_and_no_other(model: CostModel, classes: list[str], tmp_path: Path) -> None:
    fewer = model.run("core", core_file(tmp_path, classes[:-1]))
    assert f"does not state class `{classes[-1]}`" in fewer.stderr
    more = model.run("core", core_file(tmp_path, [*classes, "teleport"]))
    assert "no such class: `teleport`" in more.stderr
    missing = model.run("core", tmp_path / "nowhere")
    assert "cannot be opened: `No such file or directory`" in missing.stderr
    assert {missing.returncode, more.returncode, fewer.returncode} == {1}

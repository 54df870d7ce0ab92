from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Run


def test_a_phone_as_text_and_as_json(run: Run) -> None:
    text = run("targets", "--describe", "pixel8")
    assert text.exit_code == 0
    assert "Google Pixel 8" in text.stdout
    document = json.loads(run("targets", "--describe", "emulated:pixel8", "--json").stdout)
    assert document["target"]["name"] == "emulated:pixel8"
    assert document["target"]["sources"]["cores"]


def test_a_mistyped_phone(run: Run) -> None:
    result = run("targets", "--describe", "pixel88")
    assert result.exit_code == 3
    assert "there is no phone 'pixel88'" in result.stderr
    assert "did you mean pixel8?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("other", [("--record", "x.json"), ("--target", "adb")])
def test_one_thing_at_a_time(run: Run, other: tuple[str, str]) -> None:
    result = run("targets", "--describe", "pixel8", *other)
    assert result.exit_code == 2
    assert "--describe" in result.stderr

"""The texts that ``tflprof score`` takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tflprof.cli.score import parse_accuracy, parse_numbers
from tflprof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"), [("0.71", 0.71), ("71%", 0.71), (" 71.5 %", 0.715), ("1", 1.0), ("0", 0.0)]
)
def test_accuracy_is_a_share_or_percents(text: str, value: float) -> None:
    assert parse_accuracy(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "71", "-1", "101%", "nan", "0.7x", "70%%", "seventy"])
def test_what_is_no_accuracy_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="accuracy"):
        parse_accuracy(text)


def test_numbers_have_names() -> None:
    assert parse_numbers(["k=0.1", "limit = 3e1"]) == {"k": 0.1, "limit": 30.0}


@pytest.mark.parametrize("texts", [["k"], ["=1"], ["k=x"], ["k=nan"], ["k=inf"], ["2k=1"], ["k=1", "k=2"]])
def test_what_is_no_named_number_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="--set"):
        parse_numbers(texts)


def test_a_closed_standard_output_is_no_failure() -> None:
    shell = 'exec "$0" -m tflprof score --accuracy 0.7 --latency 30ms >&-'
    done = subprocess.run(["sh", "-c", shell, sys.executable], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

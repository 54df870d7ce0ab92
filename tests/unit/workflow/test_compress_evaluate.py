"""The user's own command: started without a shell, its last line is the accuracy."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from tflprof.errors import RunnerError, UsageError
from tflprof.workflow.compress_evaluate import evaluate

MODEL = Path("a model; touch pwned.tflite")


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def test_the_last_line_counts() -> None:
    assert evaluate(python("print('loading'); print(0.25); print()"), MODEL) == 0.25


def test_the_path_is_one_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "import sys; assert len(sys.argv) == 2; print(len(sys.argv[1]))"
    assert evaluate(python(code), MODEL) == len(str(MODEL))
    assert evaluate(python(code) + " {model}", MODEL) == len(str(MODEL))
    assert evaluate(python(code) + " x{model}", MODEL) == len(str(MODEL)) + 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("printed", ["", "accuracy: 0.9", "nan", "0.9 %"])
def test_what_is_no_number_is_refused(printed: str) -> None:
    with pytest.raises(UsageError, match="last line"):
        evaluate(python(f"print({printed!r})"), MODEL)


def test_what_fails_is_told() -> None:
    with pytest.raises(RunnerError, match=r"exit status 3.*no data"):
        evaluate(python("import sys; print('no data', file=sys.stderr); sys.exit(3)"), MODEL)
    with pytest.raises(RunnerError, match="longer than"):
        evaluate(python("import time; time.sleep(60)"), MODEL, seconds=0.2)
    with pytest.raises(UsageError, match="cannot be started"):
        evaluate("/no/such/program", MODEL)
    with pytest.raises(UsageError, match="empty"):
        evaluate("  ", MODEL)
    with pytest.raises(UsageError, match="quotation"):
        evaluate("a 'b", MODEL)


def test_output_that_is_no_text_is_borne() -> None:
    assert evaluate(python("import os; os.write(1, b'\\xff\\xfe\\n0.5\\n')"), MODEL) == 0.5


def test_what_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """A pipe whose other end nobody holds any more is at its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    inner = f"import time; held = open({str(pipe)!r}, 'w'); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(RunnerError, match="longer than"):
            evaluate(python(code), MODEL, seconds=1.5)
        os.set_blocking(reading, True)
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)

"""What a request asks of the runner, as options."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.errors import UsageError
from tflprof.runner.interface import RunRequest
from tflprof.runner.options import check_request, render_options, request_options


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"")
    return path


def test_what_is_not_asked_for_is_not_there(model: Path) -> None:
    keys = {key for key, _ in request_options(RunRequest((model,)))}
    assert not keys & {"period_us", "pmu", "workers", "chain", "thermal"}


def test_periods_counters_and_workers(model: Path) -> None:
    request = RunRequest((model,), threads=2, rate=30.0, pmu=True, fill=False)
    options = dict(request_options(request))
    assert (options["period_us"], options["pmu"], options["workers"], options["fill"]) == (
        "33333",
        "1",
        "1",
        "0",
    )


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.009, 20_000.0, float("nan"), float("inf")])
def test_a_rate_no_runner_can_keep(model: Path, rate: float) -> None:
    with pytest.raises(UsageError, match="rate"):
        check_request(RunRequest((model,), rate=rate))


def test_a_key_may_be_repeated() -> None:
    assert render_options([("thermal", "/a"), ("thermal", "/b")]) == b"thermal=/a\nthermal=/b\n"

"""The constants of the model of threads are those that were fitted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tflprof.measure.parallel import EFFICIENCY, MODELLED, SYNC_NS

FITTED = Path(__file__).parents[3] / "reports" / "benchmarks" / "prediction_threads.json"


def test_the_constants_are_the_fitted_ones() -> None:
    fitted = json.loads(FITTED.read_text("utf-8"))["constants"]
    assert set(fitted) == {str(threads) for threads in MODELLED}
    for threads in MODELLED:
        assert EFFICIENCY[threads] == pytest.approx(fitted[str(threads)]["efficiency"], abs=0.01)
        assert SYNC_NS[threads] == pytest.approx(fitted[str(threads)]["sync_ns"], abs=1000)


def test_more_threads_are_no_more_efficient() -> None:
    assert 0.5 < EFFICIENCY[4] <= EFFICIENCY[2] <= 1
    assert 0 < SYNC_NS[2] <= SYNC_NS[4]

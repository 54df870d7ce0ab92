"""The intervals of predictions from errors: standard deviations found again, and what the file says is what is read."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.prediction_error_model import estimate, write_error_model
from benchmarks.prediction_errors import Predicted
from benchmarks.published_times import Point, Source
from tflprof.model.build import NETWORKS
from tflprof.targets import prediction_error

NAMES = sorted(NETWORKS)
SOURCE = Source("s", "t", "a", "2020-03-27", "XNNPACK", "", "", 0.5)


def point(soc: str, model: str, threads: int = 1, ms: float = 100.0, cpu: str = "cortex-a73") -> Point:
    return Point(
        SOURCE, soc, soc, cpu, 2.0, "", "pixel2", "big", "tuned", model, 224, 1.0, "float32", threads, ms
    )


def drawn(within: float, between: float, phones: int, models: int, seed: int = 6) -> list[Predicted]:
    rng = np.random.default_rng(seed)
    rows = []
    for phone in range(phones):
        shift = rng.normal(0, between)
        for model in range(models):
            error = shift + rng.normal(0, within)
            rows.append(Predicted(point(f"soc{phone}", NAMES[model]), 100 * float(np.exp(error))))
    return rows


@pytest.mark.parametrize(("within", "between"), [(0.05, 0.1), (0.05, 0.0), (0.1, 0.02)])
def test_standard_deviations_are_found_again(within: float, between: float) -> None:
    found = estimate(drawn(within, between, 400, 4))["caches"]
    assert found["within"] == pytest.approx(within, rel=0.1)
    assert found["between"] == pytest.approx(between, abs=0.015)
    assert found["phones"] == 400


def test_what_is_common_to_all_phones_counts() -> None:
    rows = [replace(row, ms=(row.ms or 0) * 1.2) for row in drawn(0.01, 0.01, 50, 4)]
    assert estimate(rows)["caches"]["between"] == pytest.approx(np.log(1.2), rel=0.1)


def test_refused_and_threaded_times_are_no_errors_of_one_thread() -> None:
    rows = drawn(0.05, 0.1, 4, 4)
    more = [Predicted(point("soc9", NAMES[0]), None), Predicted(point("soc0", NAMES[0], 4), 900.0)]
    assert estimate([*rows, *more])["caches"] == estimate(rows)["caches"]


def test_threads_have_the_error_of_their_speedup() -> None:
    rows = drawn(0.05, 0.1, 3, 2)
    fours = [
        Predicted(point(f"soc{phone}", NAMES[0], 4, 25.0), (rows[2 * phone].ms or 0) / 4 * factor)
        for phone, factor in enumerate((1.1, 1.0, 1 / 1.1))
    ]
    found = estimate([*rows, *fours])["threads"]
    assert found == {"more": pytest.approx(np.log(1.1) * (2 / 3) ** 0.5, abs=1e-4), "phones": 3}
    assert estimate(rows)["threads"]["more"] == 0.2


def test_layers() -> None:
    rows = drawn(0.05, 0.1, 3, 2)
    assert estimate(rows, layer_times=[[1.0] * 9, [2, 0, 0], [1] * 30])["layer"]["effective_layers"] == 9.0
    assert estimate(rows)["layer"]["effective_layers"] == 12.0


def test_without_caches() -> None:
    rows = drawn(0.05, 0.1, 30, 4)
    assumed = estimate(rows)
    assert assumed["cycles"]["within"] == pytest.approx(2 * assumed["caches"]["within"], abs=1e-3)
    assert estimate(rows, cycles=rows)["cycles"] == assumed["caches"]


def test_one_phone_tells_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        estimate(drawn(0.05, 0.1, 1, 4))
    with pytest.raises(ValueError, match="too few"):
        estimate(drawn(0.05, 0.1, 4, 1))


def test_the_file_says_what_was_estimated(tmp_path: Path) -> None:
    model = estimate(drawn(0.05, 0.1, 5, 3))
    write_error_model(model, tmp_path / "e.toml")
    assert tomllib.loads((tmp_path / "e.toml").read_text()) == model


@pytest.mark.parametrize(
    ("phones", "within", "between"), [(4, 0.05, 0.1), (8, 0.05, 0.1), (8, 0.05, 0.0), (10, 0.02, 0.1)]
)
def test_intervals_hold_what_they_say(
    monkeypatch: pytest.MonkeyPatch, phones: int, within: float, between: float
) -> None:
    rng = np.random.default_rng(7)
    held = {"unanchored": 0, "anchored": 0}
    for draw in range(400):
        found = estimate(drawn(within, between, phones, 3, seed=draw))["caches"]
        spread = prediction_error.Spread(**{**found, "cores": tuple(found["cores"])})
        model = replace(prediction_error.error_model(), placeholder=False, modes={"caches": spread})
        monkeypatch.setattr(prediction_error, "error_model", lambda model=model: model)
        phone, one, anchor = rng.normal(0, between), *rng.normal(0, within, 2)
        held["unanchored"] += abs(phone + one) <= prediction_error.errors("cortex-a73", "caches", 0, 1).total
        held["anchored"] += abs(one - anchor) <= prediction_error.errors("cortex-a73", "caches", 1, 1).total
        monkeypatch.undo()
    assert all(count / 400 >= 0.93 for count in held.values()), held

"""Intervals of predictions: wider the less is known, and the numbers are those of the benchmark."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.special import stdtrit

from tflprof.targets import prediction_error
from tflprof.targets.prediction_error import error_model, errors

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tflprof" / "targets" / "prediction_error.toml"
BENCHMARK = ROOT / "reports" / "benchmarks" / "prediction.json"

KNOWN = "cortex-a73"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of errors whose numbers do not change with the benchmark's."""
    spread = prediction_error.Spread(within=0.05, types=0.0, between=0.10, phones=6, mixed=2, cores=(KNOWN,))
    model = replace(
        error_model(),
        placeholder=False,
        modes={"caches": spread, "cycles": replace(spread, within=0.1, between=0.2)},
        threads=(0.1, 4),
        effective_layers=9.0,
        unseen=1.5,
    )
    monkeypatch.setattr(prediction_error, "error_model", lambda: model)


@pytest.mark.usefixtures("known")
def test_without_anchors_it_is_of_a_phone_and_a_model() -> None:
    found = errors(KNOWN, "caches", 0, 1)
    t = float(stdtrit(5, 0.975))
    assert found.total == pytest.approx(t * (0.05**2 + 0.10**2) ** 0.5)
    assert found.layer == pytest.approx(t * (9 * 0.05**2 + 0.10**2) ** 0.5)
    assert found.ratio == pytest.approx(t * 2**0.5 * 0.05)
    assert found.extrapolated == ()


@pytest.mark.usefixtures("known")
def test_anchors_take_the_phones_error_away() -> None:
    none, one, many = (errors(KNOWN, "caches", count, 1) for count in (0, 1, 100))
    assert none.total > one.total > many.total
    assert one.total == pytest.approx(one.ratio)
    assert none.layer > one.layer > many.layer
    assert none.ratio == one.ratio == many.ratio


@pytest.mark.usefixtures("known")
def test_anchors_of_another_element_type_are_worth_less(monkeypatch: pytest.MonkeyPatch) -> None:
    model = prediction_error.error_model()
    spread = replace(model.modes["caches"], types=0.05, mixed=2)
    monkeypatch.setattr(prediction_error, "error_model", lambda: replace(model, modes={"caches": spread}))
    same, other = (errors(KNOWN, "caches", 1, 1, same_type=same) for same in (True, False))
    assert same.total == pytest.approx(float(stdtrit(5, 0.975)) * 2**0.5 * 0.05)
    # Two equal variances, estimated with 5 and with 2 degrees of freedom.
    freedom = 4 / (1 / 5 + 1 / 2)
    assert other.total == pytest.approx(float(stdtrit(min(freedom, 5), 0.975)) * 2 * 0.05)
    assert other.layer > same.layer
    assert other.total == pytest.approx(other.ratio)
    assert other.ratio == same.ratio


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("anchors", [0, 1, 3])
def test_what_was_not_checked_is_wider_and_said(anchors: int) -> None:
    plain = errors(KNOWN, "caches", anchors, 1)
    for core, mode, threads, kernels, word in (
        ("cortex-a510", "caches", 1, "xnnpack", "cortex-a510"),
        (KNOWN, "cycles", 1, "xnnpack", "caches and memory"),
        (KNOWN, "caches", 4, "xnnpack", "4 threads"),
        (KNOWN, "caches", 1, "builtin", "builtin kernels"),
    ):
        found = errors(core, mode, anchors, threads, kernels)
        assert found.total > plain.total
        assert found.layer > plain.layer
        assert len(found.extrapolated) == 1
        assert word in found.extrapolated[0]


def test_the_file_is_sound() -> None:
    model = error_model()
    assert model.level == 0.95
    assert set(model.modes) == {"caches", "cycles"}
    for spread in model.modes.values():
        assert 0 < spread.within < 1
        assert 0 <= spread.between < 1
        assert 0 <= spread.types < 1
        assert spread.mixed >= 0
        assert spread.phones >= 2
    assert model.unseen > 1
    assert model.effective_layers >= 1


def test_guesses_are_called_guesses() -> None:
    guessed = any("guesses" in reason for reason in errors(KNOWN, "caches", 0, 1).extrapolated)
    assert guessed == error_model().placeholder


def test_the_numbers_are_the_benchmarks() -> None:
    written = tomllib.loads(DATA.read_text("utf-8"))
    if not BENCHMARK.exists():
        assert written["placeholder"] is True
        return
    assert json.loads(BENCHMARK.read_text("utf-8"))["error_model"] == written

from __future__ import annotations

import re
from typing import Any

import pytest

from tflprof.errors import TargetError
from tflprof.targets.core_table import core_names, load_core
from tflprof.targets.tuning import tuned_on, tuning_of


@pytest.mark.parametrize("name", core_names())
def test_every_core_has_its_factors(name: str) -> None:
    table = load_core(name)
    tuning = tuning_of(name, table.order, table.tuned)
    assert 0 < tuning.loop < 5
    assert 0 < tuning.straight < 5
    assert 0 <= tuning.overlap <= 1


def test_what_differs_from_one_was_tuned_on_something() -> None:
    factors = {tuning_of("any", order, {}) for order in ("in", "out")}
    plain = all(one.loop == one.straight == one.l2 == one.dram_read == 1 for one in factors)
    assert plain or tuned_on()


def test_a_core_of_its_own() -> None:
    common = tuning_of("any", "in", {})
    own = tuning_of("one", "in", {"loop": 2, "points": ["a published time"]})
    assert own.loop == 2
    assert own.l2 == common.l2


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"speed": 1, "points": ["x"]}, "core one: unknown keys tuned.speed"),
        ({"loop": 1}, "core one: tuned must name the points it was tuned on"),
        ({"loop": 1, "points": []}, "core one: tuned must name the points"),
        ({"loop": "1", "points": ["x"]}, "core one: tuned.loop must be a number, not '1'"),
        ({"loop": float("nan"), "points": ["x"]}, "core one: tuned.loop must be a number"),
        ({"loop": -1, "points": ["x"]}, "core one: tuned.loop must be between 0 and 100"),
        ({"loop": True, "points": ["x"]}, "core one: tuned.loop must be a number"),
        ({"overlap": 1.5, "points": ["x"]}, "core one: tuned.overlap must be between 0 and 1, not 1.5"),
    ],
)
def test_wrong_factors(own: dict[str, Any], told: str) -> None:
    with pytest.raises(TargetError, match=re.escape(told)):
        tuning_of("one", "in", own)

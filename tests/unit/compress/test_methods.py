"""Which methods there are, and how they are asked for."""

from __future__ import annotations

import pytest

from tflprof.compress.methods import ORDER, open_methods
from tflprof.errors import UsageError


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

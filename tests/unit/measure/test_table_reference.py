"""Rows in the clock of a reference that was measured beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.latency_tables import conv, depthwise, row, table
from tflprof.measure.table_overheads import Rest, overheads
from tflprof.measure.table_reference import in_clock, scaled, scaled_rest, settled
from tflprof.measure.tables import Taken
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_rows import Overheads, StoredTable


def _clocked(value: float, *seen: float, sha256: str = "a") -> StoredTable:
    made = table([conv(), depthwise()], overheads=Overheads(10.0, 20.0, 30.0, 40.0, 3, 0.05))
    return StoredTable(replace(made.meta, reference=Reference(sha256, value, seen)), made.rows)


def test_a_row_is_scaled_and_its_instructions_are_not() -> None:
    one = row(conv(), 1000)
    taken = scaled(Taken((one,), {"k": "why"}), 1.5)
    assert taken.rows == (replace(one, value=1500, lo=one.lo * 1.5, hi=one.hi * 1.5),)
    assert taken.missing == {"k": "why"}
    assert scaled_rest(Rest(10.0, 70.0, 1, 2, plain=True), 1.5) == Rest(15.0, 70.0, 1, 2, plain=True)


def test_a_new_table_gets_the_clock_that_the_machine_mostly_had() -> None:
    first = _clocked(100.0, 100.0, 120.0, 110.0)
    done = settled(first)
    assert done.meta.reference == Reference("a", 110.0, (100.0, 120.0, 110.0))
    assert done.rows[0].value == round(first.rows[0].value * 1.1)
    assert done.meta.overheads == Overheads(*map(pytest.approx, (11.0, 22.0, 33.0, 44.0)), 3, 0.05)
    assert done.meta.reference.moved == pytest.approx((100 / 110 - 1, 120 / 110 - 1))
    assert settled(done) == done


def test_without_a_common_reference_nothing_is_scaled() -> None:
    plain = table([conv()])
    assert settled(plain) == plain
    assert in_clock(plain, Reference("a", 5.0)) == plain
    one = _clocked(100.0)
    assert settled(one) == one
    assert one.meta.reference is not None
    assert one.meta.reference.moved is None
    assert in_clock(one, None) == one
    assert in_clock(one, Reference("b", 5.0)) == one
    assert in_clock(one, Reference("a", 200.0)).rows[0].value == 2 * one.rows[0].value


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_that_is_none(value: float) -> None:
    with pytest.raises(ValueError, match="time of the reference"):
        Reference("a", value)
    with pytest.raises(ValueError, match="time of the reference"):
        Reference("a", 1.0, (value,))


def test_what_measured_totals_are_off_by_grows_with_them() -> None:
    sizes = [(1, 10, 1e5), (3, 40, 1e6), (8, 20, 1e7), (2, 90, 1e5), (5, 60, 1e8)]
    rests = [
        Rest(700 + 20 * layers + wrong * total, None, parts, layers, plain=True, total=total, noisy=True)
        for (parts, layers, total), wrong in zip(sizes, (0.0, 0.01, -0.02, 0.0, 0.01), strict=True)
    ]
    found = overheads(rests)
    assert found.spread == 0
    assert 0.02 <= found.share <= 0.06
    many = [replace(rest, value=rest.value + 0.5 * rest.total) for rest in rests[:1]] + rests * 12
    assert overheads(many).share < 0.1


def test_measured_overheads_are_not_negative_and_counted_ones_may_be() -> None:
    layers = (2, 10, 40, 80, 120)
    rests = [Rest(9000.0 - 50 * n, 31.0 - n, 1, n, plain=True, total=1e4 * n, noisy=True) for n in layers]
    found = overheads(rests)
    assert found.layer == 0
    assert min(found.model, found.part) >= 0
    assert found.model + found.part > 1000
    still = overheads([replace(rest, noisy=False) for rest in rests])
    assert (still.model, still.layer) == (pytest.approx(9000 - still.part), pytest.approx(-50))

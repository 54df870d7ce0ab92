from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import MIXED, make_profile
from tflprof.analysis.quantity import LEAST_PROCESSES, every_layer, measure_subject, median_interval
from tflprof.profile.meta import Pairing
from tflprof.profile.profile import Profile

TIMED = make_profile()
COUNTED = make_profile(unit="instructions")


def test_the_total_is_the_summarys() -> None:
    found = measure_subject(TIMED, "total")
    total = TIMED.summary.total
    assert (found.value, found.lo, found.hi, found.unit) == (total.typical, total.lo, total.hi, "ns")
    assert not found.exact


def test_counts_are_exact() -> None:
    found = measure_subject(COUNTED, "layer:net/Conv2d_3_pointwise/Relu6")
    assert (found.value, found.exact) == (1_310_000, True)
    assert found.subject == "layer 0/4 net/Conv2d_3_pointwise/Relu6 (CONV_2D)"
    assert measure_subject(COUNTED, "init").exact
    assert measure_subject(COUNTED, "first").exact


def test_counts_that_did_not_repeat_have_no_interval() -> None:
    profile = make_profile(unit="instructions", complete=False)
    for subject in ("total", "layer:0/0", "op:CONV_2D", "init"):
        found = measure_subject(profile, subject)
        assert found.value is not None
        assert found.lo is None
        assert found.why == "no two inferences gave the same counts"


def test_a_member_of_a_group_is_judged_with_its_group() -> None:
    found = measure_subject(COUNTED, "layer:net/Conv2d_2/Relu6")
    assert found.value == 640_000
    assert found.subject == "layer 0/2 + 0/3 net/pad (PAD + CONV_2D)"
    assert "counted together" in found.why


def test_a_static_layer_takes_nothing() -> None:
    found = measure_subject(TIMED, "layer:net/Logits/Squeeze")
    assert (found.value, found.exact, found.why) == (0, True, "nothing of it runs at inference")


def test_operator_types_are_summed_with_the_interval_of_the_sum() -> None:
    found = measure_subject(TIMED, "op:CONV_2D")
    rows = [one for one in every_layer(TIMED) if "CONV_2D)" in one.subject and "DEPTHWISE" not in one.subject]
    assert found.value == pytest.approx(sum(one.value or 0 for one in rows))
    assert found.lo is not None
    assert found.hi is not None
    # Noise of single layers averages out in their sum.
    widths = sum((one.hi or 0) - (one.lo or 0) for one in rows)
    assert found.lo < (found.value or 0) < found.hi
    assert found.hi - found.lo <= widths * 1.001
    assert found.why == "1 of 3 kernels also run other operators"


def test_operators_that_one_kernel_runs_together_can_be_named() -> None:
    assert measure_subject(COUNTED, "op:PAD + CONV_2D").value == 640_000
    assert measure_subject(COUNTED, "op:CONV_2D").value == 820_000 + 640_000 + 1_310_000
    assert measure_subject(COUNTED, "op:RESHAPE").why == "no layer of this type ran"


def test_every_layer_that_runs_is_there_once() -> None:
    assert len(every_layer(TIMED)) == sum(item.note != "static" for item in MIXED)
    assert sum(one.value or 0 for one in every_layer(COUNTED)) == sum(item.cost for item in MIXED)


def test_init_is_the_median_of_processes_with_an_interval_of_order_statistics() -> None:
    found = measure_subject(TIMED, "init")
    # Ten processes of 48.000 to 48.009 ms: second smallest to second largest.
    assert (found.value, found.lo, found.hi) == (48_004_500, 48_001_000, 48_008_000)


def test_too_few_processes_give_no_interval() -> None:
    found = measure_subject(make_profile(processes=LEAST_PROCESSES - 1), "init")
    assert found.value is not None
    assert found.lo is None
    assert "takes 6 processes, and there are 5" in found.why
    assert "there is 1" in measure_subject(make_profile(processes=1), "first").why
    assert measure_subject(make_profile(processes=LEAST_PROCESSES), "memory").lo == 61 << 20


def test_memory_of_a_process_with_two_models_says_nothing_of_one() -> None:
    meta = replace(TIMED.meta, pairing=Pairing("p", "a", (10,)))
    found = measure_subject(Profile(meta, TIMED.table), "memory")
    assert (found.value, found.lo) == (None, None)
    assert "two models" in found.why


def test_what_is_not_there_is_unknown_not_nothing() -> None:
    empty = Profile(TIMED.meta, TIMED.table.slice(0, 0))
    for subject in ("total", "layer:0/0", "op:CONV_2D", "init", "first", "memory"):
        found = measure_subject(empty, subject)
        assert (found.value, found.lo, found.hi) == (None, None, None)
        assert found.why
    sizeless = replace(TIMED.meta, model=replace(TIMED.meta.model, size_bytes=None))
    assert measure_subject(Profile(sizeless, TIMED.table), "size").value is None
    assert measure_subject(TIMED, "size").exact


def test_averages_have_no_interval() -> None:
    averages = make_profile(processes=12)
    aggregate = Profile(replace(averages.meta, kind="aggregate"), averages.table)
    assert measure_subject(aggregate, "total").lo is None


@given(st.integers(1, 200))
def test_the_interval_of_a_median_is_the_tightest_that_covers(n: int) -> None:
    from scipy.stats import binom

    values = np.arange(n)
    ends = median_interval(values)
    # It misses if fewer than k of n values lie on one side of the median, for the k-th value from either end.
    if ends is None:
        assert 2 * binom.cdf(0, n, 0.5) > 0.05
        return
    k = int(ends[0]) + 1
    assert ends[1] == n - k
    assert 2 * binom.cdf(k - 1, n, 0.5) <= 0.05
    assert 2 * binom.cdf(k, n, 0.5) > 0.05


def test_the_interval_of_a_median_covers_it() -> None:
    rng = np.random.default_rng(4)
    for n in (6, 10, 25):
        hits = 0
        for _ in range(2000):
            lo, hi = median_interval((1e6 * rng.lognormal(0, 0.5, n)).astype(np.int64)) or (0, 0)
            hits += lo <= 1e6 <= hi
        assert hits / 2000 > 0.94

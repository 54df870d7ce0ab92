from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import TargetError, TflprofError, UsageError
from tflprof.facts import Cpu
from tflprof.targets.cores import choose_cpus, core_groups, parse_cores
from tflprof.units import format_cpus

PHONE = [Cpu(index, cluster=0) for index in range(4)] + [Cpu(index, cluster=1) for index in range(4, 8)]
THREE = [Cpu(index, cluster=[0, 0, 0, 0, 1, 1, 2, 2][index]) for index in range(8)]
ONE = [Cpu(index) for index in range(4)]


@pytest.mark.parametrize(
    ("cpus", "core", "threads", "chosen"),
    [
        (PHONE, "big", 1, (7,)),
        (PHONE, "little", 1, (3,)),
        (PHONE, "big", 4, (4, 5, 6, 7)),
        (PHONE, "5", 1, (5,)),
        (THREE, "big", 1, (7,)),
        (THREE, "prime", 2, (6, 7)),
        (THREE, "mid", 1, (5,)),
        (THREE, "little", 2, (2, 3)),
        (ONE, "big", 1, (3,)),
        (ONE, "little", 1, (3,)),
        (PHONE, "0xf0", 2, (4, 5, 6, 7)),
        (PHONE, "0XC0", 2, (6, 7)),
        (PHONE, "0x1", 1, (0,)),
        (PHONE, "4-7,0", 5, (0, 4, 5, 6, 7)),
        (PHONE, "5,4,5", 1, (4, 5)),
    ],
)
def test_choices(cpus: list[Cpu], core: str, threads: int, chosen: tuple[int, ...]) -> None:
    assert choose_cpus(cpus, range(8), core, threads) == chosen


def test_only_allowed_cpus_are_chosen() -> None:
    assert choose_cpus(PHONE, {0, 5, 6}, "big", 1) == (6,)
    assert choose_cpus(PHONE, {0, 1}, "little", 1) == (1,)


def test_a_big_core_that_may_not_be_used_is_never_a_little_one() -> None:
    with pytest.raises(TargetError, match="no core 'big' that may be used"):
        choose_cpus(PHONE, {0, 1}, "big", 1)


@pytest.mark.parametrize(
    ("core", "error"),
    [
        *((name, TargetError) for name in ("mid", "prime", "8", "99")),
        *(
            (name, UsageError)
            for name in ("huge", "", "-1", "²", "4,", "4-", "7-4", "0x", "0x0", "f0", "4 5")
        ),
    ],
)
def test_there_is_no_such_core(core: str, error: type[TflprofError]) -> None:
    with pytest.raises(error) as caught:
        choose_cpus(PHONE, range(8), core, 1)
    assert repr(core) in caught.value.what
    assert caught.value.hint == "choose little (CPU 0-3), big (CPU 4-7), or a CPU number"


@pytest.mark.parametrize("core", ["mid", "prime"])
def test_cores_in_between_need_three_kinds(core: str) -> None:
    with pytest.raises(TargetError) as two:
        choose_cpus(PHONE, range(8), core, 1)
    assert two.value.what == f"there is no core {core!r}: there are two kinds of cores, little and big"
    assert two.value.hint == "choose little (CPU 0-3), big (CPU 4-7), or a CPU number"
    with pytest.raises(TargetError) as one:
        choose_cpus(ONE, range(4), core, 1)
    assert one.value.what == f"there is no core {core!r}: all cores are of one kind"


@pytest.mark.parametrize(("core", "cpus"), [("big", 4), ("0x30", 2), ("0,7", 2), ("7", 1)])
def test_more_threads_than_cpus(core: str, cpus: int) -> None:
    with pytest.raises(
        TargetError, match=rf"core '{core}' has {cpus} CPU\(s\), but 5 threads are asked for$"
    ):
        choose_cpus(PHONE, range(8), core, 5)


def test_fewer_cpus_than_the_cluster_has_are_explained() -> None:
    with pytest.raises(TargetError) as caught:
        choose_cpus(PHONE, {0, 1, 2, 3, 4, 5}, "big", 3, offline={6})
    assert caught.value.what == (
        "core 'big' has 2 CPU(s), but 3 threads are asked for: CPU 6 is offline, "
        "CPU 7 is not allowed to this process"
    )


@pytest.mark.parametrize(
    ("core", "reason"),
    [
        ("6", "CPU 6 is offline"),
        ("5", "CPU 5 is not allowed to this process"),
        ("0xf0", "CPU 6-7 is offline, CPU 5 is not allowed to this process"),
        ("4,8-9", "CPU 8-9 does not exist"),
        ("12", "CPU 12 does not exist"),
    ],
)
def test_cores_that_may_not_be_used_are_refused_with_the_reason(core: str, reason: str) -> None:
    with pytest.raises(TargetError) as caught:
        choose_cpus(PHONE, {0, 1, 2, 3, 4}, core, 1, offline={6, 7})
    assert caught.value.what == f"there is no core {core!r} that may be used: {reason}"


@given(st.sets(st.integers(0, 200), min_size=1))
def test_lists_and_masks_say_the_same(numbers: set[int]) -> None:
    mask = f"0x{sum(1 << number for number in numbers):x}"
    assert parse_cores(format_cpus(numbers)) == parse_cores(mask) == tuple(sorted(numbers))


@given(st.text(max_size=12))
def test_any_core_text_is_survived(text: str) -> None:
    assert parse_cores(text) is None or parse_cores(text)


def test_no_cpu_at_all() -> None:
    with pytest.raises(TargetError):
        choose_cpus(PHONE, {99}, "big", 1)


def test_groups() -> None:
    assert core_groups(THREE) == {"little": (0, 1, 2, 3), "mid": (4, 5), "big": (6, 7), "prime": (6, 7)}

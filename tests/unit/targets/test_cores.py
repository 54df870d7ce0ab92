from __future__ import annotations

import pytest

from tflprof.errors import TargetError, TflprofError, UsageError
from tflprof.facts import Cpu
from tflprof.targets.cores import choose_cpus, core_groups

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
        *((name, UsageError) for name in ("huge", "", "-1", "²", "4,5")),
    ],
)
def test_there_is_no_such_core(core: str, error: type[TflprofError]) -> None:
    with pytest.raises(error) as caught:
        choose_cpus(PHONE, range(8), core, 1)
    assert repr(core) in caught.value.what
    assert caught.value.hint == "choose little (CPU 0-3), big (CPU 4-7), or a CPU number"


def test_more_threads_than_cpus() -> None:
    with pytest.raises(TargetError, match=r"core 'big' has 4 CPU\(s\), but 5 threads"):
        choose_cpus(PHONE, range(8), "big", 5)


def test_no_cpu_at_all() -> None:
    with pytest.raises(TargetError):
        choose_cpus(PHONE, {99}, "big", 1)


def test_groups() -> None:
    assert core_groups(THREE) == {"little": (0, 1, 2, 3), "mid": (4, 5), "big": (6, 7), "prime": (6, 7)}

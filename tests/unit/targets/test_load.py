"""How busy a machine was, from what it tells of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.targets.load import CpuTimes, LoadSample, load_between, parse_stat, throttled_seconds

STAT = """cpu  100 0 100 1000 0 0 0 50 0 0
cpu0 10 10 20 500 5 3 2 25 0 0
cpu1 90 0 80 500 0 0 0 25 0 0
intr 12345
"""


def sample(
    at: float, busy: tuple[float, ...], own: float, stolen: float = 0.0, throttled: float = 0.0
) -> LoadSample:
    cpus = {number: CpuTimes(one, stolen * number) for number, one in enumerate(busy)}
    return LoadSample(cpus, own, at, throttled)


def test_times_of_the_processors() -> None:
    found = parse_stat(STAT, 10.0)
    assert {cpu: (one.busy, one.stolen) for cpu, one in found.items()} == {0: (4.5, 2.5), 1: (17.0, 2.5)}


def test_work_of_others_is_told_from_our_own() -> None:
    load = load_between(sample(0, (0, 0), 0), sample(10, (4, 9), 8))
    assert load is not None
    assert load.other_busy == pytest.approx(0.5)
    assert load.other_here is None
    assert load.of_cpus == 2


def test_work_of_others_on_the_cores_in_use() -> None:
    load = load_between(sample(0, (0, 0), 0), sample(10, (9, 9.5), 5), [1])
    assert load is not None
    assert load.other_here == pytest.approx(0.45)
    quiet = load_between(sample(0, (0, 0), 0), sample(10, (9, 9.5), 9.6), [1])
    assert quiet is not None
    assert quiet.other_here == 0.0


def test_steal_counts_where_it_was_measured() -> None:
    before, after = sample(0, (0, 0), 0), sample(10, (0, 0), 0, stolen=1.0)
    everywhere, here = load_between(before, after), load_between(before, after, [0])
    assert everywhere is not None
    assert here is not None
    assert (everywhere.stolen_share, here.stolen_share) == (pytest.approx(0.1), 0.0)


def test_nothing_is_told_of_nothing() -> None:
    one = sample(1, (0,), 0)
    assert load_between(None, one) is None
    assert load_between(one, None) is None
    assert load_between(one, one) is None
    load = load_between(one, sample(2, (0,), 0), [7])
    assert load is not None
    assert load.other_here is None


@pytest.mark.parametrize(
    ("membership", "files", "seconds"),
    [
        ("0::/user/app\n", {"user/app/cpu.stat": "usage_usec 5\nthrottled_usec 1500000\n"}, 1.5),
        ("0::/user/app\n", {"user/cpu.stat": "throttled_usec 500000\n"}, 0.5),
        ("0::/\n", {"cpu.stat": "throttled_usec 250000\n"}, 0.25),
        ("0::/../other\n", {"cpu.stat": "throttled_usec 250000\n"}, 0.25),
        ("3:cpu,cpuacct:/a\n0::/\n", {"cpu,cpuacct/a/cpu.stat": "throttled_time 2000000000\n"}, 2.0),
        ("3:cpu:/a\n", {"cpu/a/cpu.stat": "nr_throttled 3\nthrottled_time 2000000000\n"}, 2.0),
        ("3:cpuset:/a\n", {"cpuset/a/cpu.stat": "throttled_time 2000000000\n"}, 0.0),
        ("0::/a\n", {"a/cpu.stat": "throttled_usec what\n"}, 0.0),
        ("nonsense\n", {}, 0.0),
    ],
)
def test_limits_on_the_time(tmp_path: Path, membership: str, files: dict[str, str], seconds: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert throttled_seconds(membership, tmp_path) == pytest.approx(seconds)


def test_a_limit_in_force_is_a_share_of_the_time() -> None:
    load = load_between(sample(0, (0,), 0, throttled=3.0), sample(10, (0,), 0, throttled=5.0))
    assert load is not None
    assert load.throttled_share == pytest.approx(0.2)

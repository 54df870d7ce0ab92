from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.targets.probe import parse_cpu_list, parse_probe, read_texts

CPU = "sys/devices/system/cpu"


def arm(*cores: tuple[int, int, int]) -> str:
    return "".join(
        f"processor\t: {index}\nCPU implementer\t: 0x{implementer:x}\nCPU architecture: 8\n"
        f"CPU variant\t: 0x0\nCPU part\t: 0x{part:x}\nCPU revision\t: {revision}\n\n"
        for index, (implementer, part, revision) in enumerate(cores)
    )


def x86(count: int) -> str:
    return "".join(f"processor\t: {index}\nmodel name\t: A Chip @ 3GHz\n\n" for index in range(count))


A53, A73 = (0x51, 0x801, 4), (0x51, 0x800, 2)


def test_a_phone_with_two_kinds_of_cores() -> None:
    texts = {"proc/cpuinfo": arm(A53, A53, A73, A73) + "Hardware\t: A phone\n"}
    texts |= {f"{CPU}/cpu{i}/cpufreq/cpuinfo_max_freq": f"{khz}\n" for i, khz in enumerate([19, 19, 24, 24])}
    texts |= {"proc/meminfo": "MemTotal:        1000 kB\nMemFree: 1 kB\n"}
    probe = parse_probe(texts)
    assert [cpu.cluster for cpu in probe.cpus] == [0, 0, 1, 1]
    assert [cpu.max_khz for cpu in probe.cpus] == [19, 19, 24, 24]
    assert probe.cpus[3].part == "Kryo 2xx Gold (Cortex-A73)"
    assert probe.cpus[3].midr == 0x510F8002
    assert probe.model == "A phone"
    assert probe.memory_bytes == 1_024_000


def test_capacity_goes_before_frequency() -> None:
    texts = {"proc/cpuinfo": arm(A73, A53)}
    texts |= {f"{CPU}/cpu0/cpu_capacity": "1024", f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "10"}
    texts |= {f"{CPU}/cpu1/cpu_capacity": "400", f"{CPU}/cpu1/cpufreq/cpuinfo_max_freq": "20"}
    assert [cpu.cluster for cpu in parse_probe(texts).cpus] == [1, 0]


def test_the_part_decides_where_nothing_else_is_known() -> None:
    assert [cpu.cluster for cpu in parse_probe({"proc/cpuinfo": arm(A73, A53)}).cpus] == [1, 0]


def test_equal_x86_cores_with_different_peaks_are_one_kind() -> None:
    texts = {"proc/cpuinfo": x86(4)}
    texts |= {f"{CPU}/cpu{i}/cpufreq/cpuinfo_max_freq": f"{5_000_000 + i * 100_000}" for i in range(4)}
    probe = parse_probe(texts)
    assert {cpu.cluster for cpu in probe.cpus} == {0}
    assert probe.model == "A Chip @ 3GHz"


def test_performance_and_efficiency_cores() -> None:
    texts = {
        "proc/cpuinfo": x86(6),
        "sys/devices/cpu_core/cpus": "0-3\n",
        "sys/devices/cpu_atom/cpus": "4-5\n",
    }
    assert [cpu.cluster for cpu in parse_probe(texts).cpus] == [1, 1, 1, 1, 0, 0]


def test_only_online_cpus_count() -> None:
    probe = parse_probe({"proc/cpuinfo": x86(4), f"{CPU}/online": "0,2-3\n"})
    assert [cpu.index for cpu in probe.cpus] == [0, 2, 3]


def test_nothing_is_known() -> None:
    probe = parse_probe({})
    assert [cpu.index for cpu in probe.cpus] == [0]
    assert probe.model is None
    assert probe.memory_bytes is None


@given(
    st.dictionaries(st.sampled_from(["proc/cpuinfo", "proc/meminfo", f"{CPU}/online"]), st.text(max_size=80))
)
def test_any_text_is_survived(texts: dict[str, str]) -> None:
    assert parse_probe(texts).cpus


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3\n", [0, 1, 2, 3]), ("1,4-5", [1, 4, 5]), ("\n", []), ("x", []), ("999999999", [])],
)
def test_cpu_lists(text: str, numbers: list[int]) -> None:
    assert parse_cpu_list(text) == numbers


def test_files_are_read_from_a_tree(tmp_path: Path) -> None:
    path = tmp_path / CPU / "cpu0" / "cpu_capacity"
    path.parent.mkdir(parents=True)
    path.write_text("512\n")
    assert read_texts(tmp_path) == {f"{CPU}/cpu0/cpu_capacity": "512\n"}


def test_this_machine() -> None:
    probe = parse_probe(read_texts())
    assert probe.cpus
    assert probe.memory_bytes

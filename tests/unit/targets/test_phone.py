from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from tflprof.errors import TargetError
from tflprof.targets.cores import core_groups
from tflprof.targets.guest_root import build_guest_root, phone_files
from tflprof.targets.phone import SOURCED, load_phone, parse_phone, phone_names
from tflprof.targets.probe import parse_probe, read_texts

GOOD = resources.files("tflprof.targets").joinpath("phones", "pixel2.toml").read_text()

# What the inference library asks a phone's kernel (FACTS of the library: its strings).
ASKED = [
    "topology/physical_package_id",
    "topology/cluster_cpus_list",
    "topology/core_siblings_list",
    "cpufreq/cpuinfo_max_freq",
    "cpufreq/cpuinfo_min_freq",
    *(f"cache/index{index}/{name}" for index in range(4) for name in ("level", "size", "shared_cpu_list")),
]


def test_the_promised_phones() -> None:
    assert set(phone_names()) >= {
        *("pixel", "pixel2", "pixel3a", "pixel4", "pixel6", "pixel8"),
        *("galaxy-a52", "galaxy-s21", "galaxy-s23", "rpi3", "rpi4", "rpi5"),
    }


@pytest.mark.parametrize("name", phone_names())
def test_every_phone(name: str) -> None:
    phone = load_phone(name)
    assert phone.title
    assert all(cpu.part and cpu.max_khz for cpu in phone.cpus)
    assert [cpu.index for cpu in phone.cpus] == list(range(len(phone.cpus)))
    assert phone.hwcaps[0] & 0b11 == 0b11, "fp and asimd"
    assert set(phone.sources) == {*SOURCED, "speed"}
    assert all(cluster.memory for cluster in phone.clusters)
    assert all(text.strip() for text in (*phone.sources.values(), *phone.assumed))


def test_pixel2_is_what_it_is() -> None:
    phone = load_phone("pixel2")
    assert phone.hwcaps == (0xFF, 0)
    assert [cpu.midr for cpu in phone.cpus] == [0x51AF8014] * 4 + [0x51AF8001] * 4
    assert [cpu.cluster for cpu in phone.cpus] == [0] * 4 + [1] * 4


def test_feature_bits() -> None:
    assert load_phone("rpi4").hwcaps == (0x887, 0)
    assert load_phone("rpi5").hwcaps == (0x119FFF, 0)


def test_feature_bits_of_a_new_core() -> None:
    """As a real Pixel 8 lists them in cpu/modalias (github.com/pytorch/cpuinfo test/mock/pixel-8.h)."""
    told = [*range(0x20), *range(0x20, 0x2A), 0x2C, 0x2D, 0x31]
    hwcap, hwcap2 = load_phone("pixel8").hwcaps
    assert [bit for bit in range(0x60) if (hwcap | hwcap2 << 32) >> bit & 1] == told


@pytest.mark.parametrize(
    ("feature", "bit"), [("i8mm", 13), ("bti", 17), ("sme", 23), ("sme2", 37), ("poe", 63)]
)
def test_bits_of_the_second_word(feature: str, bit: int) -> None:
    data = GOOD.replace(" crc32", f" crc32 {feature}").encode()
    assert parse_phone("x", data).hwcaps == (0xFF, 1 << bit)


def test_only_what_programs_can_notice_tells_phones_apart() -> None:
    known = parse_phone("x", GOOD.encode()).sha256
    assert parse_phone("x", GOOD.replace("4 GB", "4.0 GB").replace("# ", "#  ").encode()).sha256 == known
    assert parse_phone("x", GOOD.replace("2457600", "2457601").encode()).sha256 != known


@pytest.mark.parametrize("name", phone_names())
def test_the_tree_tells_of_the_phone_what_the_phone_is(name: str, tmp_path: Path) -> None:
    phone = load_phone(name)
    build_guest_root(tmp_path, phone, {})
    probe = parse_probe(read_texts(tmp_path))
    assert probe.cpus == phone.cpus
    assert probe.memory_bytes == phone.memory_mib << 20
    for cpu in phone.cpus:
        for asked in ASKED:
            assert (tmp_path / "sys/devices/system/cpu" / f"cpu{cpu.index}" / asked).is_file(), asked


def test_caches_of_pixel2() -> None:
    files = dict(phone_files(load_phone("pixel2")))
    cache = "sys/devices/system/cpu/cpu5/cache"
    assert files[f"{cache}/index0/size"] == "64K\n"
    assert (files[f"{cache}/index2/level"], files[f"{cache}/index2/size"]) == ("2\n", "2048K\n")
    assert files[f"{cache}/index2/shared_cpu_list"] == "4-7\n"
    assert files[f"{cache}/index3/level"] == ""


def test_caches_of_a_chip_with_a_third_level() -> None:
    files = dict(phone_files(load_phone("rpi5")))
    cache = "sys/devices/system/cpu/cpu1/cache"
    assert files[f"{cache}/index2/shared_cpu_list"] == "1\n"
    assert (files[f"{cache}/index3/level"], files[f"{cache}/index3/size"]) == ("3\n", "2048K\n")
    assert files[f"{cache}/index3/shared_cpu_list"] == "0-3\n"


@pytest.mark.parametrize("name", ["pixel", "pixel6", "pixel8", "galaxy-s23"])
def test_caches_that_the_phones_kernel_does_not_list_are_blank(name: str) -> None:
    files = dict(phone_files(load_phone(name)))
    texts = [text for path, text in files.items() if "/cache/index" in path]
    assert len(texts) == len(load_phone(name).cpus) * 6 * 4
    assert set(texts) == {""}


def test_three_kinds_of_cores_and_four() -> None:
    base = "sys/devices/system/cpu"
    files = dict(phone_files(load_phone("galaxy-s23")))
    assert [files[f"{base}/cpu{cpu}/topology/cluster_cpus_list"] for cpu in (0, 4, 5, 7)] == [
        *("0-2\n", "3-4\n", "5-6\n", "7\n"),
    ]
    assert files[f"{base}/cpu7/cpufreq/cpuinfo_max_freq"] == "3360000\n"
    assert files[f"{base}/possible"] == "0-7\n"
    assert dict(phone_files(load_phone("pixel8")))[f"{base}/possible"] == "0-8\n"


def test_one_core_with_two_clocks_is_two_kinds() -> None:
    cpus = load_phone("pixel4").cpus
    assert core_groups(cpus) == {"little": (0, 1, 2, 3), "mid": (4, 5, 6), "big": (7,), "prime": (7,)}
    assert cpus[4].midr == cpus[7].midr


def test_an_unknown_phone_is_told_with_the_known_ones() -> None:
    with pytest.raises(TargetError, match="no phone 'pixle2'") as caught:
        load_phone("pixle2")
    assert caught.value.hint
    assert "did you mean pixel2?" in caught.value.hint


@pytest.mark.parametrize("name", ["../phones/pixel2", "", "pixel2.toml"])
def test_a_phone_is_no_path(name: str) -> None:
    with pytest.raises(TargetError, match="there is no phone"):
        load_phone(name)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("crc32", "crc33", "unknown features crc33"),
        ("cpus = 4", "cpus = 0", "clusters must have CPUs"),
        ("max_khz = 1900800", "max_khz = 9000000", "slowest first"),
        ("l1d_kib = 64", "l1d_kib = 0", "above 0"),
        ("l1d_kib = 64", "l1_kib = 64", "l1_kib"),
        ("title =", "name =", "title"),
        ("memory_mib", 'colour = "red"\nmemory_mib', "unknown keys colour"),
        ("[[cluster]]", "[[clusters]]", "cluster"),
        ("[sources]", "[where]", "sources"),
        ("clocks = ", "speeds = ", "sources must be told of cores, features"),
        ("speed = ", "velocity = ", "sources must be told of .*, memory, speed"),
        ("read_gb_s = 5.5", "read_gb_s = 0", "speeds of memory must be at least"),
        ("read_gb_s = 5.5", "read_gb_s = nan", "speeds of memory must be at least"),
        ("read_gb_s = 5.5", 'read_gb_s = "fast"', "phone x: TypeError"),
        ("read_gb_s = 5.5", "write_gb_s = 5.5", "write_gb_s"),
        ("read_2_gb_s = 11.0", "read_2_gb_s = 4.0", "not fall with more cores"),
        ("latency_ns = 133", "latency_ns = 0", "latencies of memory must be above 0"),
        (
            "latency_ns = 133",
            "latency_ns = 133\nl3_line_ns = 5",
            "l3_line_ns must be told where there is an L3",
        ),
        ("title = ", "title ", "phone x"),
    ],
)
def test_a_wrong_phone_file(old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(TargetError, match=told):
        parse_phone("x", GOOD.replace(old, new).encode())


def test_the_speed_of_memory_is_not_what_programs_notice() -> None:
    slower = GOOD.replace("read_gb_s = 5.5", "read_gb_s = 5.0")
    assert slower != GOOD
    assert parse_phone("x", slower.encode()).sha256 == parse_phone("x", GOOD.encode()).sha256
    faster = GOOD.replace("max_khz = 1900800", "max_khz = 1900000")
    assert parse_phone("x", faster.encode()).sha256 != parse_phone("x", GOOD.encode()).sha256


def test_a_phone_need_not_tell_the_speed_of_memory() -> None:
    silent = re.sub(r"\[cluster\.memory\]\n(?:\w+ = .*\n)+|speed = .*\n", "", GOOD)
    phone = parse_phone("x", silent.encode())
    assert [cluster.memory for cluster in phone.clusters] == [None, None]
    assert phone.sha256 == parse_phone("x", GOOD.encode()).sha256


def test_clusters_of_cpus() -> None:
    phone = load_phone("galaxy-s23")
    assert [phone.cluster_of(cpu).cpus for cpu in (0, 2, 3, 7)] == [(0, 1, 2), (0, 1, 2), (3, 4), (7,)]
    memory = load_phone("pixel2").cluster_of(7).memory
    assert memory is not None
    assert memory.multi_gb_s == {2: 29.8, 4: 29.8}

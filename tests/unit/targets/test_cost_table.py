from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core_tables import with_class
from tflprof.errors import TargetError, UsageError
from tflprof.targets import cost_table
from tflprof.targets.arm_parts import make_midr
from tflprof.targets.core_table import CLASSES, parse_core
from tflprof.targets.cores import core_groups
from tflprof.targets.cost_table import check_cost_mode, costs_of
from tflprof.targets.phone import Memory, Phone, load_phone, phone_names

CHOICES = [
    (name, core, cpus[-1])
    for name in phone_names()
    for core, cpus in core_groups(load_phone(name).cpus).items()
]


@pytest.mark.parametrize(("name", "core", "cpu"), CHOICES)
def test_every_core_of_every_phone_has_a_file(name: str, core: str, cpu: int) -> None:
    phone = load_phone(name)
    costs = costs_of(phone, cpu, "caches")
    lines = [line.split() for line in costs.text.splitlines()]
    first = {line[0]: line for line in lines}
    assert [line[1] for line in lines if line[0] == "class"] == list(CLASSES)
    assert (first["version"], first["caches"], first["line"]) == (
        ["version", "1"],
        ["caches", "1"],
        ["line", "64"],
    )
    assert int(first["l2"][1]) == phone.cluster_of(cpu).l2_kib << 10
    assert int(first["l3"][1]) == (phone.l3_kib or 0) << 10
    assert (first["l3"] == ["l3", "0", "0"]) == (phone.l3_kib is None) == (first["l3_hit"] == ["l3_hit", "0"])
    assert costs.hertz == phone.cluster_of(cpu).max_khz * 1000
    assert 1 < costs.dram_line_cycles < 200
    assert costs.dram_line_cycles == pytest.approx(float(first["dram_read"][1]), abs=1e-5)
    assert costs.memory is not None
    for cache in ("l1d", "l2", "l3"):
        size, ways = int(first[cache][1]), int(first[cache][2])
        assert size == 0 or size % (64 * ways) == 0
        sets = size // (64 * ways) if size else 1
        assert sets & (sets - 1) == 0, "the sets of a cache are a power of two"


@pytest.mark.parametrize(("name", "core", "cpu"), CHOICES)
def test_without_caches_there_are_no_stalls(name: str, core: str, cpu: int) -> None:
    costs = costs_of(load_phone(name), cpu, "cycles")
    assert (costs.mode, costs.dram_line_cycles) == ("cycles", 0)
    keys = {line.split()[0] for line in costs.text.splitlines()}
    assert keys <= {
        "version",
        "order",
        "width",
        "window",
        "mispredict",
        "pipe",
        "class",
        "accumulate",
        "caches",
        "efficiency",
    }
    assert "\ncaches 0\n" in costs.text


def tiny(monkeypatch: pytest.MonkeyPatch, tuned: str = "") -> Phone:
    """A Pixel 2 whose big cores are the test's."""
    line = "fp_mla_128 = { slots = 2, latency = 7, accumulate = 3, simd = [1, 1], load = 0.125 }"
    text = with_class("fp_mla_128", line).decode().replace("[pipes]", f"{tuned}\n[pipes]")
    table = parse_core(
        "test", text.replace("other = { latency = 2, simd = 1 }", "other = { latency = 2 }").encode()
    )
    monkeypatch.setattr(cost_table, "core_of", lambda _midr: "test")
    monkeypatch.setattr(cost_table, "load_core", lambda _name: table)
    phone = load_phone("pixel2")
    memory = Memory(read_gb_s=16.0, latency_ns=100.0)
    cluster = replace(phone.clusters[1], memory=memory, max_khz=2_000_000)
    return replace(phone, clusters=(phone.clusters[0], cluster))


OWN = """[tuned]
points = ["a test"]
l2 = 1
l3 = 1
dram_read = 1
dram_write = 1
dram_latency = 0
loop = 1
straight = 1
overlap = 0
"""


def test_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    text = costs_of(tiny(monkeypatch, OWN), 7, "caches").text
    head, tail = text.split("class alu ")[0], text.split("class simd_reduce ")[1]
    assert head == "version 1\norder out\nwidth 3\nwindow 40\nmispredict 12.5\npipe simd 2\npipe load 1\n"
    assert "\nclass other 1 2 -\n" in text
    assert "\nclass fp_mla_128 2 7 simd 1 simd 1 load 0.125\naccumulate fp_mla_128 3\n" in text
    assert tail.splitlines() == [
        "1 2 simd 1",
        "caches 1",
        "line 64",
        "l1d 65536 4",
        "l2 2097152 8",
        "l3 0 0",
        "l2_hit 3.8",
        "l3_hit 0",
        "dram_read 8",
        "dram_write 8",
    ]


def test_what_is_tuned_changes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    own = OWN.replace("l2 = 1", "l2 = 0.5").replace("dram_read = 1", "dram_read = 2")
    own = own.replace("dram_latency = 0", "dram_latency = 0.01").replace("straight = 1", "straight = 1.5")
    own = own.replace("overlap = 0", "overlap = 0.25")
    costs = costs_of(tiny(monkeypatch, own), 7, "caches")
    assert "\nl2_hit 1.9\n" in costs.text
    assert "\ndram_read 18\ndram_write 8\n" in costs.text
    assert costs.text.endswith("\noverlap 0.25\nefficiency straight 1.5\n")
    assert costs.dram_line_cycles == 18
    monkeypatch.undo()
    assert costs.sha256 != costs_of(tiny(monkeypatch, OWN), 7, "caches").sha256


def test_what_does_not_change_cycles_does_not_change_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = tiny(monkeypatch, OWN)
    before = costs_of(phone, 7, "caches").sha256
    assert costs_of(replace(phone, title="another", sources={}), 4, "caches").sha256 == before
    slower = replace(phone.clusters[1], max_khz=1_000_000)
    assert costs_of(replace(phone, clusters=(phone.clusters[0], slower)), 4, "caches").sha256 != before


def test_a_core_without_a_table_is_named() -> None:
    phone = load_phone("pixel2")
    unknown = replace(phone.clusters[1], midr=make_midr(0x41, 0, 0xC05, 0))
    with pytest.raises(
        TargetError, match=r"no costs of instructions for the core Cortex-A5 of pixel2"
    ) as caught:
        costs_of(replace(phone, clusters=(phone.clusters[0], unknown)), 7, "cycles")
    assert caught.value.hint == "profile it with --cost instructions"
    nameless = replace(phone.clusters[1], midr=make_midr(0x41, 0, 0x123, 0))
    with pytest.raises(TargetError, match=r"the core with main ID register 0x410f1230 of pixel2"):
        costs_of(replace(phone, clusters=(phone.clusters[0], nameless)), 7, "caches")


def test_a_phone_that_does_not_tell_the_speed_of_memory() -> None:
    phone = load_phone("pixel2")
    silent = replace(phone, clusters=(phone.clusters[0], replace(phone.clusters[1], memory=None)))
    with pytest.raises(TargetError, match="does not tell how fast memory is from CPU 4") as caught:
        costs_of(silent, 7, "caches")
    assert "--cost instructions or cycles" in (caught.value.hint or "")
    assert costs_of(silent, 7, "cycles").memory is None


def test_cost_modes() -> None:
    for mode in ("instructions", "cycles", "caches"):
        check_cost_mode(mode)
    with pytest.raises(UsageError, match="no cost mode 'time'") as caught:
        check_cost_mode("time")
    assert caught.value.hint == "choose instructions, cycles, caches"


def test_substitutes_are_told() -> None:
    assert costs_of(load_phone("pixel2"), 7, "cycles").substitutes == ("cortex-a72",)
    assert costs_of(load_phone("pixel2"), 0, "cycles").substitutes == ()

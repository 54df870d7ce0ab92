"""Which cores of a phone run the model, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phone import VirtualPhone
from tests.phone.product import Command, Ending, fill_store


def refused(phone: VirtualPhone, model: Path, directory: Path, *arguments: str) -> str:
    """The message of a choice of cores that cannot be; nothing must have been pushed for it."""
    ending = Command(phone, model, directory, arguments).finish()
    assert ending.status == 3, ending.stderr
    assert [name for name in phone.files() if "store" in name] == []
    return ending.message


def measured(phone: VirtualPhone, model: Path, directory: Path, *arguments: str) -> Ending:
    ending = Command(phone, model, directory, (*arguments, "--max-seconds", "1")).finish()
    assert ending.status == 0, ending.stderr
    return ending


def used_cores(ending: Ending) -> set[int]:
    assert ending.profile
    cores = ending.profile.table.column("core").drop_null()
    return {int(core.as_py()) for core in cores}


@pytest.mark.parametrize(
    ("arguments", "cpus"),
    [((), (7,)), (("--core", "little"), (3,)), (("--cores", "0x70", "--threads", "2"), (4, 5, 6))],
)
def test_the_model_runs_on_the_chosen_cores(
    phone: VirtualPhone,
    small_network: Path,
    pushed: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    cpus: tuple[int, ...],
) -> None:
    fill_store(phone, pushed)
    ending = measured(phone, small_network, tmp_path, *arguments)
    assert ending.profile
    assert ending.profile.meta.options.cpus == cpus
    assert used_cores(ending) <= set(cpus)
    assert used_cores(ending)


def test_an_offline_core_is_not_chosen(
    phone: VirtualPhone, small_network: Path, pushed: Path, tmp_path: Path
) -> None:
    fill_store(phone, pushed)
    phone.facts.set_online(7, False)
    ending = measured(phone, small_network, tmp_path)
    assert ending.profile
    assert ending.profile.meta.options.cpus == (6,)
    assert [cpu.cluster for cpu in ending.profile.meta.target.cpus] == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--core", "7"), "there is no core '7' that may be used: CPU 7 is offline"),
        (("--cores", "6-7"), "there is no core '6-7' that may be used: CPU 7 is offline"),
        (
            ("--cores", "4-5", "--threads", "3"),
            "core '4-5' has 2 CPU(s), but 3 threads are asked for",
        ),
        (("--threads", "4"), "core 'big' has 3 CPU(s), but 4 threads are asked for: CPU 7 is offline"),
        (("--core", "prime"), "there is no core 'prime': there are two kinds of cores, little and big"),
    ],
)
def test_cores_that_cannot_be_used_are_refused_before_anything_is_pushed(
    phone: VirtualPhone, small_network: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    phone.facts.set_online(7, False)
    assert refused(phone, small_network, tmp_path, *arguments) == message


def test_cores_outside_the_cpuset_are_refused(
    phone: VirtualPhone, small_network: Path, tmp_path: Path
) -> None:
    phone.facts.set_cpuset({0, 1, 2, 3})
    assert refused(phone, small_network, tmp_path) == (
        "there is no core 'big' that may be used: CPU 4-7 is not allowed to this process"
    )

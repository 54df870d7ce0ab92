from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.errors import TargetError, UsageError
from tflprof.targets import cost_table, emulated
from tflprof.targets.cost_table import costs_of
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import Emulator, Plugin
from tflprof.targets.phone import load_phone


def make_device(
    monkeypatch: pytest.MonkeyPatch, folder: Path, phone: str, cost: str = "caches", api: int = 1
) -> EmulatedDevice:
    """A phone on an emulator that prints what it is started with, and the core file."""
    program, plugin = folder / "qemu", folder / "plugin.so"
    program.write_text('#!/bin/sh\necho "$@"\ncat core 2>&1\n')
    program.chmod(0o755)
    plugin.write_bytes(b"")
    monkeypatch.setattr(emulated, "find_emulator", lambda: Emulator(program, "QEMU", api))
    monkeypatch.setattr(emulated, "find_guest_libraries", dict)
    return EmulatedDevice(phone, lambda wanted: Plugin(plugin, f"sources for {wanted}"), cost)


def started_with(device: EmulatedDevice) -> str:
    """What the emulator is started with, in the first line, and the core file in those after it."""
    workspace = device.workspace()
    process = workspace.spawn([workspace.push(device._plugin.path, "runner"), "options"])
    text = b"".join(process.lines()).decode()
    process.wait()
    workspace.close()
    device.close()
    return text


def test_properties_of_the_emulated_cpu_reach_the_emulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "-cpu max,sme=off,sve=off -seed 1 " in started_with(
        make_device(monkeypatch, tmp_path, "galaxy-s23")
    )


@pytest.mark.parametrize(("api", "fixed"), [(1, False), (2, True)])
def test_addresses_are_fixed_where_the_emulator_would_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: int, fixed: bool
) -> None:
    assert (" -R 0x" in started_with(make_device(monkeypatch, tmp_path, "pixel2", api=api))) == fixed


@pytest.mark.parametrize(
    ("cost", "counters", "provenance"),
    [
        ("instructions", ("instructions",), "emulated"),
        ("cycles", ("instructions", "cycles", "dram_lines"), "predicted"),
        ("caches", ("instructions", "cycles", "dram_lines"), "predicted"),
    ],
)
def test_what_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cost: str, counters: tuple[str, ...], provenance: str
) -> None:
    device = make_device(monkeypatch, tmp_path, "pixel2", cost)
    assert (device.cost, device.counters, device.provenance) == (cost, counters, provenance)
    options = device.runner_options(None)
    assert tuple(value for key, value in options if key == "counter") == counters
    assert ("guest_cpu", "7") in options
    command, _, core = started_with(device).partition("\n")
    assert ("page=./counters,core=./core " in command) == (cost != "instructions")
    assert core.startswith("version 1\norder out\n") == (cost != "instructions")
    assert ("\ncaches 1\n" in core) == (cost == "caches")


def test_the_core_file_is_that_of_the_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = make_device(monkeypatch, tmp_path, "pixel2")
    device.runner_options((3,))
    assert device.core_costs((3,)).name == "cortex-a53"
    assert device.core_costs(None).name == device.core_costs((6, 7)).name == "cortex-a73"
    assert device.core_costs(None).hertz == 2_457_600_000
    assert started_with(device).partition("\n")[2] == costs_of(load_phone("pixel2"), 3, "caches").text


def test_instructions_have_no_costs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = make_device(monkeypatch, tmp_path, "pixel2", "instructions")
    with pytest.raises(TargetError, match="instructions alone are counted"):
        device.core_costs(None)
    device.close()


def test_there_is_no_such_cost_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no cost mode 'time'"):
        make_device(monkeypatch, tmp_path, "pixel2", "time")


def test_a_core_without_a_table_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cost_table, "core_of", lambda _midr: None)
    device = make_device(monkeypatch, tmp_path, "pixel6")
    with pytest.raises(
        TargetError, match="no costs of instructions for the core Cortex-X1 of pixel6"
    ) as caught:
        device.workspace()
    assert caught.value.hint == "profile it with --cost instructions"
    device.close()
    assert not device.root.exists()

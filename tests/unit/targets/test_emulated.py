from __future__ import annotations

from pathlib import Path

import pytest

from tflprof.targets import emulated
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.emulator import Emulator, Plugin


def command_line(monkeypatch: pytest.MonkeyPatch, folder: Path, api: int, phone: str) -> str:
    """What the emulator is started with; a script that prints it stands in its place."""
    program, plugin = folder / "qemu", folder / "plugin.so"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    plugin.write_bytes(b"")
    monkeypatch.setattr(emulated, "find_emulator", lambda: Emulator(program, "QEMU", api))
    monkeypatch.setattr(emulated, "find_guest_libraries", dict)
    device = EmulatedDevice(phone, lambda wanted: Plugin(plugin, f"sources for {wanted}"))
    workspace = device.workspace()
    process = workspace.spawn([workspace.push(plugin, "runner"), "options"])
    text = b"".join(process.lines()).decode()
    assert process.wait() == 0
    workspace.close()
    device.close()
    return text


def test_properties_of_the_emulated_cpu_reach_the_emulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "-cpu max,sme=off,sve=off -seed 1 " in command_line(monkeypatch, tmp_path, 1, "galaxy-s23")


@pytest.mark.parametrize(("api", "fixed"), [(1, False), (2, True)])
def test_addresses_are_fixed_where_the_emulator_would_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: int, fixed: bool
) -> None:
    assert (" -R 0x" in command_line(monkeypatch, tmp_path, api, "pixel2")) == fixed

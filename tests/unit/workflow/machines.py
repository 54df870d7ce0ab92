"""Machines of other systems, for tests of the doctor."""

from __future__ import annotations

from typing import Any

import pytest

from tflprof.workflow.checkup import check as checking

DEBIAN = {"ID": "debian", "PRETTY_NAME": "Debian 12"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian", "PRETTY_NAME": "Ubuntu 24.04"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "PRETTY_NAME": "Mint"}
FEDORA = {"ID": "fedora", "PRETTY_NAME": "Fedora Linux 41"}


def raising(error: Exception) -> Any:
    def call(*_: object, **__: object) -> None:
        raise error

    return call


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the machine be of another system and user."""

    def pretend(release: dict[str, str], *, root: bool = False, sudo: bool = True) -> None:
        monkeypatch.setattr("platform.freedesktop_os_release", lambda: release)
        monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(checking.shutil, "which", lambda name: f"/usr/bin/{name}" if sudo else None)

    return pretend

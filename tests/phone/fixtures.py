"""Fixtures of the virtual phone. A machine that cannot host one fails the tests that need it, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.phone.product import Command, Fault, fill_store, save_store
from tests.phone.server import AdbServer
from tests.phone.virtual_phone import VirtualPhone
from tflprof.model.build import build_network


@pytest.fixture(scope="session")
def adb_server() -> Iterator[AdbServer]:
    """One adb server for the phones of this test process."""
    with AdbServer() as server:
        yield server


@pytest.fixture
def phone(adb_server: AdbServer) -> Iterator[VirtualPhone]:
    """A fresh phone like a Pixel 2 of today."""
    with VirtualPhone(server=adb_server) as phone:
        yield phone


@pytest.fixture
def phone_v1(adb_server: AdbServer) -> Iterator[VirtualPhone]:
    """A fresh phone whose daemon is too old for shell_v2: merged output with CR LF, no exit status."""
    with VirtualPhone(server=adb_server, shell_v2=False, crlf=True) as phone:
        yield phone


@pytest.fixture(scope="session")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that an emulated core runs in some 20 ms."""
    path = tmp_path_factory.mktemp("networks") / "small.tflite"
    path.write_bytes(build_network("mobilenet_v1", 32, 0.25))
    return path


@pytest.fixture(scope="session")
def pushed(adb_server: AdbServer, small_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first run leaves on a phone, to spare later phones the push."""
    directory = tmp_path_factory.mktemp("pushed")
    with VirtualPhone(server=adb_server) as phone:
        ending = Command(phone, small_network, directory, ["--max-seconds", "1"]).finish()
        assert ending.status == 0, ending.stderr
        save_store(phone, directory / "store")
    return directory / "store"


@pytest.fixture
def fault(
    phone: VirtualPhone, small_network: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> Iterator[Fault]:
    """A phone that tflprof has never been used on, and a network to profile on it."""
    fault = Fault(phone, small_network, tmp_path, record_property)
    yield fault
    fault.close()


@pytest.fixture
def probed(fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that remembers on which phones a library works: no run has been there, so each tries it first."""
    cache, shared = (
        tmp_path / "cache" / "tflprof",
        Path(fault.phone.environment["XDG_CACHE_HOME"]) / "tflprof",
    )
    cache.mkdir(parents=True)
    (cache / "runtimes").symlink_to(shared / "runtimes")
    monkeypatch.setitem(fault.phone.environment, "XDG_CACHE_HOME", str(cache.parent))
    return cache / "probed"


@pytest.fixture
def used(fault: Fault, pushed: Path) -> Fault:
    """The same on which everything was pushed before."""
    fill_store(fault.phone, pushed)
    return fault

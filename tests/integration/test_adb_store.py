"""Files on a phone: pushed once, verified there, removed by clean."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.phone import VirtualPhone
from tflprof.errors import DeviceLost, EnvironmentFault
from tflprof.targets.adb import store as module
from tflprof.targets.adb.client import AdbServer
from tflprof.targets.adb.link import AdbLink
from tflprof.targets.adb.store import STORE, LocalFile, Store, local_file

OWNER = "0123abcd"


@pytest.fixture
def link(phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch) -> AdbLink:
    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    return AdbLink(AdbServer(), phone.serial, "Pixel 2")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where files were sent to, in order."""
    places: list[str] = []
    original = AdbLink.push

    def push(self: AdbLink, source: object, remote: str, *more: object) -> None:
        places.append(remote)
        original(self, source, remote, *more)

    monkeypatch.setattr(AdbLink, "push", push)
    return places


def make(directory: Path, name: str, size: int, seed: bytes = b"") -> LocalFile:
    path = directory / name
    path.write_bytes(hashlib.shake_128(seed + name.encode()).digest(size))
    return local_file(path)


def ignore(_done: int, _total: int) -> None:
    pass


def content(phone: VirtualPhone, file: LocalFile) -> bytes:
    return (phone.root / file.remote.lstrip("/")).read_bytes()


def in_store(phone: VirtualPhone) -> set[str]:
    return {path.name for path in (phone.root / STORE.lstrip("/")).iterdir()}


def test_a_second_run_pushes_nothing(
    phone: VirtualPhone, link: AdbLink, sent: list[str], tmp_path: Path
) -> None:
    files = [make(tmp_path, "one", 200_001), make(tmp_path, "two", 70_000), make(tmp_path, "empty", 0)]
    told: list[tuple[int, int]] = []
    Store(link, OWNER).ensure(files, lambda done, total: told.append((done, total)))
    assert len(sent) == 3
    assert told[-1] == (270_001, 270_001)
    assert told == sorted(told)
    assert all(content(phone, file) == file.path.read_bytes() for file in files)
    assert in_store(phone) == {file.sha256 for file in files}
    Store(link, OWNER).ensure(files, ignore)
    assert len(sent) == 3


def test_files_of_one_size_are_not_confused(
    phone: VirtualPhone, link: AdbLink, sent: list[str], tmp_path: Path
) -> None:
    store = Store(link, OWNER)
    for seed in (b"a", b"b"):
        file = make(tmp_path, "model", 50_000, seed)
        store.ensure([file], ignore)
        assert content(phone, file) == file.path.read_bytes()
    assert len(sent) == 2


def test_equal_files_are_pushed_once(link: AdbLink, sent: list[str], tmp_path: Path) -> None:
    files = []
    for name in ("$(touch x) 'y'.tflite", "ü" * 100 + ".tflite", "two\nlines.tflite"):
        (tmp_path / name).write_bytes(b"the same")
        files.append(local_file(tmp_path / name))
    Store(link, OWNER).ensure(files, ignore)
    assert len(sent) == 1


def test_a_truncated_file_is_pushed_again(
    phone: VirtualPhone, link: AdbLink, sent: list[str], tmp_path: Path
) -> None:
    file = make(tmp_path, "model", 50_000)
    Store(link, OWNER).ensure([file], ignore)
    phone.shell(f"echo > {file.remote}")
    Store(link, OWNER).ensure([file], ignore)
    assert content(phone, file) == file.path.read_bytes()
    assert len(sent) == 2


def test_a_corrupted_transfer_is_repeated(
    phone: VirtualPhone, link: AdbLink, sent: list[str], tmp_path: Path
) -> None:
    phone.change(corrupt_pushes=1)
    files = [make(tmp_path, "one", 100_000), make(tmp_path, "two", 100_000)]
    Store(link, OWNER).ensure(files, ignore)
    assert len(sent) == 3
    assert all(content(phone, file) == file.path.read_bytes() for file in files)
    assert in_store(phone) == {file.sha256 for file in files}


def test_corruption_without_end_is_an_error(phone: VirtualPhone, link: AdbLink, tmp_path: Path) -> None:
    phone.change(corrupt_pushes=100)
    with pytest.raises(EnvironmentFault, match=r"model arrived corrupted on Pixel 2, twice") as caught:
        Store(link, OWNER).ensure([make(tmp_path, "model", 100_000)], ignore)
    assert caught.value.hint
    assert in_store(phone) == set()


@pytest.mark.parametrize("tools", [("no-such-sum", "sha1sum"), ("no-such-sum", "md5sum"), ("no-such-sum",)])
def test_phones_without_sha256sum_verify_in_another_way(
    phone: VirtualPhone,
    link: AdbLink,
    sent: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tools: tuple[str, ...],
) -> None:
    monkeypatch.setattr(module, "_TOOLS", tools)
    phone.change(corrupt_pushes=1)
    file = make(tmp_path, "model", 100_000)
    Store(link, OWNER).ensure([file], ignore)
    assert content(phone, file) == file.path.read_bytes()
    assert len(sent) == 2


def test_space_is_looked_at_first(
    phone: VirtualPhone, link: AdbLink, sent: list[str], tmp_path: Path
) -> None:
    phone.fill_storage(4 << 20)
    file = make(tmp_path, "model", 5_000_000)
    with pytest.raises(EnvironmentFault, match=r"5,000,000 bytes are needed .* are free") as caught:
        Store(link, OWNER).ensure([file], ignore)
    assert "tflprof clean" in (caught.value.hint or "")
    assert sent == []


def test_storage_that_fills_up_meanwhile(
    phone: VirtualPhone, link: AdbLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.fill_storage(4 << 20)
    # As if the space had gone after the first look.
    monkeypatch.setattr(Store, "_make_room", lambda _self, _needed: None)
    with pytest.raises(EnvironmentFault, match=r"storage of Pixel 2 is full: 6,000,000 bytes"):
        Store(link, OWNER).ensure([make(tmp_path, "model", 6_000_000)], ignore)
    assert in_store(phone) == set()


def test_storage_that_cannot_be_written(phone: VirtualPhone, link: AdbLink, tmp_path: Path) -> None:
    phone.set_read_only()
    with pytest.raises(EnvironmentFault, match=r"cannot write to /data/local/tmp .*[Rr]ead-only"):
        Store(link, OWNER).ensure([make(tmp_path, "model", 1000)], ignore)


def test_a_broken_push_leaves_nothing_for_long(phone: VirtualPhone, link: AdbLink, tmp_path: Path) -> None:
    file = make(tmp_path, "model", 2_000_000)

    def cut(_done: int, _total: int) -> None:
        phone.wait_until(lambda: in_store(phone), "nothing arrives")
        phone.cut_link()

    with pytest.raises(DeviceLost):
        Store(link, OWNER).ensure([file], cut)
    assert link.lost
    phone.restore_link()
    (part,) = in_store(phone)
    assert part.startswith(f"push.part-{OWNER}-")
    Store(link, OWNER).ensure([file], ignore)
    assert in_store(phone) == {file.sha256}


def test_a_push_that_is_interrupted_leaves_nothing(
    phone: VirtualPhone, link: AdbLink, tmp_path: Path
) -> None:
    def interrupt(_done: int, _total: int) -> None:
        phone.wait_until(lambda: in_store(phone), "nothing arrives")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(link, OWNER).ensure([make(tmp_path, "model", 2_000_000)], interrupt)
    assert in_store(phone) == set()


def test_what_cannot_be_read_here(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(EnvironmentFault, match=str(path)):
            local_file(path)


def test_a_changed_file_has_another_hash(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"one")
    first = local_file(path)
    assert local_file(path) is first
    path.write_bytes(b"other")
    assert local_file(path).sha256 == hashlib.sha256(b"other").hexdigest()

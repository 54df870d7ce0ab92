from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault
from tflprof.targets.local import LocalWorkspace, make_private_directory


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    root = tmp_path / "root"
    root.mkdir()
    made = LocalWorkspace(root, "work", "/seen/as", list)
    yield made
    made.close()


def test_pushed_files_are_links_with_fixed_names(workspace: LocalWorkspace, tmp_path: Path) -> None:
    local = tmp_path / "a file"
    local.write_bytes(b"content")
    assert workspace.push(local, "name") == "/seen/as/name"
    assert (workspace.directory / "name").resolve() == local
    assert workspace.path("later") == "/seen/as/later"


def test_a_program_without_its_bit_gets_it(workspace: LocalWorkspace, tmp_path: Path) -> None:
    local = tmp_path / "program"
    local.write_text("#!/bin/sh\npwd; env\n")
    local.chmod(0o644)
    workspace.push(local, "program", executable=True)
    process = workspace.spawn(["./program"])
    lines = [line for line in process.lines() if not line.startswith((b"PWD=", b"SHLVL=", b"_=", b"OLDPWD="))]
    assert lines == [f"{workspace.directory}\n".encode()]
    assert process.wait() == 0


def test_pull(workspace: LocalWorkspace, tmp_path: Path) -> None:
    workspace.write("made", b"123")
    workspace.pull("made", tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == b"123"
    with pytest.raises(EnvironmentFault, match="cannot copy missing"):
        workspace.pull("missing", tmp_path / "there")


def test_what_cannot_be_pushed(workspace: LocalWorkspace, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="is not a file"):
        workspace.push(tmp_path, "name")
    with pytest.raises(EnvironmentFault, match="No such file"):
        workspace.push(tmp_path / "missing", "name")


def test_a_program_that_cannot_start(workspace: LocalWorkspace) -> None:
    with pytest.raises(EnvironmentFault, match=r"cannot start \./missing"):
        workspace.spawn(["./missing"])


def test_close_removes_everything_twice(workspace: LocalWorkspace) -> None:
    workspace.write("file", b"")
    workspace.close()
    workspace.close()
    assert not workspace.directory.parent.exists()


def test_no_place_for_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(EnvironmentFault, match="cannot make a temporary directory"):
        make_private_directory("x-")

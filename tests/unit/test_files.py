"""Writing in one step, and what a command imports to do it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault, UsageError
from tflprof.files import check_writable, write_atomically


def test_a_file_appears_whole_with_the_usual_permissions(tmp_path: Path) -> None:
    usual, path = tmp_path / "usual", tmp_path / "file"
    usual.touch()
    write_atomically(path, lambda part: part.write_text("new"))
    assert path.read_text() == "new"
    assert path.stat().st_mode == usual.stat().st_mode
    assert {each.name for each in tmp_path.iterdir()} == {"usual", "file"}


def test_a_failure_keeps_the_old_file_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(EnvironmentFault, match="No space left"):
        write_atomically(path, full)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_no_folder_to_write_in(tmp_path: Path) -> None:
    path = tmp_path / "no" / "file"
    with pytest.raises(EnvironmentFault, match="cannot write"):
        write_atomically(path, lambda part: part.write_text("x"))
    with pytest.raises(UsageError, match="does not exist"):
        check_writable(path, overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
def test_a_folder_in_which_nobody_can_make_a_file() -> None:
    with pytest.raises(EnvironmentFault, match="the folder /proc is not writable"):
        check_writable(Path("/proc/x"), overwrite=True)


def test_looking_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "file", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_building_a_network_loads_no_pyarrow(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tflprof.cli.main import run\n"
        "sys.argv = ['tflprof', 'build', 'mobilenet_v1', '--size', '32', '--width', '0.25', '-o', 'n.tflite']\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'pyarrow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "n.tflite").is_file()

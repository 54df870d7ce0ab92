"""The wheel carries all it needs: installed elsewhere, away from the sources, it profiles a network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER_FILES = {
    "build.json",
    "tflprof-counter1-linux-aarch64.so",
    "tflprof-counter1-linux-x86_64.so",
    "tflprof-counter2-linux-aarch64.so",
    "tflprof-counter2-linux-x86_64.so",
    "tflprof-runner-android-aarch64",
    "tflprof-runner-android-armv7",
    "tflprof-runner-android-x86_64",
    "tflprof-runner-linux-aarch64",
    "tflprof-runner-linux-x86_64",
}


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed, run without what points at the sources."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it; the dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    install = ("install", "--quiet", "--no-index", "--no-deps", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    (site_packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


def test_the_wheel_carries_the_runners(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    prefix = "tflprof/runner/bin/"
    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == RUNNER_FILES
    assert not [name for name in names if not name.startswith(("tflprof/", "tflprof-"))]


def test_it_carries_every_data_file_of_the_package(wheel: Path) -> None:
    listing = run("git", "ls-files", "tflprof", cwd=ROOT).splitlines()
    with zipfile.ZipFile(wheel) as archive:
        assert set(listing) <= set(archive.namelist())


def test_it_runs_away_from_the_sources(elsewhere: Path) -> None:
    python = elsewhere / "venv" / "bin" / "python"
    package = run(python, "-c", "import tflprof; print(tflprof.__file__)", cwd=elsewhere)
    assert Path(package.strip()).is_relative_to(elsewhere)
    version = run(elsewhere / "venv" / "bin" / "tflprof", "--version", cwd=elsewhere)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] in version


def test_it_profiles_a_network_on_the_host(elsewhere: Path) -> None:
    tflprof = elsewhere / "venv" / "bin" / "tflprof"
    small = ("--size", "96", "--width", "0.25")
    run(tflprof, "build", "mobilenet_v1", *small, "-o", "net.tflite", cwd=elsewhere)
    options = ("--target", "host", "--max-seconds", "2", "-o", "net.parquet", "--html", "net.html")
    run(tflprof, "profile", "net.tflite", *options, cwd=elsewhere)
    assert (elsewhere / "net.parquet").stat().st_size > 0
    assert "<html" in (elsewhere / "net.html").read_text(encoding="utf-8")

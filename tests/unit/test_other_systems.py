"""On systems that lack what Linux has, all of tflprof that needs no device works, and the rest says what is missing.

They are pretended (tests/foreign_system.py), each in a process of its own; on macOS or Windows itself nothing was run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_profile
from tflprof.profile.store import write_profile

ROOT = Path(__file__).resolve().parents[2]

# Others' packages are loaded before: they have parts of their own for each system.
PRELUDE = """
import importlib, json, pkgutil, sys
import typer, rich.console, rich.progress, rich.table, numpy, pyarrow.parquet, duckdb, jinja2, flatbuffers, adbutils
import ctypes, multiprocessing, subprocess, tempfile
import matplotlib.pyplot
from tests.foreign_system import call_it, lack
lack(sys.argv[1]); call_it(sys.argv[1])
"""
IMPORT_ALL = """
import tflprof
names = [module.name for module in pkgutil.walk_packages(tflprof.__path__, "tflprof.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
COMMANDS = """
from typer.testing import CliRunner
from tflprof.cli.main import app
done = [CliRunner().invoke(app, words) for words in json.loads(sys.argv[2])]
print(json.dumps([(one.exit_code, one.output) for one in done]))
"""


def pretended(system: str, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, system, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def outcomes(system: str, *commands: list[str]) -> list[tuple[int, str]]:
    """Exit status and normalised output of each command."""
    told = json.loads(pretended(system, COMMANDS, json.dumps(commands)).splitlines()[-1])
    return [(status, " ".join(output.split())) for status, output in told]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_every_module_can_be_imported(system: str) -> None:
    assert int(pretended(system, IMPORT_ALL)) > 300


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_what_needs_no_device_works(system: str, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    for file in files:
        write_profile(make_profile(), Path(file))
    model = str(tmp_path / "m.tflite")
    for status, output in outcomes(
        system,
        ["--help"],
        ["build", "conv_2d", "-o", model],
        ["inspect", model],
        ["show", files[0]],
        ["compare", *files],
        ["report", files[0], "-o", str(tmp_path / "r.html")],
        ["history", str(tmp_path)],
        ["runtimes", "list"],
    ):
        assert status == 0, output


@pytest.mark.parametrize(
    ("system", "platform", "library"),
    [("darwin", "darwin-aarch64", "libLiteRt.dylib"), ("win32", "windows-x86_64", "libLiteRt.dll")],
)
def test_what_needs_one_says_what_is_missing(
    system: str, platform: str, library: str, tmp_path: Path
) -> None:
    model = str(tmp_path / "m.tflite")
    _, host, interpreter = outcomes(
        system,
        ["build", "conv_2d", "-o", model],
        ["profile", model, "--target", "host"],
        ["profile", model, "--target", "interpreter"],
    )
    assert host[0] == interpreter[0] == 3
    assert f"there is no runner for {platform}" in host[1]
    assert "--target interpreter" in host[1]
    assert f"no inference library for {platform}" in interpreter[1]
    assert f"give a {library}" in interpreter[1]

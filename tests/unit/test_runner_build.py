"""The build script of the runner, with a compiler that is a script."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from android_runner import build as script

# Writes its arguments, but for the places of this build's files, to the output; fails when told to by a file
# beside it.
COMPILER = f"""#!{sys.executable}
import pathlib, sys
here = pathlib.Path(__file__).parent
if sys.argv[1:] == ["version"]:
    print((here / "version").read_text())
    sys.exit()
if sys.argv[1:] == ["env"]:
    print('.lib_dir = "lib",')
    sys.exit()
at = sys.argv.index("-o")
output = pathlib.Path(sys.argv[at + 1])
output.write_text(repr([argument for argument in sys.argv[1:at] if ".building-" not in argument]))
with (here / "calls").open("a") as calls:
    calls.write(output.name + "\\n")
sys.exit((here / "broken").exists())
"""


@pytest.fixture
def zig(tmp_path: Path) -> Path:
    path = tmp_path / "zig"
    path.write_text(COMPILER)
    path.chmod(0o755)
    (tmp_path / "version").write_text("1.2.3")
    return path


def calls(zig: Path) -> list[str]:
    """What was compiled, but for the libraries that the programs for Android are linked against."""
    built = (zig.parent / "calls").read_text().splitlines()
    return [name for name in built if name.startswith("tflprof-")]


def names(binaries: Sequence[script.Binary] = script.BINARIES) -> set[str]:
    return {binary.name for binary in binaries}


def test_it_builds_every_binary_and_says_what_they_are(zig: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = script.build(out, [str(zig)])
    assert {path.name for path in out.iterdir()} == names() | {"build.json"}
    assert json.loads((out / "build.json").read_text()) == manifest
    assert manifest["zig"] == "1.2.3"
    assert re.fullmatch("[0-9a-f]{12}", str(manifest["build"]))
    assert isinstance(manifest["sha256"], dict)
    assert set(manifest["sha256"]) == names()
    assert f'-DRUNNER_BUILD="{manifest["build"]}"' in (out / "tflprof-runner-linux-aarch64").read_text()


def test_it_does_nothing_when_up_to_date(zig: Path, tmp_path: Path) -> None:
    first = script.build(tmp_path / "out", [str(zig)])
    before = calls(zig)
    assert script.build(tmp_path / "out", [str(zig)]) == first
    assert calls(zig) == before == [binary.name for binary in script.BINARIES]


@pytest.mark.parametrize("spoil", ["change", "remove", "manifest"])
def test_it_builds_again_when_an_output_is_not_what_was_built(zig: Path, tmp_path: Path, spoil: str) -> None:
    out = tmp_path / "out"
    first = script.build(out, [str(zig)])
    spoilt = out / ("build.json" if spoil == "manifest" else script.BINARIES[0].name)
    good = spoilt.read_bytes()
    if spoil == "remove":
        spoilt.unlink()
    else:
        spoilt.write_text("something else")
    assert script.build(out, [str(zig)]) == first
    assert spoilt.read_bytes() == good


def test_another_compiler_is_another_build(zig: Path, tmp_path: Path) -> None:
    first = script.build(tmp_path / "out", [str(zig)])
    (tmp_path / "version").write_text("1.2.4")
    assert script.build(tmp_path / "out", [str(zig)])["build"] != first["build"]


def test_the_identity_covers_sources_and_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = script.build_id("1")
    assert first == script.build_id("1") != script.build_id("2")
    (tmp_path / "plugin").mkdir()
    (tmp_path / "main.c").write_text("int main;")
    monkeypatch.setattr(script, "SOURCES", tmp_path)
    one = script.build_id("1")
    (tmp_path / "main.c").write_text("long main;")
    two = script.build_id("1")
    (tmp_path / "plugin" / "counter.c").write_text("")
    three = script.build_id("1")
    monkeypatch.setattr(script, "COMMON_FLAGS", (*script.COMMON_FLAGS, "-O3"))
    assert len({first, one, two, three, script.build_id("1")}) == 5


def test_what_counts_of_the_plugin_is_what_it_is_made_of(
    zig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profiles tell it: binaries for other hosts and interfaces, and from other compilers, count alike."""
    assert script.build(tmp_path / "out", [str(zig)])["plugin"] == script.plugin_id()
    (tmp_path / "plugin").mkdir()
    monkeypatch.setattr(script, "SOURCES", tmp_path)
    seen = []
    for name in ("main.c", "plugin/counter.c", "counters.h"):
        (tmp_path / name).write_text(name)
        seen.append(script.plugin_id())
    assert seen[0] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "of nothing"
    assert len(set(seen)) == 3


def test_a_failed_build_leaves_the_old_one(
    zig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    script.build(out, [str(zig)])
    good = {path.name: path.read_bytes() for path in out.iterdir()}
    (tmp_path / "broken").touch()
    monkeypatch.setattr(script, "COMMON_FLAGS", ())
    assert script.main(["--out", str(out), "--zig", str(zig)]) == 1
    assert "build failed" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == good


def test_the_command_prints_the_manifest(
    zig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--out", str(tmp_path / "out"), "--zig", str(zig)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "build.json").read_text())


def test_no_path_of_this_machine_reaches_the_compiler(zig: Path, tmp_path: Path) -> None:
    script.build(tmp_path / "out", [str(zig)])
    for name in names():
        told = (tmp_path / "out" / name).read_text().replace(f"-ffile-prefix-map={script.SOURCES}=.", "")
        assert str(script.SOURCES) not in told

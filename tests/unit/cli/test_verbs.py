from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.factories import make_profile
from tests.unit.cli.conftest import Run
from tflprof.model.build import NETWORKS, build_micro
from tflprof.profile.store import write_profile
from tflprof.targets.listing import TargetInfo


@pytest.fixture
def stored(folder: Path) -> Path:
    return write_profile(make_profile(), folder / "p.parquet")


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout.startswith("tflprof 0.")
    text = run("--help").stdout
    for verb in ("profile", "show", "inspect", "targets", "build", "report"):
        assert f"\n  {verb} " in text
        assert run(verb, "--help").exit_code == 0


def test_show(run: Run, stored: Path) -> None:
    result = run("show", stored)
    assert result.exit_code == 0
    assert "unattributed" in result.stdout
    assert "5 more layers" in run("show", stored, "--top", 1).stdout
    assert json.loads(run("show", stored, "--json").stdout)["total"]["n"] == 960


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but not really"])
def test_show_what_is_no_profile(run: Run, content: bytes | None) -> None:
    if content is not None:
        Path("x").write_bytes(content)
    result = run("show", "x")
    assert result.exit_code == 2
    assert "x" in result.stderr
    assert result.stdout == ""


def test_report(run: Run, stored: Path) -> None:
    assert run("report", stored).exit_code == 0
    page = stored.with_suffix(".html")
    assert "<!doctype html>" in page.read_text(encoding="utf-8")
    again = run("report", stored)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    assert run("report", stored, "--force").exit_code == 0
    assert run("report", stored, "-o", stored, "--force").exit_code == 2


def test_build_and_inspect(run: Run) -> None:
    assert run("build", "mobilenet_v1", "--size", 32, "--width", 0.25, "-o", "n.tflite").exit_code == 0
    assert run("build", "mobilenet_v1", "--size", 32, "-o", "n.tflite").exit_code == 2
    table = run("inspect", "n.tflite")
    assert table.exit_code == 0
    assert "DEPTHWISE_CONV_2D" in table.stdout
    document = json.loads(run("inspect", "n.tflite", "--json").stdout)
    assert document["total"]["macs"] > 0
    assert len(document["ops"]) > 20


def test_inspect_says_what_stands_out(run: Run) -> None:
    """Lints are told in any case, change no status, and can be left out."""
    Path("n.tflite").write_bytes(build_micro("two_partitions"))
    said, left_out = run("inspect", "n.tflite"), run("inspect", "n.tflite", "--no-lints")
    assert (said.exit_code, left_out.exit_code) == (0, 0)
    assert "2 partitions, 1 without" in " ".join(said.stdout.split())
    assert "stands out" not in left_out.stdout
    assert json.loads(run("inspect", "n.tflite", "--json").stdout)["lints"][0]["code"] == "refused"
    assert json.loads(run("inspect", "n.tflite", "--json", "--no-lints").stdout)["lints"] is None


def test_build_an_unknown_network(run: Run) -> None:
    result = run("build", "mobilnet_v1", "-o", "n.tflite")
    assert result.exit_code == 2
    assert "did you mean mobilenet_v1?" in " ".join(result.stderr.split())
    assert all(name in "".join(result.stderr.split()) for name in NETWORKS)
    assert not Path("n.tflite").exists()


@pytest.mark.parametrize("content", [None, b"", b"\0" * 64, b"<html>"])
def test_inspect_what_is_no_model(run: Run, content: bytes | None) -> None:
    if content is not None:
        Path("x.tflite").write_bytes(content)
    result = run("inspect", "x.tflite")
    assert result.exit_code == 2
    assert "x.tflite" in result.stderr
    assert result.stdout == ""


def test_targets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = ("no qemu-aarch64", "apt-get install qemu-user")
    found = [
        TargetInfo("host", True, "measured", "Test CPU", "0-3"),
        TargetInfo("emulated:pixel2", False, "emulated", "Pixel 2", "big, little", *lacking),
    ]
    monkeypatch.setattr("tflprof.workflow.targets.list_targets", lambda: found)
    text = run("targets").stdout
    assert "emulated:pixel2" in text
    assert "emulated:pixel2: no qemu-aarch64\n  → apt-get install qemu-user" in text
    host, pixel = json.loads(run("targets", "--json").stdout)["targets"]
    assert (host["usable"], host["reason"]) == (True, None)
    assert pixel["remedy"] == "apt-get install qemu-user"


@pytest.mark.parametrize("verb", ["show", "inspect", "report"])
def test_v_may_follow_the_verb(run: Run, verb: str) -> None:
    assert "Traceback" in run(verb, "missing", "-v").stderr
    assert "Traceback" not in run(verb, "missing").stderr


@pytest.mark.parametrize("verb", ["profile", "show", "inspect", "targets", "build", "report"])
def test_every_verb_takes_v(run: Run, verb: str) -> None:
    assert "-v, --verbose" in run(verb, "--help").stdout


def test_unknown_verbs_and_options_are_usage_errors(run: Run) -> None:
    assert run("prfile").exit_code == 2
    assert run("show", "--zzz", "x").exit_code == 2
    assert run("profile").exit_code == 2

"""``tflprof export``, and ``tflprof import`` of what it wrote."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.factories import make_profile
from tests.log_samples import FOLDER
from tests.unit.cli.conftest import Run
from tests.unit.report.export.nested import loop_profile
from tflprof.cli.export import Format, _print
from tflprof.profile.store import read_profile, write_profile
from tflprof.report.export.formats import BINARY, FORMATS, export_profile


@pytest.fixture
def stored(folder: Path) -> Path:
    return write_profile(make_profile(processes=2), folder / "p.parquet")


def test_the_command_line_offers_all_formats() -> None:
    assert tuple(Format) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_and_a_file_get_the_same(run: Run, stored: Path, name: str) -> None:
    for arguments in ([], ["-o", "-"]):
        done = run("export", stored, "--format", name, *arguments)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout_bytes == export_profile(read_profile(stored), name)
    done = run("export", stored, "--format", name, "-o", "out.x")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "out.x" in done.stderr
    assert Path("out.x").read_bytes() == export_profile(read_profile(stored), name)


def test_an_output_that_exists_is_kept(run: Run, stored: Path) -> None:
    Path("taken").write_text("precious")
    done = run("export", stored, "--format", "csv", "-o", "taken")
    assert (done.exit_code, Path("taken").read_text()) == (2, "precious")
    assert "--force" in done.stderr
    assert run("export", stored, "--format", "csv", "-o", "taken", "--force").exit_code == 0
    assert Path("taken").read_text().startswith("id,")
    before = stored.read_bytes()
    assert run("export", stored, "--format", "csv", "-o", stored, "--force").exit_code == 2
    assert stored.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["markdown", "--samples"], "csv and json"),
        (["csv", "--inferences", 5], "chrome-trace"),
        (["json", "--top", 5], "markdown"),
        (["csv", "--model", "m.tflite"], "model-explorer"),
        (["xml"], "chrome-trace"),
        (["chrome-trace", "--inferences", 0], "inferences"),
        (["csv", "-o", "no/such/folder.csv"], "folder"),
        (["model-explorer", "--model", "m.tflite"], "m.tflite"),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, stored: Path, arguments: list[object], said: str) -> None:
    done = run("export", stored, "--format", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["chrome-trace", "model-explorer"])
def test_averages_are_refused_by_name_or_work(run: Run, name: str) -> None:
    assert run("import", FOLDER / "tf2.17_text.log", "-o", "a.parquet").exit_code == 0
    done = run("export", "a.parquet", "--format", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert name in done.stderr
    for other in set(FORMATS) - {"chrome-trace", "model-explorer"}:
        assert run("export", "a.parquet", "--format", other).exit_code == 0


def test_options_reach_the_formats(run: Run, stored: Path) -> None:
    assert json.loads(run("export", stored, "--format", "json", "--samples").stdout)["samples"]
    assert run("export", stored, "--format", "csv", "--samples").stdout.startswith("kind,process,")
    one = json.loads(run("export", stored, "--format", "chrome-trace", "--inferences", 1).stdout)
    assert one["otherData"]["inferences_shown"] == 1
    assert "6 more" not in run("export", stored, "--format", "markdown").stdout
    assert "5 more" in run("export", stored, "--format", "markdown", "--top", 1).stdout


def test_the_summary_is_what_show_prints(run: Run, stored: Path) -> None:
    assert run("export", stored, "--format", "json").stdout == run("show", stored, "--json").stdout


def test_nothing_binary_on_a_terminal(run: Run, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tflprof.cli.export._is_terminal", lambda: True)
    for name in BINARY:
        done = run("export", stored, "--format", name)
        assert (done.exit_code, done.stdout_bytes) == (2, b"")
        assert "-o FILE" in done.stderr


def test_names_do_nothing_on_a_terminal(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_profile(make_profile(name="\x1b[2Jx", processes=1), folder / "h.parquet")
    profile = read_profile(path)
    monkeypatch.setattr("tflprof.cli.export._is_terminal", lambda: True)
    for name in set(FORMATS) - BINARY:
        assert "\x1b" not in run("export", path, "--format", name).stdout
    assert (
        export_profile(profile, "csv").decode().splitlines()
        == run("export", path, "--format", "csv").stdout.splitlines()
    )


def test_json_comes_back_as_the_same_profile(run: Run, folder: Path) -> None:
    path = write_profile(loop_profile(), folder / "p.parquet")
    assert run("export", path, "--format", "json", "--samples", "-o", "p.json").exit_code == 0
    done = run("import", "p.json", "-o", "q.parquet", "--json")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == run("show", path, "--json").stdout
    one, other = read_profile(path), read_profile(folder / "q.parquet")
    assert one.meta == other.meta
    assert one.table.to_pydict() == other.table.to_pydict()
    assert one.table.schema == other.table.schema


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ('{"format": "tflprof profile", "sch', [], "not valid JSON"),
        ('{"format": "tflprof profile", "schema_version": 99}', [], "up to"),
        ('{"format": "tflprof profile", "schema_version": 2, "meta": {}, "samples": {}}', [], "damaged"),
        ('{"schema_version": 1, "layers": []}', [], "--samples"),
        ('{"a": 1}', [], "not a tflprof profile"),
        (None, ["--device", "x"], "--device"),
        (None, ["--model", "m.tflite"], "--model"),
        (None, ["--run", "1"], "--run"),
        (None, ["x.json"], "on its own"),
    ],
)
def test_json_that_is_no_profile(
    run: Run, stored: Path, content: str | None, arguments: list[str], said: str
) -> None:
    text = export_profile(read_profile(stored), "json", samples=True) if content is None else content.encode()
    Path("x.json").write_bytes(text)
    done = run("import", "x.json", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "x.json" in done.stderr
    assert done.stdout == ""


def test_an_exported_message_is_imported(run: Run, stored: Path) -> None:
    assert run("export", stored, "--format", "benchmark-proto", "-o", "p.pb").exit_code == 0
    document = json.loads(run("import", "p.pb", "--json").stdout)
    own = json.loads(run("show", stored, "--json").stdout)
    wanted = [layer["typical"] for layer in own["layers"] if layer["typical"] is not None]
    assert [layer["typical"] for layer in document["layers"]] == pytest.approx(wanted, abs=500)


class TakesAPart(io.RawIOBase):
    """An unbuffered output that takes a thousand bytes at a time, and breaks after so many."""

    def __init__(self, most: int) -> None:
        self.got = b""
        self.most = most

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | memoryview) -> int:
        if len(self.got) >= self.most:
            raise BrokenPipeError
        self.got += bytes(data[:1000])
        return min(len(data), 1000)


class Unbuffered:
    """Standard output of a Python without buffers."""

    def __init__(self, buffer: TakesAPart) -> None:
        self.buffer = buffer

    def isatty(self) -> bool:
        return False

    def flush(self) -> None:
        """There is nothing to flush."""


def test_an_unbuffered_output_gets_all_of_it_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 40
    whole = TakesAPart(10**9)
    monkeypatch.setattr(sys, "stdout", Unbuffered(whole))
    _print(data)
    assert whole.got == data
    monkeypatch.setattr(sys, "stdout", Unbuffered(TakesAPart(3000)))
    with pytest.raises(BrokenPipeError):
        _print(data)

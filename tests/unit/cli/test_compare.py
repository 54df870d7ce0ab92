from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.comparisons import every_kind
from tests.factories import make_profile
from tests.unit.cli.conftest import Run
from tflprof import ComparisonInterrupted, LiveComparison, read_profile, write_profile
from tflprof.errors import RunnerError, Untrusted
from tflprof.targets.adb.setup import PhoneSetup

PARTIAL = make_profile(complete=False)


class Comparing:
    """Stands for :func:`tflprof.compare`: keeps how it was called, returns or raises."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.found = LiveComparison(every_kind(), make_profile(name="a"), make_profile(name="b"))
        self.error: BaseException | None = None

    def __call__(self, a: Path, b: Path, **options: Any) -> LiveComparison:
        options.pop("on_progress")
        self.calls.append({"sides": (a, b), **options})
        if self.error is not None:
            raise self.error
        return self.found


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch) -> Comparing:
    fake = Comparing()
    monkeypatch.setattr("tflprof.workflow.compare.compare", fake)
    return fake


@pytest.fixture(autouse=True)
def sides(folder: Path) -> None:
    """``m.tflite`` and ``n.tflite`` stand for models, ``p.parquet`` and ``q.parquet`` are profiles."""
    (folder / "n.tflite").write_bytes(b"not really")
    for name in "pq":
        write_profile(make_profile(name=name), folder / f"{name}.parquet")


def test_two_models_are_compared_and_the_way_to_save_is_said(run: Run, comparing: Comparing) -> None:
    result = run("compare", "m.tflite", "n.tflite")
    assert result.exit_code == 0
    assert "slower" in result.stdout
    assert "-o DIR" in result.stderr
    (call,) = comparing.calls
    assert call["sides"] == (Path("m.tflite"), Path("n.tflite"))
    assert (call["target"], call["threads"], call["kernels"]) == ("emulated:pixel2", 1, "xnnpack")
    assert (call["threshold"], call["force"], call["require_trust"], call["max_seconds"]) == (
        0.01,
        False,
        False,
        120,
    )
    assert "setup" not in call
    assert sorted(path.name for path in Path().iterdir()) == [
        "m.tflite",
        "n.tflite",
        "p.parquet",
        "q.parquet",
    ]


def test_options_reach_the_workflow(run: Run, comparing: Comparing) -> None:
    options = "--target host --core 3 --threads 2 --kernels builtin --signature s --runtime lib.so --seed 7"
    more = "--max-seconds 5 --xnnpack-flags 4 --weight-cache --input a=x=1.raw --input-shape b=1,2"
    judging = "--threshold 2.5% --force-incomparable --require-trust"
    result = run("compare", "m.tflite", "n.tflite", *options.split(), *more.split(), *judging.split())
    assert result.exit_code == 0, result.stderr
    assert comparing.calls == [
        {
            "sides": (Path("m.tflite"), Path("n.tflite")),
            "target": "host",
            "core": "3",
            "threads": 2,
            "kernels": "builtin",
            "signature": "s",
            "runtime": Path("lib.so"),
            "seed": 7,
            "xnnpack_flags": 4,
            "weight_cache": True,
            "inputs": {"a=x": Path("1.raw")},
            "input_shapes": {"b": (1, 2)},
            "max_seconds": 5.0,
            "threshold": 0.025,
            "force": True,
            "require_trust": True,
        }
    ]


def test_options_of_phones_reach_the_workflow(run: Run, comparing: Comparing) -> None:
    assert (
        run("compare", "m.tflite", "n.tflite", "--target", "adb", "--quiet", "--cores", "4-7").exit_code == 0
    )
    assert comparing.calls[0]["setup"] == PhoneSetup(quiet=True)
    assert comparing.calls[0]["core"] == "4-7"
    refused = run("compare", "m.tflite", "n.tflite", "--target", "host", "--quiet")
    assert refused.exit_code == 2
    assert "--quiet is for phones" in refused.stderr


@pytest.mark.parametrize(
    ("text", "share"), [("1%", 0.01), ("0.01", 0.01), ("0.5%", 0.005), (" 3 % ", 0.03), ("99%", 0.99)]
)
def test_a_threshold(run: Run, comparing: Comparing, text: str, share: float) -> None:
    assert run("compare", "m.tflite", "n.tflite", "--threshold", text).exit_code == 0
    assert comparing.calls[0]["threshold"] == pytest.approx(share)


@pytest.mark.parametrize("text", ["1", "0", "0%", "100%", "-1%", "one", "%", "1%%", "1%x", "nan", "inf%"])
def test_what_is_no_threshold(run: Run, comparing: Comparing, text: str) -> None:
    result = run("compare", "m.tflite", "n.tflite", "--threshold", text)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr
    assert "1%" in result.stderr
    assert comparing.calls == []


@pytest.mark.parametrize("pair", [("p.parquet", "n.tflite"), ("m.tflite", "p.parquet")])
def test_a_profile_knows_better_than_the_defaults(
    run: Run, comparing: Comparing, pair: tuple[str, str]
) -> None:
    Path("tflprof.toml").write_text(
        '[compare]\ntarget = "host"\nthreads = 4\nquiet = true\nthreshold = "2%"\nmax-seconds = 9\n'
    )
    assert run("compare", *pair).exit_code == 0
    assert set(comparing.calls[0]) == {"sides", "max_seconds", "threshold", "force", "require_trust"}
    assert (comparing.calls[0]["threshold"], comparing.calls[0]["max_seconds"]) == (0.02, 9.0)
    typed = ["--threads", "2", "--input", "x=y.raw", "--cores", "4-7", "--quiet"]
    assert run("compare", *pair, *typed).exit_code == 0
    call = comparing.calls[1]
    assert (call["threads"], call["inputs"], call["core"]) == (2, {"x": Path("y.raw")}, "4-7")
    assert call["setup"] == PhoneSetup(quiet=True)
    assert "target" not in call


@pytest.mark.parametrize("option", [["--quiet"], ["--max-seconds", "9"], ["--governor", "performance"]])
def test_two_profiles_have_no_use_for_options_of_measuring(
    run: Run, comparing: Comparing, option: list[str]
) -> None:
    refused = run("compare", "p.parquet", "q.parquet", *option)
    assert refused.exit_code == 2
    assert f"{option[0]}: given for two profiles" in refused.stderr
    Path("tflprof.toml").write_text("[compare]\nmax-seconds = 9\nquiet = true\n")
    assert run("compare", "p.parquet", "q.parquet").exit_code == 0
    assert "setup" not in comparing.calls[0]


def test_the_configuration(run: Run, comparing: Comparing) -> None:
    Path("tflprof.toml").write_text(
        '[compare]\ntarget = "host"\nthreads = 4\nthreshold = 0.05\nrequire-trust = true\n'
    )
    assert run("compare", "m.tflite", "n.tflite", "--threads", "2").exit_code == 0
    call = comparing.calls[0]
    assert (call["target"], call["threads"], call["threshold"], call["require_trust"]) == (
        "host",
        2,
        0.05,
        True,
    )


def test_files_are_written(run: Run, comparing: Comparing) -> None:
    result = run("compare", "m.tflite", "n.tflite", "-o", "new/both", "--html", "page.html")
    assert result.exit_code == 0, result.stderr
    assert read_profile("new/both/A.parquet").meta == comparing.found.a.meta
    assert read_profile("new/both/B.parquet").meta == comparing.found.b.meta
    assert "<!doctype html>" in Path("page.html").read_text(encoding="utf-8")
    assert "-o DIR" not in result.stderr


def test_json_is_all_there_is_on_stdout(run: Run, comparing: Comparing) -> None:
    result = run("compare", "m.tflite", "n.tflite", "--json", "-o", "both")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["method"] == every_kind().method


@pytest.mark.parametrize("name", ["both/A.parquet", "both/B.parquet", "page.html"])
def test_an_output_that_exists_is_refused_before_measuring(run: Run, comparing: Comparing, name: str) -> None:
    Path("both").mkdir()
    Path(name).write_text("precious")
    options = ["-o", "both", "--html", "page.html"]
    result = run("compare", "m.tflite", "n.tflite", *options)
    assert result.exit_code == 2
    assert f"{name} exists" in result.stderr
    assert comparing.calls == []
    assert Path(name).read_text() == "precious"
    assert run("compare", "m.tflite", "n.tflite", *options, "--force").exit_code == 0


def test_an_output_never_replaces_what_is_compared(run: Run, comparing: Comparing) -> None:
    Path("A.parquet").write_bytes(Path("p.parquet").read_bytes())
    result = run("compare", "A.parquet", "n.tflite", "-o", ".", "--force")
    assert result.exit_code == 2
    assert "A.parquet" in result.stderr
    assert comparing.calls == []


def test_a_folder_for_nothing_is_not_left_behind(run: Run, comparing: Comparing) -> None:
    comparing.error = RunnerError("it cannot begin")
    assert run("compare", "m.tflite", "n.tflite", "-o", "both").exit_code == 3
    assert not Path("both").exists()
    Path("both").mkdir()
    assert run("compare", "m.tflite", "n.tflite", "-o", "both").exit_code == 3
    assert Path("both").exists()


def test_there_is_nothing_to_save_of_two_profiles(run: Run, comparing: Comparing) -> None:
    result = run("compare", "p.parquet", "q.parquet", "-o", "both")
    assert result.exit_code == 2
    assert "nothing is measured" in result.stderr
    assert not Path("both").exists()
    assert "not saved" not in run("compare", "p.parquet", "q.parquet").stderr


@pytest.mark.parametrize(
    ("cause", "status"), [(KeyboardInterrupt(), 130), (RunnerError("it died"), 3), (Untrusted("in doubt"), 4)]
)
def test_what_was_cut_short_is_saved_and_shown(
    run: Run, comparing: Comparing, cause: BaseException, status: int
) -> None:
    comparing.error = ComparisonInterrupted(PARTIAL, PARTIAL, every_kind(), cause)
    result = run("compare", "m.tflite", "n.tflite", "-o", "both")
    assert result.exit_code == status
    assert "slower" in result.stdout
    assert "cut short" in result.stderr
    assert {path.name for path in Path("both").iterdir()} == {"A.parquet", "B.parquet"}


def test_an_end_between_two_measurements_says_that_nothing_is_compared(
    run: Run, comparing: Comparing
) -> None:
    comparing.error = ComparisonInterrupted(make_profile(), None, None, KeyboardInterrupt())
    result = run("compare", "m.tflite", "n.tflite")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "cut short: nothing can be compared" in result.stderr


def test_what_is_refused_is_saved_and_not_shown(run: Run, comparing: Comparing) -> None:
    comparing.error = ComparisonInterrupted(
        make_profile(), None, None, Untrusted("threads: A 1, B 2", "use the same")
    )
    result = run("compare", "m.tflite", "n.tflite", "-o", "both", "--html", "page.html")
    assert result.exit_code == 4
    assert result.stdout == ""
    assert "threads: A 1, B 2" in result.stderr
    assert "cut short" not in result.stderr
    assert [path.name for path in Path("both").iterdir()] == ["A.parquet"]
    assert not Path("page.html").exists()


def test_a_refusal_of_two_files(run: Run) -> None:
    write_profile(make_profile(unit="instructions"), "e.parquet")
    refused = run("compare", "p.parquet", "e.parquet")
    assert refused.exit_code == 4
    assert "unit: A ns, B instructions" in refused.stderr
    assert "--force-incomparable" in refused.stderr
    shown = run("compare", "p.parquet", "e.parquet", "--force-incomparable")
    assert shown.exit_code == 0
    assert "incomparable" in shown.stdout


def test_two_files_for_real(run: Run) -> None:
    result = run("compare", "p.parquet", "q.parquet", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["method"] == "stored"
    table = run("compare", "p.parquet", "q.parquet", "--all", "--top", 2)
    assert table.exit_code == 0
    assert table.stdout

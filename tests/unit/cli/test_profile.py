from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.factories import make_profile
from tests.unit.cli.conftest import Run, Workflow
from tflprof.cli.outputs import save_profile
from tflprof.errors import ModelError, RunnerError, TargetError
from tflprof.profile.meta import Finding
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.profile import Interrupted
from tflprof.workflow.progress import OnProgress, Progress

PARTIAL = make_profile(
    findings=[Finding("partial-run", "doubt", "the run was cut short", "run it again to the end")],
    verdict="doubtful",
    complete=False,
)


def test_without_an_output_the_table_is_printed_and_the_way_to_save_said(
    run: Run, workflow: Workflow
) -> None:
    result = run("profile", "m.tflite")
    assert result.exit_code == 0
    assert "3.30 ms" in result.stdout
    assert "-o FILE" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["m.tflite"]


def test_defaults_and_options_reach_the_workflow(run: Run, workflow: Workflow) -> None:
    run("profile", "m.tflite")
    call = workflow.calls[0]
    assert call["model"] == Path("m.tflite")
    assert (call["target"], call["threads"], call["kernels"]) == ("emulated:pixel2", 1, "xnnpack")
    options = "--target host --core 3 --threads 2 --kernels builtin --signature s --runtime lib.so --seed 7"
    more = "--max-seconds 5 --precision 0.05 --xnnpack-flags 4 --weight-cache --input a=x=1.raw --input-shape b=1,2"
    more += " --rate 30 --sustain 0.5 --pmu"
    assert run("profile", "m.tflite", *options.split(), *more.split()).exit_code == 0
    call = workflow.calls[1]
    call.pop("on_progress")
    assert call == {
        "model": Path("m.tflite"),
        "target": "host",
        "core": "3",
        "threads": 2,
        "kernels": "builtin",
        "signature": "s",
        "runtime": Path("lib.so"),
        "seed": 7,
        "max_seconds": 5.0,
        "precision": 0.05,
        "xnnpack_flags": 4,
        "weight_cache": True,
        "rate": 30.0,
        "sustain": 0.5,
        "pmu": True,
        "setup": None,
        "inputs": {"a=x": Path("1.raw")},
        "input_shapes": {"b": (1, 2)},
    }


def test_options_of_phones_reach_the_workflow(run: Run, workflow: Workflow) -> None:
    options = "--quiet --governor performance --frequency 1401600 --cool-to 35 --cores 4-7 --threads 2"
    assert run("profile", "m.tflite", "--target", "adb:X", *options.split()).exit_code == 0
    assert workflow.calls[0]["setup"] == PhoneSetup(
        quiet=True, governor="performance", frequency_khz=1401600, cool_to=35.0
    )
    assert workflow.calls[0]["core"] == "4-7"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--quiet", "--quiet is for phones, and emulated:pixel2 is none"),
        ("--target host --governor performance", "--governor is for phones, and host is none"),
        ("--target adbx --frequency 5", "--frequency is for phones, and adbx is none"),
        ("--target interpreter --cool-to 30", "--cool-to is for phones, and interpreter is none"),
        ("--core big --cores 4-7", "--core and --cores exclude each other"),
        ("--cores big", "--cores big: expected a hexadecimal mask or a list of CPUs"),
        ("--target adb --cool-to 1000", "Invalid value for '--cool-to'"),
    ],
)
def test_options_of_phones_that_do_not_fit(run: Run, workflow: Workflow, options: str, message: str) -> None:
    result = run("profile", "m.tflite", *options.split())
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert workflow.calls == []


def test_the_command_line_goes_before_the_configuration_of_phones(run: Run, workflow: Workflow) -> None:
    Path("tflprof.toml").write_text('[profile]\ncore = "big"\nquiet = true\ncool-to = 35\n')
    assert run("profile", "m.tflite", "--target", "host", "--cores", "0x3").exit_code == 0
    assert (workflow.calls[0]["core"], workflow.calls[0]["setup"]) == ("0x3", None)
    assert run("profile", "m.tflite", "--target", "adb").exit_code == 0
    assert (workflow.calls[1]["core"], workflow.calls[1]["setup"]) == (
        "big",
        PhoneSetup(quiet=True, cool_to=35.0),
    )


def test_files_are_written(run: Run, workflow: Workflow) -> None:
    result = run("profile", "m.tflite", "-o", "p.parquet", "--html", "p.html")
    assert result.exit_code == 0
    assert read_profile("p.parquet").meta == workflow.profile.meta
    assert "<!doctype html>" in Path("p.html").read_text(encoding="utf-8")
    assert "profile saved as p.parquet" in result.stderr


def test_json_is_all_there_is_on_stdout(run: Run, workflow: Workflow) -> None:
    result = run("profile", "m.tflite", "--json", "-o", "p.parquet")
    assert json.loads(result.stdout)["unit"] == "ns"


@pytest.mark.parametrize("option", ["-o", "--html"])
def test_an_output_that_exists_is_refused_before_measuring(run: Run, workflow: Workflow, option: str) -> None:
    Path("out").write_text("precious")
    result = run("profile", "m.tflite", option, "out")
    assert result.exit_code == 2
    assert "out exists" in result.stderr
    assert "--force" in result.stderr
    assert workflow.calls == []
    assert Path("out").read_text() == "precious"
    assert run("profile", "m.tflite", option, "out", "--force").exit_code == 0
    assert Path("out").read_bytes()[:4] in (b"PAR1", b"<!do")


def test_no_output_may_replace_the_model_or_another_output(run: Run, workflow: Workflow) -> None:
    assert run("profile", "m.tflite", "-o", "./m.tflite", "--force").exit_code == 2
    assert run("profile", "m.tflite", "-o", "x", "--html", "x").exit_code == 2
    assert run("profile", "m.tflite", "-o", "missing/x").exit_code == 2
    assert workflow.calls == []
    assert Path("m.tflite").read_bytes() == b"not really"


def test_ctrl_c_keeps_what_was_collected(run: Run, workflow: Workflow) -> None:
    workflow.error = Interrupted(PARTIAL, KeyboardInterrupt())
    result = run("profile", "m.tflite", "-o", "p.parquet", "--html", "p.html")
    assert result.exit_code == 130
    assert read_profile("p.parquet").meta.findings[0].code == "partial-run"
    assert Path("p.html").exists()
    assert "p.parquet" in result.stderr
    assert "partial-run" in result.stdout
    assert "cut short" in result.stderr


def test_ctrl_c_before_any_sample(run: Run, workflow: Workflow) -> None:
    workflow.error = KeyboardInterrupt()
    result = run("profile", "m.tflite", "-o", "p.parquet")
    assert result.exit_code == 130
    assert not Path("p.parquet").exists()
    assert result.stderr.strip() == "interrupted"


def test_a_runner_that_dies_late_keeps_what_was_collected(run: Run, workflow: Workflow) -> None:
    workflow.error = Interrupted(PARTIAL, RunnerError("the runner died of SIGKILL", "free some memory"))
    result = run("profile", "m.tflite", "-o", "p.parquet", "--json")
    assert result.exit_code == 3
    assert "the runner died of SIGKILL" in result.stderr
    assert "→ free some memory" in result.stderr
    assert read_profile("p.parquet").meta.verdict == "doubtful"
    assert json.loads(result.stdout)["schedule"]["complete"] is False


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelError("m.tflite is empty"), 2),
        (TargetError("unknown target 'phone'", "see tflprof targets"), 3),
        (ValueError("surprise"), 70),
        (OSError(28, "No space left on device"), 3),
    ],
)
def test_errors_are_one_message_and_their_status(
    run: Run, workflow: Workflow, error: Exception, status: int
) -> None:
    workflow.error = error
    result = run("profile", "m.tflite")
    assert result.exit_code == status
    assert result.stdout == ""
    assert str(error.args[0]) in result.stderr or "No space left" in result.stderr
    assert "Traceback" not in result.stderr


def test_verbose_shows_the_traceback(run: Run, workflow: Workflow) -> None:
    workflow.error = ValueError("surprise")
    assert "-v" in run("profile", "m.tflite").stderr
    assert "Traceback" in run("-v", "profile", "m.tflite").stderr
    assert "Traceback" in run("profile", "m.tflite", "--verbose").stderr
    assert "Traceback" not in run("profile", "m.tflite").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_files_are_written_waits_until_they_are(
    run: Run, workflow: Workflow, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def save(*args: object, **options: object) -> None:
        signal.raise_signal(number)
        save_profile(*args, **options)

    monkeypatch.setattr("tflprof.cli.profile.save_profile", save)
    before = signal.getsignal(number)
    result = run("profile", "m.tflite", "-o", "p.parquet", "--html", "p.html")
    assert result.exit_code == 130
    assert read_profile("p.parquet").meta == workflow.profile.meta
    assert Path("p.html").exists()
    assert "3.30 ms" in result.stdout
    assert "partial" not in result.stderr
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("told", [False, True])
def test_a_signal_before_there_is_anything_to_keep_ends_it_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, told: bool
) -> None:
    def work(model: Path, on_progress: OnProgress, **options: object) -> Profile:
        if told:
            on_progress(Progress("attributing", None, "5 layers"))
        signal.raise_signal(number)
        return PARTIAL

    monkeypatch.setattr("tflprof.workflow.profile.profile_model", work)
    assert run("profile", "m.tflite", "-o", "p.parquet").exit_code == 130
    assert Path("p.parquet").exists() == told


def test_stopping_is_said_even_without_v(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(model: Path, on_progress: OnProgress, **options: object) -> Profile:
        on_progress(Progress("measuring", 0.5, "3 processes"))
        on_progress(Progress("stopping", None, "finishing the inference under way"))
        return PARTIAL

    monkeypatch.setattr("tflprof.workflow.profile.profile_model", work)
    said = run("profile", "m.tflite", "--json", "-o", "p.parquet").stderr
    assert "stopping: finishing the inference under way" in said
    assert "measuring" not in said
    assert "measuring 50%: 3 processes" in run("profile", "m.tflite", "-v", "--json").stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--input", "justname", "NAME=FILE"),
        ("--input", "=x", "NAME=FILE"),
        ("--input-shape", "x=1,two", "whole numbers"),
        ("--input-shape", "x=0,2", "whole numbers"),
        ("--threads", "0", "threads"),
        ("--kernels", "gpu", "kernels"),
        ("--precision", "0", "precision"),
        ("--precision", "0.002", "precision"),
        ("--xnnpack-flags", "-1", "xnnpack-flags"),
        ("--xnnpack-flags", "4294967296", "xnnpack-flags"),
        ("--seed", "99999999999999999999", "seed"),
    ],
)
def test_wrong_options_are_usage_errors(
    run: Run, workflow: Workflow, option: str, value: str, said: str
) -> None:
    result = run("profile", "m.tflite", option, value)
    assert result.exit_code == 2
    assert said in result.stderr
    assert workflow.calls == []


def test_a_name_given_twice_is_an_error(run: Run, workflow: Workflow) -> None:
    assert run("profile", "m.tflite", "--input", "a=x", "--input", "a=y").exit_code == 2


def test_a_profile_that_cannot_be_written_is_rescued(
    run: Run, workflow: Workflow, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    rescue = folder / "rescue"
    rescue.mkdir()
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(rescue))

    def vanish(model: Path, **options: object) -> object:
        (folder / "gone").rmdir()
        return workflow.profile

    (folder / "gone").mkdir()
    monkeypatch.setattr("tflprof.workflow.profile.profile_model", vanish)
    result = run("profile", "m.tflite", "-o", "gone/p.parquet")
    assert result.exit_code == 2
    assert read_profile(rescue / "p.parquet").meta == workflow.profile.meta
    assert str(rescue) in result.stderr.replace("\n", "")
    assert "3.30 ms" in result.stdout

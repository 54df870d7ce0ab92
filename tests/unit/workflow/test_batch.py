"""Many models one after the other: what is kept, what goes on, what ends it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workflow.batches import Measuring, measuring, profile_as_asked, write_models
from tflprof.analysis.batch import BatchEntry, BatchResult
from tflprof.errors import (
    DeviceLost,
    EnvironmentFault,
    ModelError,
    RunnerError,
    RuntimeMissing,
    TargetError,
    UsageError,
)
from tflprof.files import write_atomically
from tflprof.model.build import build_micro
from tflprof.profile.store import read_profile
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.batch import BatchInterrupted, profile_models
from tflprof.workflow.profile import Interrupted

__all__ = ["measuring"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path, "models/a.tflite", "models/b.tflite", "models/c.tflite")
    return tmp_path


def run(models: Any = "models", target: str = "host", **options: Any) -> BatchResult:
    return profile_models(models, "out", target=target, **options)


def statuses(result: BatchResult) -> list[str]:
    return [entry.status for entry in result.entries]


def summary() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out/summary.json").read_text())
    return found


def test_every_model_gets_its_profile_and_page(measuring: Measuring) -> None:
    told: list[tuple[str, int, int]] = []
    result = run(pages="pages", on_entry=lambda entry, number, of: told.append((entry.status, number, of)))
    assert (statuses(result), result.exit_code, result.finished) == (["measured"] * 3, 0, True)
    assert told == [("measured", 1, 3), ("measured", 2, 3), ("measured", 3, 3)]
    for name in "abc":
        assert read_profile(f"out/{name}.parquet").meta.model.path == f"models/{name}.tflite"
        assert "<!doctype html>" in Path(f"pages/{name}.html").read_text()
    written = summary()
    assert (written["finished"], written["exit_code"]) == (True, 0)
    assert [model["profile"] for model in written["models"]] == ["a.parquet", "b.parquet", "c.parquet"]
    assert written["models"][0]["result"]["total"]["typical"] > 0


def test_options_reach_every_model_and_inputs_those_that_have_them(measuring: Measuring) -> None:
    write_models(Path(), "models/a.tflite")  # with the inputs a and b
    Path("models/c.tflite").write_bytes(build_micro("softmax"))  # with one called input
    Path("x.raw").write_bytes(b"")
    run(threads=2, kernels="builtin", inputs={"input": "x.raw", "a": "x.raw"}, input_shapes={"b": (4,)})
    assert [asked["threads"] for asked in measuring.asked] == [2, 2, 2]
    assert [list(asked["inputs"]) for asked in measuring.asked] == [["a"], ["a"], ["input"]]
    assert [list(asked["input_shapes"]) for asked in measuring.asked] == [["b"], ["b"], []]


def test_an_input_that_no_model_has_is_refused_before_anything_is_measured(measuring: Measuring) -> None:
    with pytest.raises(UsageError, match="none of the models has an input 'nonsense'"):
        run(input_shapes={"nonsense": (1,)})
    assert measuring.measured == []


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"precision": 0.001}, UsageError, "--precision"),
        ({"threads": 0}, UsageError, "--threads"),
        ({"setup": PhoneSetup(quiet=True)}, UsageError, "is no phone"),
        ({"target": "nokia"}, TargetError, "nokia"),
        ({"target": "emulated:nokia"}, TargetError, "nokia"),
    ],
)
def test_what_would_be_every_models_fault_is_refused_before_the_folder_is_made(
    measuring: Measuring, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(**options)
    assert measuring.measured == []
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelError("b is broken", "convert it again"), 2),
        (RunnerError("the runner was killed by SIGKILL"), 3),
        (ValueError("surprise"), 70),
    ],
)
def test_a_model_that_fails_does_not_keep_the_others_from_being_measured(
    measuring: Measuring, error: Exception, code: int
) -> None:
    measuring.fails("b", error)
    result = run()
    assert statuses(result) == ["measured", "failed", "measured"]
    assert (result.exit_code, result.entries[1].exit_code, result.finished) == (code, code, True)
    assert str(error) in (result.entries[1].error or "")
    assert summary()["models"][1]["error"]["message"] == result.entries[1].error
    assert not Path("out/b.parquet").exists()


def test_models_that_no_reader_takes_are_never_measured(measuring: Measuring) -> None:
    Path("models/b.tflite").write_text("not really")
    assert statuses(run()) == ["measured", "failed", "measured"]
    assert measuring.measured == ["a.tflite", "c.tflite"]


def test_a_second_call_measures_only_what_is_missing(measuring: Measuring) -> None:
    measuring.fails("b", RunnerError("it died"))
    run()
    measuring.answers.clear()
    measuring.measured.clear()
    result = run()
    assert statuses(result) == ["up to date", "measured", "up to date"]
    assert measuring.measured == ["b.tflite"]
    assert result.entries[0].digest is not None
    assert (result.exit_code, summary()["models"][0]["status"]) == (0, "up to date")


def test_force_measures_all(measuring: Measuring) -> None:
    run()
    assert statuses(run(force=True)) == ["measured"] * 3
    assert len(measuring.measured) == 6


def test_a_page_that_is_missing_is_made_from_the_profile(measuring: Measuring) -> None:
    run()
    assert statuses(run(pages="out")) == ["up to date"] * 3
    assert Path("out/a.html").exists()
    assert len(measuring.measured) == 3


def test_a_partial_profile_is_kept_and_measured_anew_next_time(measuring: Measuring) -> None:
    def cut(model: Path, asked: dict[str, Any]) -> Interrupted:
        return Interrupted(
            profile_as_asked(model, complete=False, **asked), RunnerError("the runner died", "free memory")
        )

    measuring.answers["b"] = cut
    result = run()
    entry = result.entries[1]
    assert (entry.status, entry.error, entry.hint, entry.exit_code) == (
        "partial",
        "the runner died",
        "free memory",
        3,
    )
    assert read_profile("out/b.parquet").meta.schedule.complete is False
    measuring.answers.clear()
    again = run()
    assert statuses(again) == ["up to date", "measured", "up to date"]
    assert again.entries[1].reason == "its profile was partial"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_collected_and_begins_nothing_more(
    measuring: Measuring, number: signal.Signals
) -> None:
    measuring.signals("b", number)
    before = signal.getsignal(number)
    with pytest.raises(BatchInterrupted) as caught:
        run()
    result = caught.value.result
    assert statuses(result) == ["measured", "measured", "not begun"]
    assert (result.exit_code, result.finished) == (130, False)
    assert read_profile("out/b.parquet")
    assert summary()["stopped"] == "interrupted"
    assert signal.getsignal(number) == before
    measuring.answers.clear()
    assert statuses(run()) == ["up to date", "up to date", "measured"]


def test_a_signal_while_the_summary_is_written_waits_until_it_is(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, fill: Any) -> None:
        if measuring.measured == ["a.tflite"] and path.name == "summary.json":
            signal.raise_signal(signal.SIGINT)
        write_atomically(path, fill)

    monkeypatch.setattr("tflprof.workflow.batch_folder.write_atomically", write)
    with pytest.raises(BatchInterrupted) as caught:
        run()
    assert statuses(caught.value.result) == ["measured", "not begun", "not begun"]


def test_a_run_cut_short_by_ctrl_c_is_partial(measuring: Measuring) -> None:
    measuring.answers["a"] = lambda model, asked: Interrupted(
        profile_as_asked(model, complete=False, **asked), KeyboardInterrupt()
    )
    with pytest.raises(BatchInterrupted) as caught:
        run()
    assert statuses(caught.value.result) == ["partial", "not begun", "not begun"]
    assert caught.value.result.exit_code == 130
    assert read_profile("out/a.parquet").meta.schedule.complete is False


def test_ctrl_c_before_a_sample_keeps_the_others(measuring: Measuring) -> None:
    measuring.fails("b", KeyboardInterrupt())
    with pytest.raises(BatchInterrupted) as caught:
        run()
    assert statuses(caught.value.result) == ["measured", "interrupted", "not begun"]
    assert [model["status"] for model in summary()["models"]] == ["measured", "interrupted", "not begun"]


def test_a_target_that_cannot_be_used_ends_it_at_once(measuring: Measuring) -> None:
    for error in (TargetError("no phone is connected", "connect one"), RuntimeMissing("no library")):
        measuring.measured.clear()
        measuring.fails("a", error)
        result = run()
        assert statuses(result) == ["failed", "not begun", "not begun"]
        assert (result.exit_code, result.finished) == (3, False)
        assert "2 models not begun" in (result.stopped or "")
        assert measuring.measured == ["a.tflite"]
        assert summary()["stopped"] == result.stopped


def test_a_device_that_stays_lost_ends_it_after_three(measuring: Measuring, folder: Path) -> None:
    write_models(folder, *(f"more/{name}.tflite" for name in "abcdef"))
    for name in "bcd":
        measuring.fails(name, DeviceLost("the link broke"))
    result = run("more")
    assert statuses(result) == ["measured", "failed", "failed", "failed", "not begun", "not begun"]
    assert result.exit_code == 3


def test_a_device_that_comes_back_goes_on(measuring: Measuring, folder: Path) -> None:
    write_models(folder, *(f"more/{name}.tflite" for name in "abcdef"))
    for name in "abde":
        measuring.fails(name, DeviceLost("the link broke"))
    result = run("more")
    assert statuses(result) == ["failed", "failed", "measured", "failed", "failed", "measured"]
    assert result.finished


def test_many_models_that_crash_the_runner_are_their_own_fault(measuring: Measuring, folder: Path) -> None:
    write_models(folder, *(f"more/{name}.tflite" for name in "abcde"))
    for name in "abcd":
        measuring.fails(name, RunnerError("the runner was killed by SIGSEGV"))
    assert statuses(run("more"))[-1] == "measured"


def full_disk(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Files with this in their name cannot be written from now on in the folder ``out``."""

    def write(path: Path, fill: Any) -> None:
        if what in path.name and path.parent.name == "out":
            raise EnvironmentFault(
                f"cannot write {path}: No space left on device", "give another place with -o FILE"
            )
        write_atomically(path, fill)

    monkeypatch.setattr("tflprof.profile.store.write_atomically", write)
    monkeypatch.setattr("tflprof.workflow.batch_folder.write_atomically", write)


def test_a_full_disk_ends_it_and_the_profile_is_rescued(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (folder / "rescue").mkdir()
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(folder / "rescue"))
    full_disk(monkeypatch, "b.parquet")
    result = run()
    assert statuses(result) == ["measured", "failed", "not begun"]
    assert (result.exit_code, result.finished) == (3, False)
    assert "No space left" in (result.stopped or "")
    assert "rescue" in (result.entries[1].error or "")
    assert read_profile("rescue/b.parquet")
    assert read_profile("out/a.parquet")


def test_a_summary_that_cannot_be_written_any_more_ends_it(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring.answers["a"] = lambda model, asked: (
        full_disk(monkeypatch, "summary.json") or profile_as_asked(model, **asked)
    )
    result = run()
    assert statuses(result) == ["measured", "not begun", "not begun"]
    assert result.exit_code == 3


def test_a_page_that_cannot_be_written_does_not_cost_the_profile(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise EnvironmentFault("cannot write a.html: No space left on device")

    monkeypatch.setattr("tflprof.report.html.write_page", refuse)
    result = run(pages="pages")
    assert statuses(result) == ["failed", "not begun", "not begun"]
    assert read_profile("out/a.parquet")
    assert "a.parquet" in (result.entries[0].error or "")


def test_files_that_are_no_profiles_are_not_replaced(measuring: Measuring) -> None:
    Path("out").mkdir()
    Path("out/b.parquet").write_text("precious")
    result = run()
    assert statuses(result) == ["measured", "failed", "measured"]
    assert "--force" in (result.entries[1].hint or "")
    assert Path("out/b.parquet").read_text() == "precious"
    assert statuses(run(force=True)) == ["measured"] * 3


def test_a_summary_of_someone_else_is_not_replaced(measuring: Measuring) -> None:
    Path("out").mkdir()
    Path("out/summary.json").write_text('{"mine": 1}')
    with pytest.raises(UsageError, match=r"summary\.json exists and is not of a batch"):
        run()
    assert measuring.measured == []


def test_a_folder_that_cannot_be_is_said_before_anything_is_measured(measuring: Measuring) -> None:
    Path("out").write_text("a file")
    with pytest.raises(UsageError, match="a file is in its place"):
        run()
    assert measuring.measured == []


def test_a_folder_that_may_not_be_written_is_said_before_anything_is_measured(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out").mkdir(mode=0o500)
    # Root may write anywhere, and the tests often are root's.
    monkeypatch.setattr(os, "access", lambda path, _mode: (Path(path).stat().st_mode & 0o222) != 0)
    with pytest.raises(EnvironmentFault, match="not writable"):
        run()
    assert measuring.measured == []


def test_a_folder_in_the_place_of_one_profile_is_that_models_failure(measuring: Measuring) -> None:
    Path("out/b.parquet").mkdir(parents=True)
    result = run()
    assert statuses(result) == ["measured", "failed", "measured"]
    assert result.exit_code == 2


def test_who_listens_may_be_gone(measuring: Measuring) -> None:
    def tell(_entry: BatchEntry, _number: int, _of: int) -> None:
        raise BrokenPipeError

    assert statuses(run(on_entry=tell)) == ["measured"] * 3


def test_profiles_of_equal_names_do_not_meet(measuring: Measuring, folder: Path) -> None:
    write_models(folder, "x/net.tflite", "y/net.tflite")
    run(["x", "y/net.tflite"])
    assert read_profile("out/x/net.parquet").meta.model.path == "x/net.tflite"
    assert read_profile("out/y/net.parquet").meta.model.path == "y/net.tflite"

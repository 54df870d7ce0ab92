from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from tests.factories import make_profile
from tests.unit.cli.conftest import Run, Workflow
from tflprof.errors import RunnerError, TargetError
from tflprof.model.build import build_micro
from tflprof.profile.store import read_profile, write_profile
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.profile import Interrupted

PASSING, FAILING, UNSURE = "5ms", "1ms", "3300us"


@pytest.fixture(autouse=True)
def model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``m.tflite`` is a model here; no CI service runs the tests as far as the command can see."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    path = folder / "m.tflite"
    path.write_bytes(build_micro("add"))
    return path


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [
        (["--budget", PASSING], 0, "passed"),
        (["--budget", FAILING], 1, "failed"),
        (["--budget", UNSURE], 4, "inconclusive"),
        (["--budget", UNSURE, "--inconclusive-as", "pass"], 0, "passed"),
        (["--budget", UNSURE, "--inconclusive-as", "fail"], 1, "failed"),
        (["--budget", PASSING, "--budget", "size=1B"], 1, "failed"),
    ],
)
def test_the_exit_status_is_the_verdict(
    run: Run, workflow: Workflow, options: list[str], code: int, verdict: str
) -> None:
    result = run("gate", "m.tflite", "--target", "host", *options)
    assert (result.exit_code, result.stdout.split()[1]) == (code, f"{verdict}:")


def test_a_stored_profile_is_judged_without_a_target(run: Run, workflow: Workflow) -> None:
    write_profile(make_profile(), Path("p.parquet"))
    assert run("gate", "p.parquet", "--budget", PASSING).exit_code == 0
    assert run("gate", "p.parquet", "--baseline", "p.parquet", "--budget", "+20%").exit_code == 0
    assert workflow.calls == []


def test_another_condition_of_the_baseline_is_incomparable(run: Run) -> None:
    write_profile(make_profile(), Path("time.parquet"))
    write_profile(make_profile(unit="instructions"), Path("count.parquet"))
    result = run("gate", "time.parquet", "--baseline", "count.parquet")
    assert result.exit_code == 4
    assert "unit: instructions in the baseline, ns now" in result.stdout
    assert (
        run("gate", "time.parquet", "--baseline", "count.parquet", "--inconclusive-as", "pass").exit_code == 4
    )


def test_a_baseline_without_a_budget_allows_three_percent(run: Run) -> None:
    write_profile(make_profile(unit="instructions"), Path("p.parquet"))
    result = run("gate", "p.parquet", "--baseline", "p.parquet", "--json")
    (budget,) = json.loads(result.stdout)["cases"][0]["budgets"]
    assert (budget["budget"], budget["verdict"]) == ("+3%", "pass")


def test_options_reach_the_measurement(run: Run, workflow: Workflow) -> None:
    options = "--target host --core 3 --threads 2 --kernels builtin --seed 7 --max-seconds 5 --precision 0.05"
    more = "--xnnpack-flags 4 --weight-cache --rate 30 --runtime lib.so"
    assert run("gate", "m.tflite", "--budget", PASSING, *options.split(), *more.split()).exit_code == 0
    call = workflow.calls[0]
    call.pop("on_progress")
    assert call == {
        "model": Path("m.tflite"),
        "target": "host",
        "core": "3",
        "threads": 2,
        "kernels": "builtin",
        "signature": None,
        "inputs": {},
        "input_shapes": {},
        "runtime": Path("lib.so"),
        "seed": 7,
        "max_seconds": 5.0,
        "precision": 0.05,
        "xnnpack_flags": 4,
        "weight_cache": True,
        "rate": 30.0,
        "setup": None,
    }
    assert run("gate", "m.tflite", "--budget", PASSING, "--target", "adb", "--quiet").exit_code == 0
    assert workflow.calls[1]["setup"] == PhoneSetup(quiet=True)
    assert run("gate", "m.tflite", "--budget", PASSING, "--target", "host", "--quiet").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is nothing to judge: no MODEL"),
        (["m.tflite"], "there is nothing to judge it by"),
        (["m.tflite", "--budget", "30"], "30 has no unit"),
        (
            ["m.tflite", "--budget", "30ms", "--cost", "instructions"],
            "is a time, and this target counts instructions",
        ),
        (["m.tflite", "--budget", "+3%"], "there is no baseline"),
        (["m.tflite", "--baseline", "none.parquet"], "the baseline none.parquet does not exist"),
        (["none.tflite", "--budget", "30M"], "none.tflite"),
        (["m.tflite", "--budget", "30M", "--json", "--markdown", "-"], "both print"),
        (["m.tflite", "--budget", "30M", "--junit", "m.tflite"], "also another file"),
        (["m.tflite", "--budget", "30M", "--junit", "none/j.xml"], "does not exist"),
        (["m.tflite", "--budget", "30M", "--inconclusive-as", "maybe"], "maybe"),
        (["m.tflite", "--budget", "30M", "--update-baseline"], "no baseline to update"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    run: Run, workflow: Workflow, arguments: list[str], said: str
) -> None:
    result = run("gate", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert workflow.calls == []


def test_an_error_of_the_environment_is_reported_and_ends_with_its_status(
    run: Run, workflow: Workflow
) -> None:
    workflow.error = TargetError("no phone is there", "plug it in")
    result = run("gate", "m.tflite", "--budget", PASSING, "--target", "adb", "--junit", "j.xml", "--json")
    assert result.exit_code == 3
    assert "tflprof: error: m on adb: no phone is there\n  → plug it in" in result.stderr
    assert json.loads(result.stdout)["cases"][0]["error"]["exit_code"] == 3
    assert Tree.parse("j.xml").getroot().get("errors") == "1"


def test_ctrl_c_keeps_what_is_there(run: Run, workflow: Workflow) -> None:
    partial = make_profile(complete=False)
    workflow.error = Interrupted(partial, KeyboardInterrupt())
    result = run(
        "gate", "m.tflite", "--budget", PASSING, "--target", "host", "-o", "kept", "--markdown", "m.md"
    )
    assert result.exit_code == 130
    assert "error: it was interrupted" in result.stdout
    assert "interrupted" in result.stderr
    assert not read_profile("kept/m_on_host.parquet").meta.schedule.complete
    assert "it was interrupted" in Path("m.md").read_text()


def test_measured_profiles_are_saved_and_none_is_overwritten(run: Run, workflow: Workflow) -> None:
    arguments = ("gate", "m.tflite", "--budget", FAILING, "--target", "host", "-o", "out/deep")
    assert run(*arguments).exit_code == 1
    assert sorted(path.name for path in Path("out/deep").iterdir()) == [
        "m_on_host-2.parquet",
        "m_on_host.parquet",
    ]
    again = run(*arguments)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    assert len(workflow.calls) == 2
    assert run(*arguments, "--force").exit_code == 1


def test_the_baseline_is_made_and_updated(run: Run, workflow: Workflow) -> None:
    arguments = ("gate", "m.tflite", "--target", "host", "--baseline", "b.parquet", "--budget", "+20%")
    assert run(*arguments).exit_code == 2
    made = run(*arguments, "--update-baseline")
    assert (made.exit_code, "the baseline b.parquet is new" in made.stdout) == (0, True)
    assert stat.S_IMODE(Path("b.parquet").stat().st_mode) & 0o400
    assert run(*arguments).exit_code == 0
    assert "was replaced" in run(*arguments, "--update-baseline").stdout
    workflow.profile = make_profile(complete=False)
    before = Path("b.parquet").read_bytes()
    refused = run(*arguments, "--update-baseline")
    assert (refused.exit_code, Path("b.parquet").read_bytes()) == (4, before)
    assert "was left as it was" in refused.stderr


def test_every_file_that_was_asked_for_is_written(run: Run, workflow: Workflow) -> None:
    files = ("--junit", "j.xml", "--markdown", "m.md", "--html", "p.html")
    result = run("gate", "m.tflite", "--budget", FAILING, "--target", "host", *files)
    assert result.exit_code == 1
    assert Tree.parse("j.xml").getroot().get("failures") == "1"
    assert Path("m.md").read_text().startswith("## ❌ Latency gate failed")
    assert "<html" in Path("p.html").read_text()
    assert run("gate", "m.tflite", "--budget", FAILING, "--target", "host", *files).exit_code == 2


def test_markdown_can_be_printed(run: Run, workflow: Workflow) -> None:
    result = run("gate", "m.tflite", "--budget", PASSING, "--target", "host", "--markdown", "-")
    assert result.stdout.startswith("## ✅ Latency gate passed")


def test_under_github_actions_there_are_annotations_and_a_summary(
    run: Run, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("of an earlier step\n")
    result = run("gate", "m.tflite", "--budget", FAILING, "--target", "host", "--json")
    assert json.loads(result.stdout)["verdict"] == "fail"
    lines = result.stderr.splitlines()
    assert any(
        re.match(r"::error title=m on host::fail: total: 3\.\d+ ms", line.replace("between ", ""))
        for line in lines
    )
    summary = Path("summary.md").read_text()
    assert summary.startswith("of an earlier step\n## ❌ Latency gate failed")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "none/summary.md")
    refused = run("gate", "m.tflite", "--budget", PASSING, "--target", "host")
    assert (refused.exit_code, "the summary of the step could not be written" in refused.stderr) == (0, True)


CONFIGURATION = """
[gate]
target = "host"
threads = 2
budget = ["5ms"]

[[gate.case]]
name = "first"
model = "../m.tflite"

[[gate.case]]
model = "../m.tflite"
target = "adb:X"
threads = 4
quiet = true
budget = ["total=1ms", "size=5MB"]
input = {a = "a.raw"}
runtime = "lib.so"
"""


@pytest.fixture
def configured(folder: Path) -> Path:
    path = folder / "ci" / "tflprof.toml"
    path.parent.mkdir()
    path.write_text(CONFIGURATION.replace('input = {a = "a.raw"}\n', ""))
    return path


@pytest.mark.parametrize("place", ["global", "verb"])
def test_the_cases_of_a_configuration(run: Run, workflow: Workflow, configured: Path, place: str) -> None:
    words = ("--config", configured, "gate") if place == "global" else ("gate", "--config", configured)
    result = run(*words, "--json")
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)["cases"]
    assert (first["name"], first["verdict"], first["target"]) == ("first", "pass", "host")
    assert (second["name"], second["verdict"]) == ("m on adb:X", "fail")
    assert len(second["budgets"]) == 2
    one, other, again = workflow.calls
    assert (one["threads"], one["runtime"], one["setup"]) == (2, None, None)
    assert (other["threads"], other["setup"]) == (4, PhoneSetup(quiet=True))
    assert other["runtime"] == configured.parent / "lib.so"
    assert one["model"].resolve() == Path("m.tflite").resolve()
    assert again["target"] == "adb:X"


def test_what_is_typed_goes_before_every_case(run: Run, workflow: Workflow, configured: Path) -> None:
    run("gate", "--config", configured, "--threads", "1", "--target", "interpreter")
    assert {(call["threads"], call["target"]) for call in workflow.calls} == {(1, "interpreter")}


def test_a_model_takes_the_defaults_of_the_configuration_and_none_of_its_cases(
    run: Run, workflow: Workflow, configured: Path
) -> None:
    assert run("gate", "m.tflite", "--config", configured).exit_code == 0
    (call,) = workflow.calls
    assert (call["target"], call["threads"]) == ("host", 2)


def test_the_configuration_in_this_folder_is_taken(run: Run, workflow: Workflow, folder: Path) -> None:
    (folder / "tflprof.toml").write_text(
        '[[gate.case]]\nmodel = "m.tflite"\ntarget = "host"\nbudget = ["5ms"]\n'
    )
    assert run("gate").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gate]\nbudgets = ['5ms']\n", "unknown key 'budgets' in [gate]"),
        ("[gate]\nbudgets = ['5ms']\n", "did you mean 'budget'"),
        ("[gate]\nbudget = '5ms'\n", "must be a list of texts"),
        ("[gate]\ncase = 3\n", "must be tables, each under [[gate.case]]"),
        ("[[gate.case]]\nmodell = 'm.tflite'\n", "did you mean 'model'"),
        ("[[gate.case]]\nthreads = '4'\n", "threads in [[gate.case]] must be a whole number"),
        ("[[gate.case]]\nbudget = ['5ms']\n", "has no model"),
        ("[[gate.case]]\nmodel = 'm.tflite'\nkernels = 'fast'\nbudget = ['5M']\n", "no kernels 'fast'"),
        (
            "[[gate.case]]\nmodel = 'm.tflite'\nbudget = ['5ms']\ncost = 'instructions'\n",
            "counts instructions",
        ),
        ("[[gate.case]]\nmodel = 'm.tflite'\nbudget = ['5M']\ncost = 'magic'\n", "no cost model 'magic'"),
        (
            "[[gate.case]]\nmodel = 'm.tflite'\n[[gate.case]]\nmodel = 'm.tflite'\n",
            "two cases of the gate are called",
        ),
        ("[gates]\n", "did you mean 'gate'"),
        ("[gate]\ninconclusive-as = 'maybe'\n[[gate.case]]\nmodel = 'm.tflite'\nbudget = ['5M']\n", "maybe"),
    ],
)
def test_mistakes_in_the_configuration_are_usage_errors(
    run: Run, workflow: Workflow, text: str, said: str
) -> None:
    Path("my.toml").write_text(text)
    result = run("gate", "--config", "my.toml")
    assert result.exit_code == 2
    assert said in result.stderr
    assert workflow.calls == []


def test_what_is_of_one_model_is_refused_for_all_cases(
    run: Run, workflow: Workflow, configured: Path
) -> None:
    for option in (["--budget", "5ms"], ["--baseline", "b.parquet"]):
        result = run("gate", "--config", configured, *option)
        assert (result.exit_code, "is for one MODEL" in result.stderr) == (2, True)


def test_a_configuration_that_does_not_exist(run: Run) -> None:
    result = run("gate", "--config", "none.toml")
    assert (result.exit_code, "cannot read the configuration none.toml" in result.stderr) == (2, True)


def test_a_case_that_fails_to_run_leaves_the_others(run: Run, workflow: Workflow, configured: Path) -> None:
    workflow.error = RunnerError("it died")
    result = run("gate", "--config", configured)
    assert result.exit_code == 3
    assert len(workflow.calls) == 2


@pytest.mark.parametrize(
    ("wish", "word"), [("cool-to = 500", "--cool-to"), ("frequency = -2", "--frequency")]
)
def test_a_wish_of_a_case_is_checked_before_anything_is_measured(
    run: Run, workflow: Workflow, wish: str, word: str
) -> None:
    Path("t.toml").write_text(
        f'[[gate.case]]\nmodel = "m.tflite"\ntarget = "adb"\nbudget = ["5ms"]\n{wish}\n'
    )
    result = run("gate", "--config", "t.toml")
    assert (result.exit_code, word in result.stderr, workflow.calls) == (2, True, [])


def test_cases_whose_names_make_one_file_name_keep_both_profiles(run: Run, workflow: Workflow) -> None:
    Path("t.toml").write_text(
        '[gate]\ntarget = "host"\nbudget = ["5ms"]\n'
        '[[gate.case]]\nname = "a/b"\nmodel = "m.tflite"\n'
        '[[gate.case]]\nname = "a b"\nmodel = "m.tflite"\n'
    )
    assert run("gate", "--config", "t.toml", "-o", "kept").exit_code == 0
    assert sorted(path.name for path in Path("kept").iterdir()) == ["a_b-2.parquet", "a_b.parquet"]


def test_what_was_not_judged_clearly_says_what_to_do(run: Run, workflow: Workflow) -> None:
    unsure = run("gate", "m.tflite", "--target", "host", "--budget", UNSURE)
    assert "→ measure longer, with --max-seconds" in unsure.stdout
    write_profile(make_profile(unit="instructions"), Path("other.parquet"))
    other = run("gate", "m.tflite", "--target", "host", "--baseline", "other.parquet")
    assert (other.exit_code, "--update-baseline" in other.stdout) == (4, True)


def test_the_page_says_the_verdict_and_what_failed(run: Run, workflow: Workflow) -> None:
    failed = run("gate", "m.tflite", "--target", "host", "--budget", FAILING, "--html", "p.html")
    page = Path("p.html").read_text(encoding="utf-8")
    assert failed.exit_code == 1
    assert 'id="verdict"' in page
    assert "FAIL</h1>" in page
    assert "above the limit of" in page.replace("\u00a0", " ")

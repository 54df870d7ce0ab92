"""The action, the examples and the commands of docs/ci.md, run as a CI service would run them."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.yaml_subset import read_yaml
from tflprof.analysis.budget import parse_limit
from tflprof.cli.config import load_defaults
from tflprof.model.build import build_network

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "ci"
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
ACTION = read_yaml(ROOT / "action.yml")
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


# The action


def test_the_action_says_what_github_needs() -> None:
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS.values():
        assert ("uses" in step) != ("run" in step)
        assert ("run" in step) == ("shell" in step)
        assert set(step) <= {"name", "id", "if", "shell", "run", "env", "uses", "with"}
    assert all(set(one) == {"description", "required", "default"} for one in ACTION["inputs"].values())
    ids = {step.get("id") for step in STEPS.values()}
    for output in ACTION["outputs"].values():
        found = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.[\w-]+ \}\}", output["value"])
        assert found
        assert found[1] in ids


def test_no_input_is_ever_part_of_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
    used = {name for text in STEPS["Gate"]["env"].values() for name in re.findall(r"inputs\.([\w-]+)", text)}
    elsewhere = {"emulation", "python-version"}
    assert used | elsewhere == set(ACTION["inputs"])


def test_every_input_and_output_is_documented() -> None:
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in PAGE


class Job:
    """A job of GitHub's: runs steps of the action as its runner does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.tools = self.temporary / "tflprof" / "bin"
        self.tools.mkdir(parents=True)
        self.asked = folder / "asked"
        self.outputs: dict[str, str] = {}

    def program(self, name: str, body: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def run(
        self, name: str, inputs: dict[str, str] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a step's script with the inputs that are given, and defaults for the rest."""
        given = {key: one["default"] for key, one in ACTION["inputs"].items()} | (inputs or {})
        assert set(given) == set(ACTION["inputs"])
        script = self.folder / "step.sh"
        script.write_text(STEPS[name]["run"])
        variables = {
            key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], text)
            for key, text in STEPS[name].get("env", {}).items()
        }
        outputs = self.folder / "outputs"
        outputs.write_text("")
        environment = {
            **os.environ,
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "RUNNER_TEMP": str(self.temporary),
            **variables,
            **more,
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            shell, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        self.outputs = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        return done


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job in which ``tflprof`` writes down how it was called and says what FAKE says."""
    job = Job(tmp_path)
    job.program(
        "tflprof", f'printf "%s\\n" "$@" > "{job.asked}"\n[ -z "$FAKE" ] || echo "$FAKE"\nexit "$CODE"'
    )
    job.program("python", f'exec "{sys.executable}" "$@"')
    return job


def test_inputs_become_arguments_word_by_word(job: Job) -> None:
    inputs = {
        "config": "my config.toml",
        "model": "-model $(touch pwned).tflite",
        "target": "emulated:pixel2",
        "baseline": "b'ase;line.parquet",
        "budget": 'total=+3%,50us\n\nlayer:"a b" `x`=2ms\n  \n',
        "inconclusive-as": "pass",
        "require-trust": "true",
        "update-baseline": "true",
        "output": "my results",
    }
    done = job.run("Gate", inputs, FAKE='{"verdict": "pass"}', CODE="0")
    assert done.returncode == 0, done.stderr
    words = job.asked.read_text().splitlines()
    pairs = list(itertools.pairwise(words))
    for pair in [
        ("--config", "my config.toml"),
        ("--target", "emulated:pixel2"),
        ("--baseline", "b'ase;line.parquet"),
        ("--budget", "total=+3%,50us"),
        ("--budget", 'layer:"a b" `x`=2ms'),
        ("--inconclusive-as", "pass"),
        ("--junit", "my results/junit.xml"),
    ]:
        assert pair in pairs
    assert words[-2:] == ["--", "-model $(touch pwned).tflite"]
    assert {"--require-trust", "--update-baseline"} <= set(words)
    assert words.count("--budget") == 2
    assert not (job.folder / "pwned").exists()
    assert (job.folder / "my results" / "result.json").is_file()


def test_without_inputs_the_configuration_decides(job: Job) -> None:
    job.run("Gate", FAKE='{"verdict": "pass"}', CODE="0")
    words = job.asked.read_text().splitlines()
    assert not {"--config", "--target", "--budget", "--baseline", "--require-trust", "--"} & set(words)


@pytest.mark.parametrize(
    ("code", "said", "verdict"),
    [
        ("0", '{"verdict": "pass"}', "pass"),
        ("1", '{"verdict": "fail"}', "fail"),
        ("4", '{"verdict": "incomparable"}', "incomparable"),
        ("3", '{"verdict": "inconclusive"}', "error"),
        ("2", "", "error"),
        ("70", "", "error"),
    ],
)
def test_the_outputs_say_the_verdict_and_the_step_ends_with_its_status(
    job: Job, code: str, said: str, verdict: str
) -> None:
    done = job.run("Gate", FAKE=said, CODE=code)
    assert done.returncode == int(code)
    assert job.outputs == {"verdict": verdict, "exit-code": code, "output": "tflprof-gate"}


def test_python_is_looked_for(job: Job) -> None:
    assert job.run("Look for Python").returncode == 0
    assert job.outputs["missing"] == str(sys.version_info < (3, 11)).lower()
    job.program("python3", "exit 1")
    job.run("Look for Python", PATH=f"{job.tools}:{os.environ['PATH']}")
    assert job.outputs == {"missing": "true"}


def test_the_packages_are_those_of_the_set_up(job: Job) -> None:
    """What the action installs is what ``make emulation`` does."""
    package = r"qemu-user|[\w-]+-arm64-cross"
    wanted = re.findall(package, STEPS["Install the emulated ARM core"]["run"])
    script = (ROOT / "scripts" / "setup_emulation.sh").read_text(encoding="utf-8")
    assert set(wanted) == set(re.findall(package, script))
    job.program("dpkg-query", "printf installed")
    done = job.run("Install the emulated ARM core", PATH=f"{job.tools}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "")


def test_scripts_are_sound_for_the_shell() -> None:
    for step in STEPS.values():
        subprocess.run(["bash", "-n"], input=step.get("run", ""), text=True, check=True)
    subprocess.run(["bash", "-n", ROOT / "scripts" / "github_gate.sh"], check=True)


@pytest.mark.emulated
def test_the_gate_step_with_the_real_command(job: Job) -> None:
    job.program("tflprof", f'exec "{sys.executable}" -m tflprof "$@"')
    (job.folder / "m.tflite").write_bytes(build_network("mobilenet_v1", size=32, width=0.25))
    inputs = {"model": "m.tflite", "target": "emulated:pixel2", "budget": "size=5MB\nlayer:logits=100inst"}
    done = job.run("Gate", inputs)
    assert done.returncode == 1, done.stderr
    assert (job.outputs["verdict"], job.outputs["exit-code"]) == ("fail", "1")
    assert "::error title=m on emulated%3Apixel2::fail: layer 0/28 logits" in done.stderr
    assert "| ❌ fail | `layer 0/28 logits (CONV_2D)` |" in done.stdout
    assert (job.folder / "summary.md").read_text().startswith("## ❌ Latency gate failed")
    results = job.folder / "tflprof-gate"
    assert json.loads((results / "result.json").read_text())["verdict"] == "fail"
    names = {"result.json", "junit.xml", "gate.html", "gate.md", "profiles"}
    assert {path.name for path in results.iterdir()} == names


# The examples


def test_the_examples_are_what_the_page_shows() -> None:
    shown = [tomllib.loads(text) for text in blocks("toml")]
    example = tomllib.loads((EXAMPLES / "tflprof.toml").read_text(encoding="utf-8"))
    assert shown[0]["gate"]["case"][0] == example["gate"]["case"][0]
    workflow = read_yaml(EXAMPLES / "gate.yml")
    steps = workflow["jobs"]["gate"]["steps"]
    action = next(step for step in steps if "tflprof" in step.get("uses", ""))
    assert set(action["with"]) <= set(ACTION["inputs"])
    for step in steps:
        for name in re.findall(r"steps\.gate\.outputs\.([\w-]+)", str(step)):
            assert name in ACTION["outputs"]


def gate_options(text: str) -> list[str]:
    """The options of a gate in a script."""
    return re.findall(r"(--[\w-]+)", text)


def test_the_scripts_of_gitlab_and_jenkins_use_options_there_are() -> None:
    gitlab = read_yaml(EXAMPLES / ".gitlab-ci.yml")["latency-gate"]
    scripts = [gitlab["script"][0]]
    scripts += re.findall(r"tflprof gate [^']*", (EXAMPLES / "Jenkinsfile").read_text(encoding="utf-8"))
    assert len(scripts) == 2
    for script in scripts:
        assert_parses(script[script.index("tflprof gate") :])
    assert gitlab["artifacts"]["reports"]["junit"] in scripts[0]
    assert set(gitlab["artifacts"]["paths"]) <= set(scripts[0].split())


@pytest.mark.emulated
def test_the_example_configuration_runs(tmp_path: Path) -> None:
    folder = tmp_path / "ci"
    shutil.copytree(EXAMPLES, folder)
    cases = tomllib.loads((folder / "tflprof.toml").read_text(encoding="utf-8"))["gate"]["case"]
    for place in ("models", "baselines"):
        (folder / place).mkdir()
    for case, dtype in zip(cases, ("float32", "int8"), strict=True):
        model = build_network("mobilenet_v1", size=96, width=0.25, dtype=dtype)
        (folder / case["model"]).write_bytes(model)
    assert tflprof(folder, "gate").returncode == 2  # there is no baseline yet
    made = tflprof(folder, "gate", "--update-baseline")
    assert made.returncode == 0, made.stdout + made.stderr
    passed = tflprof(tmp_path, "gate", "--config", "ci/tflprof.toml", "--json")
    assert passed.returncode == 0, passed.stdout
    assert [case["verdict"] for case in json.loads(passed.stdout)["cases"]] == ["pass", "pass"]
    larger = build_network("mobilenet_v1", size=112, width=0.25)
    (folder / cases[0]["model"]).write_bytes(larger)
    assert tflprof(folder, "gate").returncode == 1


def tflprof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflprof", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


# The page


def assert_parses(command: str) -> None:
    """A command's options exist, and its budgets are budgets."""
    words = subprocess.run(
        ["bash", "-c", f'tflprof() {{ printf "%s\\n" "$@"; }}\n{command}'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    done = subprocess.run(
        [sys.executable, "-m", "tflprof", *words, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    for option, value in itertools.pairwise(words):
        if option == "--budget":
            parse_limit(value)


def test_the_commands_of_the_page_exist() -> None:
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("tflprof")]
    assert len(commands) == 9
    for command in commands:
        assert_parses(command)


def test_the_budgets_of_the_page_are_budgets() -> None:
    table = PAGE[PAGE.index("| budget | at most |") : PAGE.index("- Times:")]
    budgets = [
        text
        for row in table.splitlines()[2:]
        if row
        for text in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    ]
    assert len(budgets) > 15
    for text in budgets:
        parse_limit(text)


def test_the_configurations_of_the_page_are_valid(tmp_path: Path) -> None:
    for text in blocks("toml"):
        path = tmp_path / "tflprof.toml"
        path.write_text(text)
        for case in load_defaults(path)["gate"]["case"]:
            assert [parse_limit(budget) for budget in case["budget"]]


@pytest.mark.emulated
def test_the_first_steps_of_the_page_run(tmp_path: Path) -> None:
    script = "\n".join(["set -e", f'tflprof() {{ "{sys.executable}" -m tflprof "$@"; }}', blocks("sh")[0]])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Gate  passed") == 4
    (python,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("pass ["), done.stderr

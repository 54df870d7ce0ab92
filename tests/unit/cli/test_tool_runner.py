"""Options of ``profile --runner benchmark_model``: what reaches the tool, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tests.unit.cli.conftest import Run
from tflprof.profile.profile import Profile

TOOL = ("profile", "m.tflite", "--target", "host", "--runner", "benchmark_model", "--binary", "tool")
CONFIGURATION = (
    '[profile]\nrate = 30\nsustain = 1\npmu = true\nweight-cache = true\nsignature = "s"\nseed = 3\n'
    'precision = 0.05\nxnnpack-flags = 1\nruntime = "lib.so"\ninput.x = "x.raw"\ninput-shape.x = [1, 2]\n'
)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Calls of the workflow that runs a tool."""
    calls: list[dict[str, Any]] = []

    def profile_with_tool(_model: Path, **options: Any) -> Profile:
        calls.append(options)
        return make_profile()

    monkeypatch.setattr("tflprof.workflow.tool_profile.profile_with_tool", profile_with_tool)
    return calls


@pytest.mark.parametrize(
    ("configured", "typed", "kernels"),
    [
        (None, None, None),
        (None, "xnnpack", "xnnpack"),
        (None, "builtin", "builtin"),
        ("xnnpack", None, "xnnpack"),
        ("builtin", "xnnpack", "xnnpack"),
        ("reference", None, None),
        (None, "reference", "reference"),
    ],
)
def test_only_kernels_that_were_chosen_reach_the_tool(
    run: Run, tool: list[dict[str, Any]], configured: str | None, typed: str | None, kernels: str | None
) -> None:
    if configured is not None:
        Path("tflprof.toml").write_text(f'[profile]\nkernels = "{configured}"\n')
    result = run(*TOOL, *(["--kernels", typed] if typed else []))
    assert result.exit_code == 0, result.stderr
    assert tool[0]["kernels"] == kernels


@pytest.mark.parametrize("flag", ["--use_gpu=true", "--use_xnnpack=false"])
def test_kernels_and_a_flag_that_chooses_others(run: Run, tool: list[dict[str, Any]], flag: str) -> None:
    result = run(*TOOL, "--kernels", "xnnpack", "--", flag)
    assert result.exit_code == 2
    assert f"--kernels xnnpack and the tool's {flag} exclude each other" in result.stderr
    assert tool == []
    Path("tflprof.toml").write_text('[profile]\nkernels = "builtin"\n')
    assert run(*TOOL, "--", flag).exit_code == 0
    assert tool[0]["kernels"] is None
    assert run(*TOOL, "--kernels", "xnnpack", "--", "--use_gpu=false").exit_code == 0
    assert tool[1]["kernels"] == "xnnpack"


@pytest.mark.parametrize(
    "typed",
    [
        "--xnnpack-flags 4",
        "--xnnpack-flags 0",
        "--precision 0.01",
        "--seed 0",
        "--input x=x.raw",
        "--input-shape x=1,2",
        "--runtime lib.so",
        "--rate 30",
        "--weight-cache",
    ],
)
def test_what_a_tool_lacks_is_refused_by_its_name(run: Run, tool: list[dict[str, Any]], typed: str) -> None:
    result = run(*TOOL, *typed.split())
    assert result.exit_code == 2
    assert f"{typed.split()[0]} does not go with --runner benchmark_model" in result.stderr
    assert tool == []


def test_what_a_tool_lacks_is_left_out_if_the_configuration_says_it(
    run: Run, tool: list[dict[str, Any]]
) -> None:
    Path("tflprof.toml").write_text(CONFIGURATION)
    result = run(*TOOL, "--threads", 2)
    assert result.exit_code == 0, result.stderr
    assert tool[0]["threads"] == 2


def test_a_second_model_is_one_too_many_for_a_tool(run: Run, tool: list[dict[str, Any]]) -> None:
    result = run("profile", "m.tflite", "other.tflite", *TOOL[2:])
    assert result.exit_code == 2
    assert "one model at a time: 'other.tflite'" in result.stderr
    assert tool == []


def test_the_usage_shows_flags_as_they_are_typed(run: Run) -> None:
    usage = run("profile", "--help").stdout.splitlines()[0]
    assert usage.endswith(" [-- FLAG...]")

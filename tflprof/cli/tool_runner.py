"""``tflprof profile --runner benchmark_model``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.progress import progress_display
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.profile.profile import Profile


class RunnerKind(StrEnum):
    """Which program measures."""

    TFLPROF = "tflprof"
    BENCHMARK_MODEL = "benchmark_model"


Runner = Annotated[
    RunnerKind,
    typer.Option(help="What measures: our runner, or an official tool (averages only; docs/import.md)."),
]
BinaryPath = Annotated[
    Path | None, typer.Option("--binary", metavar="PATH", help="The tool of --runner benchmark_model.")
]
ToolFlag = Annotated[
    list[str] | None,
    typer.Option(metavar="FLAG", help="A flag of the tool, such as --tool-flag=--use_gpu=true; repeatable."),
]
ToolFlags = Annotated[
    list[str] | None, typer.Argument(metavar="[-- FLAG...]", help="Flags of the tool.", show_default=False)
]

_UNUSED = (
    "signature",
    "inputs",
    "input_shapes",
    "runtime",
    "xnnpack_flags",
    "weight_cache",
    "rate",
    "sustain",
    "pmu",
)
"""Options of our own runner that a tool does not have."""


def check_runner(runner: RunnerKind, binary: Path | None, flags: list[str]) -> None:
    """Raise UsageError if the options of the runner do not go together."""
    if runner is RunnerKind.BENCHMARK_MODEL:
        if binary is None:
            raise UsageError("--runner benchmark_model needs the tool", "name it with --binary PATH")
        wrong = next((flag for flag in flags if not flag.startswith("--")), None)
        if wrong is not None:
            raise UsageError(f"{wrong!r} is no flag of the tool", "flags look like --use_gpu=true")
    elif binary is not None or flags:
        raise UsageError(
            "--binary and flags of a tool need --runner benchmark_model",
            f"not used: {', '.join(flags) or binary}",
        )


def run_official_tool(model: Path, binary: Path, flags: list[str], options: dict[str, Any]) -> Profile:
    """Profile with a tool; ``options`` are those of ``tflprof profile``. Raises UsageError for what it lacks."""
    from tflprof.workflow.progress import Progress
    from tflprof.workflow.tool_profile import profile_with_tool

    unused = [name for name in _UNUSED if options.get(name)]
    if unused:
        option = "--" + unused[0].removesuffix("s").replace("_", "-")
        raise UsageError(
            f"{option} does not go with --runner benchmark_model", "pass the tool's own flags after --"
        )
    chosen = {name: options[name] for name in ("target", "core", "threads", "max_seconds")}
    # XNNPACK is the default of ours, not a choice; the tools have theirs.
    kernels = None if options["kernels"] == "xnnpack" else options["kernels"]
    with progress_display() as report:
        report(Progress("measuring", None, f"{binary.name} is at work"))
        return profile_with_tool(
            model,
            binary=binary,
            kernels=kernels,
            flags=flags,
            setup=options.get("setup"),
            tell=lambda stage, fraction, detail: report(Progress(stage, fraction, detail)),
            **chosen,
        )

"""``tflprof profile --runner benchmark_model``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from tflprof.cli.options import is_typed
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
_FLAGS = "-- FLAG..."
ToolFlags = Annotated[
    list[str] | None, typer.Argument(metavar=_FLAGS, help="Flags of the tool.", show_default=False)
]

_UNUSED = (
    "signature",
    "input",
    "input_shape",
    "runtime",
    "seed",
    "precision",
    "xnnpack_flags",
    "weight_cache",
    "rate",
    "sustain",
    "pmu",
    "cost",
    "anchors",
)
"""Parameters of our own runner that a tool does not have."""
_KERNELS = ("xnnpack", "builtin")


class ProfileCommand(TyperCommand):
    """``tflprof profile``, whose usage shows the flags of a tool as they are typed."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the usage line."""
        # Optional and repeatable is what the brackets and dots already say.
        pieces = super().collect_usage_pieces(ctx)
        return [f"[{_FLAGS}]" if _FLAGS in piece else piece.strip("{}") for piece in pieces]


def check_runner(runner: RunnerKind, binary: Path | None, flags: list[str]) -> None:
    """Raise UsageError if the options of the runner do not go together."""
    wrong = next((flag for flag in flags if not flag.startswith("--")), None)
    if wrong is not None and (runner is RunnerKind.TFLPROF or wrong.endswith(".tflite")):
        raise UsageError(
            f"one model at a time: {wrong!r} is one argument too many", "run tflprof profile for each"
        )
    if runner is RunnerKind.BENCHMARK_MODEL:
        if binary is None:
            raise UsageError("--runner benchmark_model needs the tool", "name it with --binary PATH")
        if wrong is not None:
            raise UsageError(f"{wrong!r} is no flag of the tool", "flags look like --use_gpu=true")
    elif binary is not None or flags:
        raise UsageError(
            "--binary and flags of a tool need --runner benchmark_model",
            f"not used: {', '.join(flags) or binary}",
        )


def run_official_tool(
    context: typer.Context, model: Path, binary: Path, flags: list[str], options: dict[str, Any]
) -> Profile:
    """Profile with a tool; ``options`` are those of ``tflprof profile``.

    What the tool lacks raises UsageError if it was typed, and is left out if the configuration says it.
    """
    from tflprof.workflow.progress import Progress
    from tflprof.workflow.tool_profile import profile_with_tool

    unused = [name for name in _UNUSED if is_typed(context, name)]
    if unused:
        option = "--" + unused[0].replace("_", "-")
        raise UsageError(
            f"{option} does not go with --runner benchmark_model", "pass the tool's own flags after --"
        )
    chosen = {name: options[name] for name in ("target", "core", "threads", "max_seconds")}
    with progress_display() as report:
        report(Progress("measuring", None, f"{binary.name} is at work"))
        return profile_with_tool(
            model,
            binary=binary,
            kernels=_chosen_kernels(context, options["kernels"], flags),
            flags=flags,
            setup=options.get("setup"),
            tell=lambda stage, fraction, detail: report(Progress(stage, fraction, detail)),
            **chosen,
        )


def _chosen_kernels(context: typer.Context, kernels: str, flags: list[str]) -> str | None:
    """The kernels that the user chose. Our own default is no choice: the tools have theirs."""
    from tflprof.runner.benchmark_model import kernel_choice

    choice = kernel_choice(flags)
    if is_typed(context, "kernels"):
        if choice is not None:
            raise UsageError(f"--kernels {kernels} and the tool's {choice} exclude each other", "give one")
        return kernels
    source = context.get_parameter_source("kernels")
    configured = source is not None and source.name == "DEFAULT_MAP" and kernels in _KERNELS
    return kernels if configured and choice is None else None

"""The entry point: global options and the verbs."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.build import build
from tflprof.cli.calibrate import calibrate
from tflprof.cli.clean import clean
from tflprof.cli.compare import compare
from tflprof.cli.compress import compress
from tflprof.cli.console import settings, show_log
from tflprof.cli.doctor import doctor
from tflprof.cli.export import export
from tflprof.cli.gate import gate
from tflprof.cli.guard import guarded, report_error, silence_stdout
from tflprof.cli.history import history
from tflprof.cli.import_log import import_command
from tflprof.cli.inspect import inspect
from tflprof.cli.profile import profile
from tflprof.cli.recover import recover
from tflprof.cli.report import report
from tflprof.cli.runtimes import runtimes
from tflprof.cli.score import score
from tflprof.cli.show import show
from tflprof.cli.table import table
from tflprof.cli.targets import targets
from tflprof.cli.tool_runner import ProfileCommand
from tflprof.errors import EXIT_PIPE

app = typer.Typer(
    name="tflprof",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help in plain text: rich would double the time that help takes.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=ProfileCommand)(profile)
for command in (
    compare,
    show,
    inspect,
    targets,
    build,
    report,
    export,
    gate,
    calibrate,
    history,
    recover,
    score,
    doctor,
    clean,
):
    app.command()(command)
# Its function cannot be called so: it is a word of the language.
app.command("import")(import_command)
app.add_typer(runtimes)
app.add_typer(table)
app.add_typer(compress)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tflprof {version('tflprof')}", flush=True)
        raise typer.Exit


@app.callback()
@guarded
def main(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more on standard error; show tracebacks.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Defaults; otherwise ./tflprof.toml if there is one.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Per-layer latency of LiteRT models on ARM phones, emulated cores and the host."""
    settings.verbose = verbose
    show_log()
    from tflprof.cli.config import load_defaults

    context.default_map = load_defaults(config)


def _open_closed_streams() -> None:
    """Standard streams that were closed lead nowhere, so that no file of ours is opened in their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for good


def run() -> None:
    """Run the command line and exit with the status of :mod:`tflprof.errors`, never 1 for a failure of ours."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows a replacement instead of ending the command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="tflprof")
    except SystemExit as end:
        cause = end.__context__
        if isinstance(cause, OSError) and cause.errno == errno.EPIPE:
            silence_stdout()
            sys.exit(EXIT_PIPE)
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - an uncaught one would exit with 1
        sys.exit(report_error(error))
    finally:
        # All is done and said: a Ctrl-C while the interpreter closes must not change the exit status.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

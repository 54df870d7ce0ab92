"""``tflprof runtimes``: the inference libraries that can be run on devices."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, Verbose
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tflprof.workflow.runtimes import Acquired, OnBytes

URL_VARIABLE = "TFLPROF_ANDROID_RUNTIME_URL"
"""Names the environment variable that says where the Android library is fetched from."""

runtimes = typer.Typer(
    name="runtimes",
    help="Inference libraries: list them, add and remove your own, fetch the one for Android.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Sha256 = Annotated[
    str | None, typer.Option("--sha256", metavar="HEX", help="What the file must have; it is then pinned.")
]
Repin = Annotated[bool, typer.Option("--repin", help="Fetch again and pin what the URL gives now.")]


@runtimes.command("list")
@guarded
def list_runtimes(json: Json = False, _verbose: Verbose = False) -> None:
    """List the libraries that were added and those that are fetched when needed."""
    from tflprof.workflow.runtimes import catalogue, is_intact, stored

    added = [(entry, is_intact(entry)) for entry in reversed(stored())]
    if json:
        documents = [asdict(entry) | {"path": str(entry.path), "intact": intact} for entry, intact in added]
        known = [asdict(entry) for entry in catalogue()]
        print_document({"schema_version": 1, "added": documents, "catalogue": known})
        return
    rows = [
        (entry.name, entry.version, entry.platform, entry.sha256, entry.origin if intact else "DAMAGED")
        for entry, intact in added
    ]
    rows += [
        (one.name, one.version, one.platform, one.sha256, "catalogue: fetched with pip")
        for one in catalogue()
        if one.wheel
    ]
    _print_table(rows)
    if not any(entry.platform.startswith("android-") for entry, _ in added):
        say("no library for Android phones yet: tflprof runtimes fetch android")


@runtimes.command("add")
@guarded
def add(
    source: Annotated[
        str, typer.Argument(metavar="FILE|AAR|URL", help="A library, an archive with some, or a URL of one.")
    ],
    sha256: Sha256 = None,
    repin: Repin = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Add the libraries of a file, an Android archive or a URL; the last one added of a platform is used."""
    _acquire(source, sha256, repin=repin, json=json)


@runtimes.command("remove")
@guarded
def remove(
    which: Annotated[
        str, typer.Argument(metavar="SHA256|NAME", help="The beginning of its SHA-256, or its name.")
    ],
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Remove a library that was added; the one added before it is used again."""
    from tflprof.workflow.runtimes import remove

    gone = remove(which)
    if json:
        print_document({"schema_version": 1, "removed": [asdict(entry) for entry in gone]})
        return
    for entry in gone:
        version = f" {entry.version}" if entry.version else ""
        print(f"removed {entry.name}{version} for {entry.platform}, {entry.sha256[:12]}, from {entry.origin}")


@runtimes.command("fetch")
@guarded
def fetch(
    what: Annotated[str, typer.Argument(metavar="android", help="What to fetch.")],
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar=URL_VARIABLE, help="Where from; default: Google's Maven."),
    ] = None,
    sha256: Sha256 = None,
    repin: Repin = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Fetch LiteRT for Android. It is published by Google under the Apache License 2.0 and not part of tflprof."""
    from tflprof.workflow.runtimes import android_url

    if what != "android":
        raise UsageError(
            f"there is nothing to fetch called {what!r}",
            "fetch android; other libraries: tflprof runtimes add",
        )
    if url is not None and not url.strip():
        raise UsageError(f"--url {url!r} is empty", "leave it out to fetch from Google's Maven")
    source = android_url() if url is None else url
    say(f"fetching {source}")
    _acquire(source, sha256, repin=repin, json=json)


def _acquire(source: str, sha256: str | None, *, repin: bool, json: bool) -> None:
    from tflprof.workflow.runtimes import add_runtime, pin_file

    with _byte_bar() as on_bytes:
        found = add_runtime(source, sha256=sha256, repin=repin, on_bytes=on_bytes)
    for runtime in found.runtimes:
        if runtime.note:
            say(f"note: {runtime.platform}: {runtime.note}")
    if found.pinned_now:
        say(f"pinned on first use in {pin_file()}: whatever comes from there later must be the same")
        if sha256 is None and source.lower().startswith("http:"):
            say(
                "note: it came over plain http: nobody vouches for the way; compare the SHA-256 with its publisher's"
            )
    if json:
        print_document(_document(found))
        return
    print(f"SHA-256 {found.sha256}  {source}" + ("" if found.downloaded else "  (nothing downloaded)"))
    _print_table([(r.name, r.version, r.platform, r.sha256, r.origin) for r in found.runtimes])


def _document(found: Acquired) -> dict[str, object]:
    added = [asdict(runtime) | {"path": str(runtime.path)} for runtime in found.runtimes]
    return {
        "schema_version": 1,
        "sha256": found.sha256,
        "pinned_now": found.pinned_now,
        "downloaded": found.downloaded,
        "added": added,
    }


def _print_table(rows: list[tuple[str, str | None, str, str, str]]) -> None:
    from rich.table import Table

    from tflprof.report.text import plain

    table = Table(box=None, pad_edge=False)
    for head in ("library", "version", "platform", "SHA-256", "from"):
        table.add_column(head, overflow="fold")
    for name, version, platform, sha256, origin in rows:
        table.add_row(name, plain(version or "–"), platform, sha256[:12], plain(origin))
    result_console().print(table)


@contextmanager
def _byte_bar() -> Iterator[OnBytes | None]:
    """A bar of a download on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("", total=None)

        def report(done: int, total: int | None) -> None:
            display.update(task, completed=done, total=total)

        yield report

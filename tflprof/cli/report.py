"""``tflprof report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, ProfilePath, Verbose
from tflprof.cli.outputs import check_outputs, save_page


@guarded
def report(
    profile: ProfilePath,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The page; default: PROFILE with .html."),
    ] = None,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Write a profile as one HTML page."""
    from tflprof.profile.store import read_profile

    collected = read_profile(profile)
    page = output or profile.with_suffix(".html")
    check_outputs(profile, [page], force=force)
    save_page(collected, page, force=force)

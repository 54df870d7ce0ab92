"""Files that a command writes: checked before the work, and never a reason to lose its result."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tflprof.cli.console import say
from tflprof.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from tflprof.profile.profile import Profile


def check_outputs(model: Path, outputs: list[Path], *, force: bool) -> None:
    """Raise before anything is measured if an output cannot be written, or would replace the model or another."""
    from tflprof.profile.store import check_writable

    seen = {_real(model)}
    for path in outputs:
        if _real(path) in seen:
            raise UsageError(
                f"the output {path} is also another file of this command", "give it another name"
            )
        seen.add(_real(path))
        check_writable(path, overwrite=force)


def _real(path: Path) -> str:
    # Path.resolve raises RuntimeError for a link to itself.
    return os.path.realpath(path)


def save_profile(profile: Profile, path: Path, *, force: bool) -> None:
    """Write a profile and say where; if that fails, to a temporary file, and raise the failure."""
    from tflprof.profile.store import write_profile

    try:
        write_profile(profile, path, overwrite=force)
    except (EnvironmentFault, UsageError):
        rescue = Path(tempfile.mkdtemp(prefix="tflprof-")) / path.name
        write_profile(profile, rescue)
        say(f"the profile was saved as {rescue} instead")
        raise
    say(f"profile saved as {path}")


def save_page(profile: Profile, path: Path, *, force: bool) -> None:
    """Write the HTML report and say where."""
    from tflprof.report.html import write_page

    write_page(profile, path, overwrite=force)
    say(f"report saved as {path}")

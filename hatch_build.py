"""Builds the runner before it is packed, so that a wheel works where there is no compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RunnerBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # the parameter is hatchling's own
    """Compiles android_runner/ into tflprof/runner/bin/ for every platform the package serves.

    The wheel stays ``py3-none-any``: nothing in it is loaded into Python. The runners are data,
    programs for the *target* (a phone, an emulated core, the host), all carried at once, and the
    one that fits is chosen at run time by `tflprof.runner.binary`.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Builds, for a wheel and for an editable install; a source distribution carries the C sources."""
        builder = Path(self.root, "android_runner", "build.py")
        # Standard output belongs to the packaging tool.
        subprocess.run([sys.executable, str(builder)], check=True, stdout=sys.stderr)

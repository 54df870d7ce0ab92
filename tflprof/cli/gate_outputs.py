"""What a gate leaves behind: the table, JSON, JUnit XML, Markdown, a page, annotations, and measured profiles."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tflprof.cli.console import print_document, result_console, say
from tflprof.cli.outputs import check_outputs, save_profile
from tflprof.errors import EnvironmentFault, UsageError
from tflprof.files import check_writable

if TYPE_CHECKING:
    from tflprof.analysis.verdicts import GateResult
    from tflprof.profile.profile import Profile

_STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True)
class Outputs:
    """Where the result goes; see the options of the same names."""

    json: bool
    junit: Path | None
    markdown: Path | None
    html: Path | None
    force: bool

    def check(self, inputs: list[Path]) -> None:
        """Raise before anything is measured if an output cannot be written, or would replace an input."""
        if self.json and self.markdown == _STANDARD_OUTPUT:
            raise UsageError("--json and --markdown - both print", "give --markdown a file")
        files = [path for path in (self.junit, self.markdown, self.html) if path and path != _STANDARD_OUTPUT]
        for one in inputs:
            check_outputs(one, files, force=self.force)

    def deliver(self, result: GateResult) -> None:
        """Write all files, then print: a closed pipe must not cost a file, nor a full disk the verdict."""
        from tflprof.report.gate_annotations import gate_annotations

        if os.environ.get("GITHUB_ACTIONS") == "true":
            # The runner reads commands from standard error as well, and standard output may be JSON.
            for line in gate_annotations(result):
                print(line, file=sys.stderr, flush=True)
        try:
            self._save(result)
        finally:
            self._print(result)

    def _save(self, result: GateResult) -> None:
        from tflprof.report.gate_junit import gate_junit
        from tflprof.report.gate_markdown import gate_markdown

        if self.junit:
            _write(self.junit, gate_junit(result))
        if self.markdown and self.markdown != _STANDARD_OUTPUT:
            _write(self.markdown, gate_markdown(result))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(gate_markdown(result) + "\n")
            except OSError as error:
                say(f"the summary of the step could not be written: {error}")
        if self.html:
            from tflprof.report.gate_page import write_gate_page

            write_gate_page(result, self.html, overwrite=self.force)
            say(f"report saved as {self.html}")

    def _print(self, result: GateResult) -> None:
        if self.json:
            from tflprof.report.gate_document import gate_document

            print_document(gate_document(result))
        elif self.markdown == _STANDARD_OUTPUT:
            from tflprof.report.gate_markdown import gate_markdown

            print(gate_markdown(result))
        else:
            from tflprof.report.gate_table import print_gate

            print_gate(result, result_console())


@dataclass
class ProfileKeeper:
    """Saves every profile as soon as it was measured, in a folder; nowhere without one."""

    folder: Path | None
    force: bool
    _saved: set[Path] = field(default_factory=set)

    def check(self, names: list[str]) -> None:
        """Make the folder; raise before anything is measured if it cannot be, or has a case's profile already."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentFault(f"cannot make the folder {self.folder}: {error.strerror}") from error
        for name in names:
            check_writable(self._path(name, 1), overwrite=self.force)

    def keep(self, name: str, profile: Profile) -> None:
        """Save a profile as NAME.parquet; further ones of that name, of any case, get a number: NAME-2.parquet."""
        if self.folder is None:
            return
        path = next(path for i in count(1) if (path := self._path(name, i)) not in self._saved)
        self._saved.add(path)
        save_profile(profile, path, force=self.force)

    def _path(self, name: str, number: int) -> Path:
        assert self.folder is not None
        stem = re.sub(r"[^\w.-]+", "_", name).strip("._") or "case"
        return self.folder / f"{stem}{f'-{number}' if number > 1 else ''}.parquet"


def _write(path: Path, text: str) -> None:
    from tflprof.files import write_atomically

    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))
    say(f"result saved as {path}")

"""The folders of a batch: profiles, reports, and ``summary.json``, which tells how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from tflprof.analysis.batch import BatchEntry, BatchResult, Status, digest_of
from tflprof.errors import EnvironmentFault, UsageError
from tflprof.files import write_atomically
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile
from tflprof.report.batch_document import BATCH_KIND, batch_document
from tflprof.report.document import to_text
from tflprof.workflow.batch_files import Item

SUMMARY = "summary.json"


class Unsaved(Exception):
    """A file of a batch could not be written: neither can the next.

    Attributes:
        error: why not.
        place: where the profile is all the same, None if it is lost.
    """

    def __init__(self, error: EnvironmentFault, place: Path | None) -> None:
        super().__init__(error.what)
        self.error = error
        self.place = place


class BatchFolder:
    """Where a batch keeps its files.

    Args:
        folder: of profiles and ``summary.json``.
        pages: of reports, None for none.
    """

    def __init__(self, folder: Path, pages: Path | None) -> None:
        self.folder = folder
        self.pages = pages

    def check(self, *, force: bool) -> None:
        """Make the folders. Raises UsageError, EnvironmentFault if they cannot be used."""
        for folder in (self.folder, self.pages):
            if folder is not None:
                make_folder(folder)
                if not os.access(folder, os.W_OK):
                    raise EnvironmentFault(f"the folder {folder} is not writable", "choose another")
        summary = self.folder / SUMMARY
        if summary.exists() and not force and not _is_ours(summary):
            raise UsageError(
                f"{summary} exists and is not of a batch", "choose another folder, or replace it with --force"
            )

    def profile(self, item: Item) -> Path:
        """Where the profile of a model is or goes."""
        return self.folder / item.profile

    def page(self, item: Item) -> Path | None:
        """Where its report is or goes; None without reports."""
        return None if self.pages is None else self.pages / item.page

    def make_room(self, item: Item) -> None:
        """Make the folders of a model's files. Raises UsageError, EnvironmentFault if they cannot be there."""
        for path in (self.profile(item), self.page(item)):
            if path is None:
                continue
            make_folder(path.parent)
            if path.is_dir():
                raise UsageError(f"{path} is a folder", "move it away, or choose another with -o DIR")

    def save(self, profile: Profile, item: Item) -> None:
        """Write a profile in its place. Raises Unsaved; then it is in a temporary folder, if that can be."""
        place = self.profile(item)
        try:
            write_profile(profile, place, overwrite=True)
        except EnvironmentFault as error:
            rescued = None
            with contextlib.suppress(EnvironmentFault, OSError):
                rescued = write_profile(profile, Path(tempfile.mkdtemp(prefix="tflprof-")) / place.name)
            raise Unsaved(error, rescued) from error

    def entry(self, item: Item, status: Status, profile: Profile) -> BatchEntry:
        """The entry of a model that has its profile; its report is written, unless it is there. Raises Unsaved."""
        page = self.page(item)
        if page is not None and not (status == "up to date" and page.exists()):
            from tflprof.report.html import write_page

            try:
                write_page(profile, page, overwrite=True)
            except EnvironmentFault as error:
                raise Unsaved(error, self.profile(item)) from error
        return BatchEntry(
            str(item.model),
            status,
            profile=str(self.profile(item)),
            page=None if page is None else str(page),
            digest=digest_of(profile),
        )

    def write_summary(self, result: BatchResult) -> None:
        """Replace ``summary.json``. Raises EnvironmentFault."""
        text = to_text(batch_document(result)) + "\n"
        write_atomically(self.folder / SUMMARY, lambda part: part.write_text(text, encoding="utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises UsageError if a file is in the way, EnvironmentFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            f"cannot make the folder {folder}: a file is in its place", "choose another with -o DIR"
        ) from error
    except OSError as error:
        raise EnvironmentFault(
            f"cannot make the folder {folder}: {error.strerror or error}", "choose another with -o DIR"
        ) from error


def _is_ours(path: Path) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("kind") == BATCH_KIND and "models" in document

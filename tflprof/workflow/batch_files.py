"""Which models a batch is of, and where their profiles go."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.model.filetype import directory_kind

SUFFIX = ".tflite"
_PROFILE, _PAGE = ".parquet", ".html"


@dataclass(frozen=True)
class Item:
    """A model and the places of its files, relative to the folders of profiles and of pages."""

    model: Path
    place: Path

    @property
    def profile(self) -> Path:
        """Of its profile."""
        return self.place.with_name(self.place.name + _PROFILE)

    @property
    def page(self) -> Path:
        """Of its report."""
        return self.place.with_name(self.place.name + _PAGE)


def is_pattern(text: str) -> bool:
    """True for a name with ``*``, ``?`` or ``[…]`` that is no file or folder of this very name."""
    return glob.has_magic(text) and not os.path.lexists(text)


def find_items(arguments: Sequence[str | os.PathLike[str]]) -> list[Item]:
    """The models that files, folders and patterns stand for, each once, and where their files go.

    Of a folder it is all ``.tflite`` files beneath it, but those in hidden folders; of a pattern what it matches,
    where ``**`` stands for any folders. Places mirror the paths below the folder that all of them share.

    Raises:
        UsageError: an argument names nothing, a folder has no model, or a pattern matches nothing.
    """
    models: dict[str, Path] = {}
    bases: list[str] = []
    for argument in arguments:
        text = os.fspath(argument)
        for name in _matches(text):
            path = Path(name)
            found = _below(path) if path.is_dir() else [path]
            # A pattern may match folders without models, but not only these.
            if not found and not is_pattern(text):
                raise _no_models(path)
            bases += [_absolute(path if path.is_dir() else path.parent)] if found else []
            models.update({_absolute(each): each for each in found})
        if is_pattern(text) and not bases:
            raise UsageError(
                f"there is no {SUFFIX} file in what {text} matches",
                "name another folder, or the files themselves",
            )
    return _placed(models, os.path.commonpath(bases)) if bases else []


def _no_models(folder: Path) -> UsageError:
    if (folder / "saved_model.pb").is_file():
        kind, hint = directory_kind(folder)
        return UsageError(f"{folder} is {kind}", hint)
    return UsageError(
        f"there is no {SUFFIX} file in {folder}", "name another folder, or the files themselves"
    )


def _absolute(path: Path) -> str:
    """Links stay as they are: their names are the user's."""
    return os.path.normpath(path.absolute())


def _matches(text: str) -> list[str]:
    """What an argument stands for, in order."""
    if Path(text).exists():
        return [text]
    if not is_pattern(text):
        raise UsageError(
            f"{text} does not exist", "name a .tflite file, a folder, or a pattern such as 'models/*.tflite'"
        )
    # Not sorted by the shell's rules of the user's language, so that the order is the same everywhere.
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - an absolute pattern is fine, too
    if not found:
        raise UsageError(f"nothing matches {text}", "check the pattern; ** stands for any folders")
    return found


def _below(folder: Path) -> list[Path]:
    return sorted(_walk(folder), key=lambda path: path.parts)


def _walk(folder: Path) -> Iterator[Path]:
    """Models beneath a folder. Links to folders are followed; a folder is looked into once, whatever leads to it."""
    seen = {os.path.realpath(folder)}
    for place, folders, files in os.walk(folder, followlinks=True):
        inside = {
            name: os.path.realpath(Path(place, name)) for name in sorted(folders) if not name.startswith(".")
        }
        fresh = []
        for name, real in inside.items():
            if real not in seen:
                seen.add(real)
                fresh.append(name)
        folders[:] = fresh
        for name in files:
            path = Path(place, name)
            if path.suffix.lower() == SUFFIX and not name.startswith(".") and path.is_file():
                yield path


def _placed(models: dict[str, Path], base: str) -> list[Item]:
    """Places without the models' suffix; all with it if two of them would be one file."""
    whole = [Path(os.path.relpath(name, base)) for name in models]
    short = [path.with_suffix("") if path.suffix.lower() == SUFFIX else path for path in whole]
    # Some file systems take names that differ in case for one.
    distinct = len({str(path).casefold() for path in short}) == len(short)
    return [Item(*each) for each in zip(models.values(), short if distinct else whole, strict=True)]

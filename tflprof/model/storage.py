"""Bytes of a model on disk: mapped, never copied, in one file or several."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from tflprof.errors import ModelError
from tflprof.model.filetype import directory_kind, other_kind

IDENTIFIER = b"TFL3"

_LARGE = 64 << 20
_TOUCHES = 8

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FileStamp:
    """By what one tells that a file is no longer the one that was read.

    Attributes:
        path: the file.
        state: device, inode, size in bytes, and time of the last change in nanoseconds.
    """

    path: str
    state: tuple[int, int, int, int]

    @property
    def is_current(self) -> bool:
        """Whether the file is still what it was; False if it is gone."""
        return self._now() == self.state

    @property
    def is_overwritten(self) -> bool:
        """Whether the very file changed; False if another took its place, which leaves a mapping as it was."""
        now = self._now()
        return now is not None and now[:2] == self.state[:2] and now != self.state

    def _now(self) -> tuple[int, int, int, int] | None:
        try:
            return _state(Path(self.path).stat())
        except OSError:
            return None


class MappedFile(mmap.mmap):
    """A file's bytes; ``stamp`` is of the very file that is mapped."""

    stamp: FileStamp | None = None
    _touched = 0

    def touch(self) -> None:
        """A place somewhere in the file was, or is to be, looked at: now and then memory lets go of what is mapped.

        Some kernels map the 2 MB around each byte that is touched; with the weights of a large model in between,
        its structure alone would make all of the model resident.
        """
        self._touched += 1
        if self._touched % _TOUCHES == 0 and len(self) >= _LARGE and hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)


class Contradiction(ValueError):
    """What a file says can be read, and cannot be true."""


@contextmanager
def damage_as_model_error(path: Path) -> Iterator[None]:
    """Turn whatever reading beyond, or nonsense within, a file raises into a ModelError naming it."""
    try:
        yield
    except ModelError:
        raise
    except Contradiction as error:
        raise ModelError(
            f"{path} contradicts itself: {error}",
            "convert the model again: it was damaged or written wrongly",
        ) from None
    except (ValueError, OSError, MemoryError) as error:
        raise _damaged(path, str(error)) from None
    except (struct.error, TypeError, AttributeError, LookupError, ArithmeticError):
        # What the generated classes raise of themselves says nothing to a user.
        raise _damaged(path, "an offset in it leads nowhere") from None


def map_model(path: Path) -> MappedFile:
    """Map a .tflite file read only. Raises ModelError if it cannot be one."""
    mapped = _map(path, "check the path")
    found = mapped[4:8]
    if len(mapped) < 16 or found != IDENTIFIER:
        raise _other_file(path, mapped[:512])
    return mapped


def map_bytes(content: bytes, path: Path) -> MappedFile:
    """The content of a .tflite file that is not on the disk, as if it were mapped; it has no stamp.

    Raises ModelError, with ``path`` as its name, if it cannot be one.
    """
    if len(content) < 16 or content[4:8] != IDENTIFIER:
        raise _other_file(path, content[:512])
    mapped = MappedFile(-1, len(content))
    mapped.write(content)
    return mapped


def map_external(model: Path, name: str) -> MappedFile:
    """Map a file of external buffers, named relative to the model's directory.

    Raises ModelError if it is missing, or lies outside that directory.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts or "\0" in name:
        raise ModelError(f"{model} keeps weights in {name!r}, which is outside its own directory")
    return _map(model.parent / relative, f"put it beside {model.name}: it holds the model's weights")


def check_stamps(stamps: Iterable[FileStamp]) -> None:
    """Raise ModelError, naming the file, if one of a model's files is no longer what it was."""
    for known in stamps:
        if not known.is_current:
            there = "changed" if Path(known.path).exists() else "was removed"
            raise ModelError(
                f"{known.path} {there} while it was in use", "try again once the file stays as it is"
            )


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def view(mapped: mmap.mmap, offset: int, size: int) -> Bytes:
    """Bytes ``offset`` to ``offset + size`` without copying. Raises ValueError outside the file."""
    if offset + size > len(mapped):
        raise ValueError(f"a buffer ends at byte {offset + size} of {len(mapped)}")
    return np.frombuffer(mapped, np.uint8, size, offset) if size else np.empty(0, np.uint8)


def sha256(paths: list[Path]) -> str:
    """Hexadecimal SHA-256 of the files one after the other, read in pieces."""
    digest = hashlib.sha256()
    piece = bytearray(1 << 20)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(piece):
                digest.update(memoryview(piece)[:count])
    return digest.hexdigest()


def _map(path: Path, hint: str) -> MappedFile:
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            # To open one would wait for whoever writes it, for ever.
            raise ModelError(f"{path} is a pipe, which cannot be mapped", "write the model to a file first")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise ModelError(f"{path} is empty", "copy or download the file again")
            mapped = MappedFile(file.fileno(), 0, access=mmap.ACCESS_READ)
            mapped.stamp = FileStamp(str(path), _state(os.fstat(file.fileno())))
            return mapped
    except IsADirectoryError:
        kind, what_next = directory_kind(path)
        raise ModelError(f"{path} is {kind}", what_next) from None
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist", hint) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", hint) from None


def _other_file(path: Path, head: bytes) -> ModelError:
    if kind := other_kind(path, head):
        what, hint = kind
        return ModelError(f"{path} is not a .tflite model: it looks like {what}", hint)
    if head[4:8] == IDENTIFIER:
        return ModelError(
            f"{path} is truncated: it begins as a .tflite model, but ends after {len(head)} bytes",
            "copy or download the file again and compare its size",
        )
    return ModelError(
        f"{path} is not a .tflite model: bytes 4-8 are {head[4:8]!r}, not {IDENTIFIER!r}",
        "give a .tflite file; convert SavedModel, Keras or ONNX models to .tflite first",
    )


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} is truncated or damaged: {why}",
        "copy or download the file again and compare its size",
    )

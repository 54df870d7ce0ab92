"""What a file that is no .tflite model seems to be instead, from its first bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

_CONVERT = "convert it to .tflite first"
_DOWNLOAD = "download the model file itself"

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "a Keras HDF5 file (.h5)", _CONVERT),
    (b"GGUF", "a GGUF file of a language model", "tflprof needs a .tflite model"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it first"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file it stands for", "run `git lfs pull`"),
    (b"<!doctype", "a web page", _DOWNLOAD),
    (b"<html", "a web page", _DOWNLOAD),
    (b"<?xml", "an XML file", _DOWNLOAD),
    (b"\x7fELF", "a program or library", "give the .tflite file"),
    (b"PAR1", "a Parquet file", "tflprof's profiles are shown by `tflprof show`"),
    (b"\x80\x02", "a pickled PyTorch file", _CONVERT),
    (b"\x08\x01\x12", "a TensorFlow SavedModel (saved_model.pb)", _CONVERT),
)
_OTHERS_AT: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"ET1", "an ExecuTorch program (.pte)", "tflprof profiles .tflite models"),
    (257, b"ustar", "a tar archive", "unpack it first"),
    (8, b"TFL3", "a .tflite model behind four other bytes (its size)", "write it without the size prefix"),
)
_ONNX_FIELDS = (0x12, 0x1A, 0x22, 0x3A, 0x42)
_ONNX_VERSIONS = range(2, 32)


def other_kind(path: Path, head: bytes) -> tuple[str, str] | None:
    """What a file is and what to do, None if it looks like nothing known.

    Args:
        path: the file; only what seems to be a zip archive is opened.
        head: its first bytes, some hundred of them.
    """
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    start = head.lower()
    for begin, kind, hint in _KINDS:
        if start.startswith(begin.lower()):
            return kind, hint
    for at, mark, kind, hint in _OTHERS_AT:
        if head[at : at + len(mark)] == mark:
            return kind, hint
    if len(head) > 2 and head[0] == 8 and head[1] in _ONNX_VERSIONS and head[2] in _ONNX_FIELDS:
        return "an ONNX model", _CONVERT
    return None


def _archive(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        names = []
    models = [name for name in names if name.endswith(".tflite")]
    if models:
        return f"a zip archive that holds {models[0]}", "unpack it and give that file"
    if "model.weights.h5" in names:
        return "a zip archive: a Keras model (.keras)", _CONVERT
    if any(name.endswith("data.pkl") for name in names):
        return "a zip archive: a PyTorch file", _CONVERT
    return "a zip archive", "unpack it and give the .tflite file in it, if there is one"


def directory_kind(path: Path) -> tuple[str, str]:
    """What a directory is that was given as a model, and what to do."""
    if (path / "saved_model.pb").is_file():
        return "a TensorFlow SavedModel, not a .tflite file", _CONVERT
    return "a directory, not a file", "give the .tflite file inside it"

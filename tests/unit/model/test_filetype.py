"""Files that are no models say what they are instead."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tflprof.errors import ModelError
from tflprof.model.build import build_micro
from tflprof.model.read import read_model

ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xb2\x01" + bytes(40)
SAVED_MODEL = b"\x08\x01\x12\xa7\x10" + bytes(60)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x" * 30)  # without the time of day
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says", "next_step"),
    [
        (zipped("a.txt"), "a zip archive", "unpack it"),
        (zipped("x/model.tflite"), "a zip archive that holds x/model.tflite", "unpack it"),
        (zipped("config.json", "model.weights.h5"), "a Keras model (.keras)", "convert"),
        (zipped("model/data.pkl"), "a PyTorch file", "convert"),
        (zipped("a.txt")[:40], "a zip archive", "unpack it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "a Keras HDF5 file (.h5)", "convert"),
        (ONNX, "an ONNX model", "convert"),
        (SAVED_MODEL, "a TensorFlow SavedModel", "convert"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page", "download"),
        (tarred(), "a tar archive", "unpack"),
        (b"\x1f\x8b\x08\0" + bytes(40), "a gzip archive", "unpack"),
        (b"\x40\0\0\0" + build_micro("relu"), "behind four other bytes", "size prefix"),
        (b"\x7fELF" + bytes(40), "a program or library", ".tflite"),
        (bytes(range(200)), "bytes 4-8 are b'\\x04\\x05\\x06\\x07'", "convert"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_what_it_is_and_what_to_do(tmp_path: Path, content: bytes, says: str, next_step: str) -> None:
    path = tmp_path / "renamed.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert "renamed.tflite is not a .tflite model: " in caught.value.what
    assert says in caught.value.what
    assert next_step in (caught.value.hint or "")


def test_a_saved_model_directory(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(SAVED_MODEL)
    with pytest.raises(ModelError, match="is a TensorFlow SavedModel") as caught:
        read_model(tmp_path)
    assert "convert" in (caught.value.hint or "")

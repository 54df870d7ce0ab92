"""Damaged files: every one is either a model or a ModelError that names it, soon."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.model.tables import edited, packed_model, refusal, sparse_model
from tflprof.errors import ModelError
from tflprof.model.build import build_micro
from tflprof.model.cost import model_cost
from tflprof.model.custom import custom_options
from tflprof.model.read import read_model
from tflprof.model.write import ModelWriter

SMALL = {name: build_micro(name) for name in ("conv_2d", "if_else", "detection", "call_once", "stateful")}
SMALL |= {"int8": build_micro("conv_2d", "int8"), "sparse": sparse_model(), "packed": packed_model()}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage") / "model.tflite"


def survives(file: Path, content: bytes) -> None:
    """Read, and use everything that was read."""
    # A new inode every time: the file of a live mapping must not change.
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    if message := refusal(lambda: read_model(file)):
        assert str(file) in message
        return
    model = read_model(file)
    model_cost(model)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.is_constant:
                refusal(partial(model.data, graph.index, tensor.index))
    for op in model.ops():
        if "custom_options" in op.options:
            assert op.id in refusal(partial(custom_options, op), op.id)


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_flipped_bytes(file: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(SMALL[name])
    places = st.integers(8, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] = data.draw(st.sampled_from([0, 1, 4, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    survives(file, bytes(content))


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_overwritten_words(file: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(SMALL[name])
    place = data.draw(st.integers(1, len(content) // 4 - 1)) * 4 + 4
    content[place : place + 4] = data.draw(
        st.sampled_from([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\0\0\0\0", b"\0\0\1\0"])
    )
    survives(file, bytes(content))


@given(st.sampled_from(sorted(SMALL)), st.data())
@example("conv_2d", None)
def test_truncated(file: Path, name: str, data: st.DataObject | None) -> None:
    content = SMALL[name]
    survives(file, content[: data.draw(st.integers(1, len(content) - 1)) if data else 8])


@given(st.binary(max_size=400))
def test_anything_after_the_identifier(file: Path, rest: bytes) -> None:
    survives(file, b"\x10\0\0\0TFL3" + rest)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip archive, not a model", "is not a .tflite model"),
        (b"TFL3", "is not a .tflite model"),
        (b"\x10\0\0\0TFL3" + bytes(24), "the vtable of a Model at byte 16 has 0 bytes"),
        (SMALL["conv_2d"][:-200], "truncated or damaged"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert says in caught.value.what
    assert "broken.tflite" in caught.value.what
    assert caught.value.hint


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        read_model(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="is a directory"):
        read_model(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_model("a\0b")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root may not be refused for real is refused by the open itself."""
    path = tmp_path / "secret.tflite"
    path.write_bytes(SMALL["conv_2d"])

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(path)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("version", 2, "schema version 2"),
        ("subgraphs", None, "no subgraph"),
        ("operatorCodes", None, "operator code 0 of 0"),
        ("buffers", None, "buffer 0 of 0"),
    ],
)
def test_wrong_structure(tmp_path: Path, field: str, value: Any, says: str) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(edited(SMALL["conv_2d"], lambda model: setattr(model, field, value)))
    with pytest.raises(ModelError, match=says):
        read_model(path)


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ("ops.inputs", [99, 1, 2], "a tensor of op 0/0 is 99, outside"),
        ("ops.inputs", [-2, 1, 2], "a tensor of op 0/0 is -2, outside"),
        ("graph.inputs", [-1], "an input or output of subgraph 0 is -1"),
        ("tensor.shapeSignature", [-2, 8, 8, 4], "a dimension of tensor 0"),
        ("tensor.buffer", 77, "buffer 77 of"),
    ],
)
def test_wrong_indices(tmp_path: Path, where: str, value: Any, says: str) -> None:
    def break_it(model: Any) -> None:
        graph = model.subgraphs[0]
        owner, field = where.split(".")
        table = {"ops": graph.operators[0], "graph": graph, "tensor": graph.tensors[0]}[owner]
        setattr(table, field, value)

    path = tmp_path / "broken.tflite"
    path.write_bytes(edited(SMALL["conv_2d"], break_it))
    with pytest.raises(ModelError, match=says):
        read_model(path)


def test_constants_too_short_for_their_shape(tmp_path: Path) -> None:
    writer = ModelWriter()
    graph = writer.subgraph()
    buffer = graph.constant("ok", [1.0, 2.0])
    graph.tensor("short", (3, 3), "float64", buffer=buffer + 1)
    path = tmp_path / "short.tflite"
    path.write_bytes(writer.to_bytes())
    with pytest.raises(
        ModelError, match=r"tensor 1 of subgraph 0 has 16 bytes, but \[3, 3\] of float64 takes 72"
    ):
        read_model(path)

"""Models that are none, are damaged, or are more than the runtime can take."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

from benchmarks.model_mutations import places
from tests.bad_input.case import TARGETS, Case, Place, Prepare, together, unprivileged, writes
from tests.unit.model.tables import edited
from tflprof.model.build import build_micro, build_network
from tflprof.model.write import ModelWriter

_COMMAND = "profile m.tflite --target {target} -o p.parquet"


@cache
def good() -> bytes:
    """A model of one convolution."""
    return build_micro("conv_2d")


@cache
def mobilenet() -> bytes:
    """One that takes a while under emulation."""
    return build_network("mobilenet_v1", size=96, width=0.25)


def cut(place: str) -> Callable[[], bytes]:
    """The good model up to a place in it."""

    def content() -> bytes:
        data, known = good(), places(good())
        longest = max(known.vectors, key=lambda at: struct.unpack_from("<I", data, at)[0])
        at = {
            "head": 6,
            "vtable": known.vtables[-1] + 2,
            "tensors": data.index(b"output") + 3,
            "buffers": longest + 4 + struct.unpack_from("<I", data, longest)[0] // 2,
            "last byte": len(data) - 1,
        }[place]
        return data[:at]

    return content


def word(where: Callable[[bytes], int], value: int) -> Callable[[], bytes]:
    """The good model with another number of four bytes at a place."""

    def content() -> bytes:
        data = bytearray(good())
        struct.pack_into("<I", data, where(good()), value)
        return bytes(data)

    return content


def subgraphs(data: bytes) -> int:
    """The offset that leads to the first subgraph."""
    known = places(data)
    return next(at for at in known.offsets if at + struct.unpack_from("<I", data, at)[0] == _graph(data))


def _graph(data: bytes) -> int:
    # The vector of subgraphs is the model's third field.
    root = struct.unpack_from("<I", data)[0]
    vtable = root - struct.unpack_from("<i", data, root)[0]
    field = root + struct.unpack_from("<H", data, vtable + 8)[0]
    element = field + struct.unpack_from("<I", data, field)[0] + 4
    return int(element + struct.unpack_from("<I", data, element)[0])


def longest_vector(data: bytes) -> int:
    """Where the length of the weights stands."""
    return max(places(data).vectors, key=lambda at: int(struct.unpack_from("<I", data, at)[0]))


def changed(edit: Callable[[Any], None], name: str = "conv_2d") -> Callable[[], bytes]:
    """A model after an edit of its tables."""
    return lambda: edited(build_micro(name), edit)


def _huge_activations(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, 2_000_000_000, 2_000_000_000, 4]


def _unknown_op(model: Any) -> None:
    model.operatorCodes[0].builtinCode = 9999
    model.operatorCodes[0].deprecatedBuiltinCode = 127


def _calls_itself(model: Any) -> None:
    for operator in model.subgraphs[0].operators:
        options = operator.builtinOptions
        if hasattr(options, "thenSubgraphIndex"):
            options.thenSubgraphIndex = 0


def _own_output(model: Any) -> None:
    operator = model.subgraphs[0].operators[0]
    operator.inputs = [operator.outputs[0], *operator.inputs[1:]]


def custom(name: str) -> Callable[[], bytes]:
    """A model of one custom operator."""

    def content() -> bytes:
        writer = ModelWriter()
        graph = writer.subgraph()
        x, y = graph.input("x", (4,)), graph.tensor("y", (4,))
        graph.op(name, [x], [y])
        graph.output(y)
        return writer.to_bytes()

    return content


def archive(name: str, data: bytes) -> bytes:
    """A zip archive of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(name, data)
    return file.getvalue()


def _unreadable(place: Place) -> None:
    path = place.folder / "m.tflite"
    path.write_bytes(good())
    path.chmod(0)
    unprivileged(place)


def _saved_model(place: Place) -> None:
    (place.folder / "m.tflite").mkdir()
    (place.folder / "m.tflite" / "saved_model.pb").write_bytes(b"\x08\x01\x12\x00")


def _loop(place: Place) -> None:
    (place.folder / "m.tflite").symlink_to("m.tflite")


def _of(wrong: str, says: str, content: bytes | Callable[[], bytes] | Prepare, **more: Any) -> Case:
    prepare = content if more.pop("steps", False) else writes(m_tflite=content)
    values: dict[str, Any] = {"room": "Models", "words": _COMMAND, "status": 2, **more}
    return Case(wrong=wrong, says=("m.tflite", says), prepare=prepare, **values)


_ONNX = b"\x08\x07\x12\x07pytorch\x1a\x031.9:\x10"

MODELS: tuple[Case, ...] = (
    _of("cut in the head", "", cut("head")),
    _of("cut in a vtable", "truncated or damaged", cut("vtable")),
    _of("cut in the tensors", "truncated or damaged", cut("tensors")),
    _of("cut in the buffers", "truncated or damaged", cut("buffers")),
    _of("without its last byte", "truncated or damaged", cut("last byte")),
    _of("random bytes", "not a .tflite model", random.Random(0).randbytes(4096)),
    _of(
        "random bytes behind the right head", "m.tflite", b"\x10\0\0\0TFL3" + random.Random(1).randbytes(4096)
    ),
    _of("empty", "is empty", b""),
    _of("a directory", "no .tflite file in", lambda p: (p.folder / "m.tflite").mkdir(), steps=True),
    _of("missing", "does not exist", lambda _: None, steps=True),
    _of("unreadable", "Permission denied", _unreadable, steps=True),
    _of("a symbolic link to itself", "", _loop, steps=True),
    _of("a pipe", "", lambda p: os.mkfifo(p.folder / "m.tflite"), steps=True),
    _of("a zip archive", "a zip archive", archive("a.txt", b"text")),
    _of("a zip archive with a model in it", "in/model.tflite", archive("in/model.tflite", b"TFL3")),
    _of("an ONNX model", "an ONNX model", _ONNX + bytes(500)),
    _of("a Keras file", "HDF5", b"\x89HDF\r\n\x1a\n" + bytes(500)),
    _of("a SavedModel's folder", "SavedModel", _saved_model, steps=True),
    _of("the first offset leads out of the file", "truncated or damaged", word(lambda _: 0, 0x7FFFFFFF)),
    _of("an offset leads back (cyclic)", "truncated or damaged", word(subgraphs, 0xFFFFFFF0)),
    _of("a table is its own subgraph (cyclic)", "truncated or damaged", word(subgraphs, 0)),
    _of("a vector claims 4 billion elements", "truncated or damaged", word(longest_vector, 0xFFFFFFFF)),
    _of("a tensor claims 10¹⁹ elements", "", changed(_huge_activations), targets=TARGETS),
    _of("a branch calls its own subgraph", "", changed(_calls_itself, "if_else")),
    _of("an operator takes its own output", "", changed(_own_output)),
    _of("schema version 7", "schema version 7", changed(lambda model: setattr(model, "version", 7))),
    _of("unknown operator code", "9999", changed(_unknown_op)),
    _of(
        "unknown operator version",
        "version 99",
        changed(lambda model: setattr(model.operatorCodes[0], "version", 99)),
    ),
    _of("unregistered custom operator", "custom operator 'MyOwn'", custom("MyOwn"), targets=TARGETS),
    _of("Flex operator", "custom operator 'FlexErf'", custom("FlexErf"), targets=TARGETS),
    _of(
        "inspect: cut in the tensors",
        "truncated or damaged",
        cut("tensors"),
        words="inspect m.tflite",
        targets=("–",),
    ),
    Case(
        "Models",
        "a name with an escape sequence and a line's end",
        "profile '\x1b]0;red\nline.tflite' --target host",
        2,
        ("does not exist",),
    ),
    _of(
        "compare: the second is cut",
        "truncated or damaged",
        together(writes(a_tflite=good), writes(m_tflite=cut("tensors"))),
        steps=True,
        words="compare a.tflite m.tflite --target host",
        targets=("host",),
    ),
)

"""The process of an :class:`~tflprof.runtimes.execute.Executor`: holds the interpreter and does what it is told.

It is a process of its own, so that a model that crashes the library takes nothing else with it. Messages both ways
are frames: the length of a JSON header, the header, then the bytes of the arrays that it lists.
"""

from __future__ import annotations

import json
import os
import struct
import warnings
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_KEPT = 2  # interpreters: the reference and the candidate that is compared with it


def main() -> int:
    """Answer requests until standard input ends; the status to end the process with."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what others print is not part of the answers
    opened: dict[str, Loaded] = {}
    while (frame := read_frame(requests)) is not None:
        header, arrays = frame
        try:
            said, values = _answer(opened, header, arrays)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who asked
            said, values = {"error": f"{error}".strip() or type(error).__name__}, []
        try:
            write_frame(answers, said, values)
        except OSError:
            return 1
    return 0


class Loaded:
    """A model in an interpreter, ready to run.

    Args:
        path: of the model.
        kernels: ``xnnpack``, ``builtin`` or ``reference``.
        threads: of the interpreter.
        inner: whether all tensors are to be kept for :meth:`run`; no delegate is used then.
    """

    def __init__(self, path: str, kernels: str, threads: int, inner: bool) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        resolver = {
            "xnnpack": OpResolverType.BUILTIN,
            "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            "reference": OpResolverType.BUILTIN_REF,
        }
        warnings.simplefilter("ignore")
        self.interpreter = Interpreter(
            model_path=path,
            num_threads=threads,
            experimental_op_resolver_type=resolver["builtin" if inner and kernels == "xnnpack" else kernels],
            experimental_preserve_all_tensors=inner,
        )
        self.interpreter.allocate_tensors()

    def ports(self) -> dict[str, Any]:
        """Inputs and outputs, by the names of the main subgraph's signature or else of their tensors."""
        inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        names = self._signature({d["index"] for d in inputs}, {d["index"] for d in outputs})
        return {
            "inputs": _described(inputs, names.get("inputs", {})),
            "outputs": _described(outputs, names.get("outputs", {})),
        }

    def _signature(self, inputs: set[int], outputs: set[int]) -> Mapping[str, Mapping[str, int]]:
        signatures = self.interpreter._get_full_signature_list().values()
        for one in signatures:
            if set(one["inputs"].values()) <= inputs and set(one["outputs"].values()) <= outputs:
                return dict(one)
        return {}

    def run(self, values: Mapping[int, npt.NDArray[Any]], wanted: Sequence[int]) -> list[npt.NDArray[Any]]:
        """Run once; the values of the wanted tensors. Inputs of other shapes are resized, if the model lets them."""
        resized = False
        for detail in self.interpreter.get_input_details():
            shape = values[detail["index"]].shape
            if tuple(detail["shape"]) != shape:
                self.interpreter.resize_tensor_input(detail["index"], shape, strict=True)
                resized = True
        if resized:
            self.interpreter.allocate_tensors()
        self.interpreter.reset_all_variables()
        for index, value in values.items():
            self.interpreter.set_tensor(index, value)
        self.interpreter.invoke()
        return [np.asarray(self.interpreter.get_tensor(index)) for index in wanted]


def _described(details: Sequence[Mapping[str, Any]], names: Mapping[str, int]) -> list[dict[str, Any]]:
    by_index = {index: name for name, index in names.items()}
    found: list[dict[str, Any]] = []
    for detail in details:
        parameters = detail["quantization_parameters"]
        found.append(
            {
                "name": by_index.get(detail["index"], detail["name"]),
                "tensor": detail["name"],
                "index": int(detail["index"]),
                "dtype": np.dtype(detail["dtype"]).name if detail["dtype"] is not np.bytes_ else "string",
                "shape": [int(size) for size in detail["shape_signature"]],
                "scale": float(parameters["scales"][0]) if len(parameters["scales"]) else None,
                "zero_point": int(parameters["zero_points"][0]) if len(parameters["zero_points"]) else 0,
            }
        )
    return found


def _answer(
    opened: dict[str, Loaded], header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]]
) -> tuple[dict[str, Any], Sequence[npt.NDArray[Any]]]:
    loaded = _loaded(opened, header)
    if header["do"] == "open":
        return loaded.ports(), []
    return {}, loaded.run(dict(zip(header["inputs"], arrays, strict=True)), header["wanted"])


def _loaded(opened: dict[str, Loaded], header: Mapping[str, Any]) -> Loaded:
    """The model that a request is about; the ones used last are kept."""
    key = header["model"]
    if key not in opened:
        while len(opened) >= _KEPT:
            del opened[next(iter(opened))]
        opened[key] = Loaded(header["path"], header["kernels"], header["threads"], header["inner"])
    opened[key] = opened.pop(key)  # the last used is dropped last
    return opened[key]


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], list[npt.NDArray[Any]]] | None:
    """The next header and its arrays; None at the end of the stream, or if it breaks off."""
    start = stream.read(8)
    if len(start) < 8:
        return None
    text = stream.read(size := struct.unpack("<Q", start)[0])
    if len(text) < size:
        return None
    header = json.loads(text)
    arrays = []
    for dtype, shape, size in header.pop("arrays", []):
        raw = stream.read(size)
        if len(raw) < size:
            return None
        arrays.append(_decoded(dtype, shape, raw))
    return header, arrays


def write_frame(
    stream: IO[bytes], header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]] = ()
) -> None:
    """Write a header and arrays. Raises OSError."""
    parts = [_encoded(array) for array in arrays]
    listed = [(dtype, list(shape), len(raw)) for dtype, shape, raw in parts]
    text = json.dumps({**header, "arrays": listed}).encode()
    stream.write(struct.pack("<Q", len(text)) + text)
    for _, _, raw in parts:
        stream.write(raw)
    stream.flush()


def _encoded(array: npt.NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bytes of an array; texts as bytes, each behind its length."""
    if array.dtype.kind in "OSU":
        texts = [text if isinstance(text, bytes) else str(text).encode() for text in array.reshape(-1)]
        return "string", array.shape, b"".join(struct.pack("<Q", len(text)) + text for text in texts)
    return array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes()


def _decoded(dtype: str, shape: Sequence[int], raw: bytes) -> npt.NDArray[Any]:
    if dtype != "string":
        return np.frombuffer(raw, np.dtype(dtype)).reshape(shape)
    texts, place = [], 0
    while place < len(raw):
        size = struct.unpack_from("<Q", raw, place)[0]
        texts.append(raw[place + 8 : place + 8 + size])
        place += 8 + size
    out = np.empty(len(texts), object)
    out[:] = texts
    return out.reshape(shape)

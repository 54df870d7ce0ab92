"""One model through the C interface: compiled plain and profiled, its buffers, its inferences."""

from __future__ import annotations

import ctypes
import json
import time
from ctypes import c_int, c_int32, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflprof.runner.inprocess_events import Inference, with_events
from tflprof.runner.inprocess_pmu import Counters, counted
from tflprof.runner.interface import RunRequest
from tflprof.runner.litert_ctypes import (
    CPU,
    LOCK_WRITE,
    LOG_WARNINGS,
    RANKED,
    TAG_LOG_SEVERITY,
    TAG_REGISTER_ACCELERATORS,
    TYPE_NAMES,
    VALUE_INTEGER,
    EnvironmentOption,
    Layout,
    LiteRt,
    LiteRtFailure,
    TensorType,
    file_name,
)
from tflprof.runner.random_inputs import can_be_random, random_bytes
from tflprof.runner.records import LoadedModel, Port

_KERNEL_MODES = {"xnnpack": "delegate", "builtin": "builtin", "reference": "reference"}
_KEEP_ERRORS = 2  # the library's error messages can be asked for
_KEEP = ctypes.CFUNCTYPE(None, c_void_p)(lambda _: None)


@dataclass
class _Compiled:
    """A compiled model and the buffers it is run with."""

    handle: c_void_p
    profiler: c_void_p | None
    inputs: Any = None
    outputs: Any = None
    buffers: list[c_void_p] = field(default_factory=list)


class InProcessModel:
    """A model in the library. All methods raise LiteRtFailure.

    Args:
        library: the loaded library.
        request: what the session is to do.
        index: of the model in the request.
        weight_cache: a path for the cache of packed weights, None for none.
        counters: read around each inference, None: none are.
    """

    def __init__(
        self,
        library: LiteRt,
        request: RunRequest,
        index: int,
        weight_cache: Path | None,
        counters: Counters | None = None,
    ) -> None:
        self._counters = counters
        self.index = index
        self._library = library
        self._request = request
        self._weight_cache = weight_cache
        options = (EnvironmentOption * 2)(
            EnvironmentOption(TAG_REGISTER_ACCELERATORS, VALUE_INTEGER, CPU),
            EnvironmentOption(TAG_LOG_SEVERITY, VALUE_INTEGER, LOG_WARNINGS),
        )
        self._environment = library.handle("library", "CreateEnvironment", len(options), options)
        self._file: c_void_p | None = None
        self._compiled: dict[str, _Compiled] = {}
        self._texts: list[Any] = []  # the library reads them for as long as it likes
        self._signature = 0
        self._types: tuple[list[TensorType], list[TensorType]] = ([], [])
        self._names: tuple[list[str], list[str]] = ([], [])

    def compile(self, variant: str) -> None:
        """Make the compiled model of a variant; the first one loads the file, too."""
        path = self._request.models[self.index]
        if self._file is None:
            name = file_name(path)
            self._file = self._library.handle("load", "CreateModelFromFile", self._environment, name)
        options = self._options(variant)
        try:
            arguments = (self._environment, self._file, options)
            handle = self._library.handle("compile", "CreateCompiledModel", *arguments)
        finally:
            self._library.destroy("Options", options)
        compiled = self._compiled[variant] = _Compiled(handle, None)
        if variant == "profiled":
            compiled.profiler = self._library.handle("profiler", "CompiledModelGetProfiler", handle)

    def _options(self, variant: str) -> c_void_p:
        request = self._request
        options = self._library.handle("compile", "CreateOptions")
        self._library.call("compile", "SetOptionsHardwareAccelerators", options, CPU)
        xnnpack = f'kernel_mode = "{_KERNEL_MODES[request.kernels]}"\nnum_threads = {request.threads}\n'
        if request.xnnpack_flags is not None:
            xnnpack += f"flags = {request.xnnpack_flags}\n"
        if self._weight_cache is not None:
            # As TOML: JSON's escapes are among its own, of which a path of Windows needs some.
            xnnpack += f"weight_cache_file_path = {json.dumps(str(self._weight_cache))}\n"
        runtime = (
            f"enable_profiling = {str(variant == 'profiled').lower()}\nerror_reporter_mode = {_KEEP_ERRORS}\n"
        )
        for name, text in ((b"runtime_options_string", runtime), (b"xnnpack", xnnpack)):
            buffer = ctypes.create_string_buffer(text.encode())
            self._texts.append(buffer)
            keep = ctypes.cast(_KEEP, c_void_p)
            opaque = self._library.handle(
                "compile", "CreateOpaqueOptions", name, ctypes.addressof(buffer), keep
            )
            self._library.call("compile", "AddOpaqueOptions", options, opaque)
        return options

    def discard(self, variant: str) -> None:
        """Destroy a compiled model and the file, so that both are made anew."""
        compiled = self._compiled.pop(variant)
        for buffer in compiled.buffers:
            self._library.destroy("TensorBuffer", buffer)
        self._library.destroy("CompiledModel", compiled.handle)
        if not self._compiled and self._file is not None:
            self._library.destroy("Model", self._file)
            self._file = None

    def prepare(self, variant: str) -> LoadedModel:
        """Resize, make the buffers and fill the inputs of a compiled model."""
        compiled = self._compiled[variant]
        key, subgraph = self._read_signature()
        for position, name in enumerate(self._names[0]):
            self._resize(compiled, position, name)
        self._read_shapes(compiled)
        inputs = [self._port(compiled, "Input", position) for position in range(len(self._names[0]))]
        outputs = [self._port(compiled, "Output", position) for position in range(len(self._names[1]))]
        compiled.inputs = (c_void_p * max(1, len(inputs)))(*compiled.buffers[: len(inputs)])
        compiled.outputs = (c_void_p * max(1, len(outputs)))(*compiled.buffers[len(inputs) :])
        path = str(self._request.models[self.index])
        return LoadedModel(self.index, path, key, self._signature, subgraph, tuple(inputs), tuple(outputs))

    def _read_signature(self) -> tuple[str, int]:
        signature, key = self._find_signature()
        library = self._library
        subgraph = library.handle("signature", "GetSignatureSubgraph", signature)
        count = library.size("signature", "GetNumModelSubgraphs", self._file)
        subgraphs = [
            library.handle("signature", "GetModelSubgraph", self._file, i).value for i in range(count)
        ]
        for side, kind in enumerate(("Input", "Output")):
            ports = range(library.size("signature", f"GetNumSignature{kind}s", signature))
            self._names[side][:] = [
                library.text("tensor", f"GetSignature{kind}Name", signature, i) for i in ports
            ]
            self._types[side][:] = [self._tensor_type(kind, signature, i) for i in ports]
        for name, found in zip(self._names[0], self._types[0], strict=True):
            dtype = TYPE_NAMES.get(found.element, "unknown")
            if not can_be_random(dtype):
                raise LiteRtFailure("input", f"input {name} is of type {dtype}, which the runner cannot fill")
        return key, subgraphs.index(subgraph.value)

    def _find_signature(self) -> tuple[c_void_p, str]:
        wanted = self._request.signature
        for number in range(self._library.size("signature", "GetNumModelSignatures", self._file)):
            signature = self._library.handle("signature", "GetModelSignature", self._file, number)
            key = self._library.text("signature", "GetSignatureKey", signature)
            if wanted in (None, key):
                self._signature = number
                return signature, key
        path = self._request.models[self.index]
        raise LiteRtFailure("signature", f"{path} has no signature {wanted or 'at all'}")

    def _tensor_type(self, kind: str, signature: c_void_p, position: int) -> TensorType:
        tensor = self._library.handle("tensor", f"GetSignature{kind}TensorByIndex", signature, position)
        ranked, found = c_int(), TensorType()
        self._library.call("tensor", "GetTensorTypeId", tensor, ctypes.byref(ranked))
        if ranked.value == RANKED:
            self._library.call("tensor", "GetRankedTensorType", tensor, ctypes.byref(found))
        else:
            element = c_int()
            self._library.call("tensor", "GetUnrankedTensorType", tensor, ctypes.byref(element))
            found.element = element.value
        return found

    def _resize(self, compiled: _Compiled, position: int, name: str) -> None:
        """Dynamic dimensions become 1, unless a shape is given."""
        shape = self._types[0][position].layout.shape()
        wanted = self._request.shapes.get(name, tuple(1 if size < 0 else size for size in shape))
        if wanted == shape:
            return
        strict = any(size < 0 for size in shape)
        call = "CompiledModelResizeInputTensor" if strict else "CompiledModelResizeInputTensorNonStrict"
        dimensions = (c_int32 * max(1, len(wanted)))(*wanted)
        where = (compiled.handle, self._signature, position)
        self._library.call("shape", call, *where, dimensions, len(wanted))

    def _read_shapes(self, compiled: _Compiled) -> None:
        """The shapes the runtime will run, which the file may leave open."""
        where = (compiled.handle, self._signature)
        for position, kind in enumerate(self._types[0]):
            layout = ctypes.byref(kind.layout)
            self._library.call("shape", "GetCompiledModelInputTensorLayout", *where, position, layout)
        count = len(self._types[1])
        layouts = (Layout * max(1, count))()
        if count:
            call = "GetCompiledModelOutputTensorLayouts"
            self._library.call("allocate", call, *where, count, layouts, True)
        for kind, found in zip(self._types[1], layouts, strict=False):
            kind.layout.bits = found.bits & 0x7F
            kind.layout.dimensions = found.dimensions

    def _port(self, compiled: _Compiled, kind: str, position: int) -> Port:
        """Make the buffer of an input or output; inputs are filled."""
        side = ("Input", "Output").index(kind)
        found, name = self._types[side][position], self._names[side][position]
        arguments = (compiled.handle, self._signature, position)
        needs = self._library.handle("buffers", f"GetCompiledModel{kind}BufferRequirements", *arguments)
        made = "CreateManagedTensorBufferFromRequirements"
        buffer = self._library.handle("buffers", made, self._environment, ctypes.byref(found), needs)
        compiled.buffers.append(buffer)
        size = self._library.size("buffers", "GetTensorBufferPackedSize", buffer)
        dtype = TYPE_NAMES.get(found.element, "unknown")
        source = self._fill(buffer, name, dtype, size, position) if kind == "Input" else None
        return Port(name, dtype, found.layout.shape(), size, source)

    def _fill(self, buffer: c_void_p, name: str, dtype: str, size: int, position: int) -> str:
        path = self._request.inputs.get(name)
        data = (
            random_bytes(dtype, size, self._request.seed, position)
            if path is None
            else _read(path, size, name)
        )
        place = c_void_p()
        self._library.call("input", "LockTensorBuffer", buffer, ctypes.byref(place), LOCK_WRITE)
        if place.value is not None:
            ctypes.memmove(place, data, size)
        self._library.call("input", "UnlockTensorBuffer", buffer)
        return "random" if path is None else "file"

    def messages(self) -> str:
        """What the library says went wrong, empty if it says nothing."""
        told = [self._library.messages(compiled.handle) for compiled in self._compiled.values()]
        return next((text for text in told if text), "")

    def input_names(self) -> list[str]:
        """Names of the inputs, once the model is prepared."""
        return self._names[0]

    def infer(self, variant: str) -> Inference:
        """Run the model once."""
        compiled = self._compiled[variant]
        counts = len(self._names[0]), len(self._names[1])
        if compiled.profiler is not None:
            self._library.call("profiler", "ResetProfiler", compiled.profiler)
            self._library.call("profiler", "StartProfiler", compiled.profiler)
        arguments = (
            compiled.handle,
            self._signature,
            counts[0],
            compiled.inputs,
            counts[1],
            compiled.outputs,
        )
        before = self._counters.read() if self._counters else ()
        start = time.perf_counter_ns()
        self._library.call("run", "RunCompiledModel", *arguments)
        value = time.perf_counter_ns() - start
        after = self._counters.read() if self._counters else ()
        done = Inference(start, value, counts=counted(before, after))
        return done if compiled.profiler is None else with_events(self._library, compiled.profiler, done)


def _read(path: Path, size: int, name: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LiteRtFailure("input", f"{path} for {name}: {error.strerror or error}") from error
    if len(data) != size:
        relation = "shorter" if len(data) < size else "longer"
        raise LiteRtFailure("input", f"{path} is {relation} than the {size} bytes of {name}")
    return data

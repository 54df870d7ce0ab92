"""The part of the LiteRT 2.x C interface that in-process sessions use, declared by hand (64-bit, 2.3)."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, Structure, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

MAX_RANK = 8
CPU = 1
LOCK_READ = 0
LOCK_WRITE = 1
TAG_REGISTER_ACCELERATORS = 24
TAG_LOG_SEVERITY = 25
LOG_WARNINGS = 2
VALUE_INTEGER = 2
RANKED = 0

# Names of element types; those without a NumPy type of the same layout are bytes to us.
TYPE_NAMES = {
    1: "float32",
    2: "int32",
    3: "uint8",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float16",
    11: "float64",
    12: "complex128",
    13: "uint64",
    14: "resource",
    15: "variant",
    16: "uint32",
    17: "uint16",
    18: "int4",
    19: "bfloat16",
    20: "int2",
    21: "uint4",
}

_STATUS_NAMES = {
    1: "InvalidArgument",
    2: "MemoryAllocationFailure",
    3: "RuntimeFailure",
    5: "Unsupported",
    6: "NotFound",
    500: "FileIO",
    501: "InvalidFlatbuffer",
    504: "Compilation",
}


class EnvironmentOption(Structure):
    """LiteRtEnvOption with an integer as its value."""

    _fields_ = (("tag", c_int), ("type", c_int64), ("value", c_int64))


class Layout(Structure):
    """LiteRtLayout; the rank is the low seven bits of ``bits``. Before 2.2 it was another on Windows."""

    _fields_ = (("bits", c_uint32), ("dimensions", c_int32 * MAX_RANK), ("strides", c_uint32 * MAX_RANK))

    def shape(self) -> tuple[int, ...]:
        """The dimensions; below 0: dynamic."""
        return tuple(self.dimensions[: self.bits & 0x7F])


class TensorType(Structure):
    """LiteRtRankedTensorType."""

    _fields_ = (("element", c_int), ("layout", Layout))


EVENT = np.dtype(
    [
        ("tag", np.uint64),
        ("type", np.int64),
        ("start_us", np.uint64),
        ("elapsed_us", np.uint64),
        ("memory", np.uint64, 6),
        ("m1", np.uint64),
        ("m2", np.uint64),
        ("source", np.int64),
    ]
)
"""ProfiledEventData. Its two enumerations are followed by padding, so only their low words count."""

assert ctypes.sizeof(EnvironmentOption) == 24
assert ctypes.sizeof(TensorType) == 72
assert EVENT.itemsize == 104

_OUT = POINTER(c_void_p)
_SIZE_OUT = POINTER(c_size_t)
_TEXT_OUT = POINTER(c_char_p)
_INT_OUT = POINTER(c_int)
_H = c_void_p

_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "CreateEnvironment": (c_int, POINTER(EnvironmentOption), _OUT),
    "CreateModelFromFile": (_H, c_char_p, _OUT),
    "GetNumModelSignatures": (_H, _SIZE_OUT),
    "GetModelSignature": (_H, c_size_t, _OUT),
    "GetNumModelSubgraphs": (_H, _SIZE_OUT),
    "GetModelSubgraph": (_H, c_size_t, _OUT),
    "GetSignatureKey": (_H, _TEXT_OUT),
    "GetSignatureSubgraph": (_H, _OUT),
    "GetNumSignatureInputs": (_H, _SIZE_OUT),
    "GetNumSignatureOutputs": (_H, _SIZE_OUT),
    "GetSignatureInputName": (_H, c_size_t, _TEXT_OUT),
    "GetSignatureOutputName": (_H, c_size_t, _TEXT_OUT),
    "GetSignatureInputTensorByIndex": (_H, c_size_t, _OUT),
    "GetSignatureOutputTensorByIndex": (_H, c_size_t, _OUT),
    "GetTensorTypeId": (_H, _INT_OUT),
    "GetRankedTensorType": (_H, POINTER(TensorType)),
    "GetUnrankedTensorType": (_H, _INT_OUT),
    "CreateOptions": (_OUT,),
    "SetOptionsHardwareAccelerators": (_H, c_int),
    "CreateOpaqueOptions": (c_char_p, c_void_p, c_void_p, _OUT),
    "AddOpaqueOptions": (_H, _H),
    "CreateCompiledModel": (_H, _H, _H, _OUT),
    "CompiledModelResizeInputTensor": (_H, c_size_t, c_size_t, POINTER(c_int32), c_size_t),
    "CompiledModelResizeInputTensorNonStrict": (_H, c_size_t, c_size_t, POINTER(c_int32), c_size_t),
    "GetCompiledModelInputTensorLayout": (_H, c_size_t, c_size_t, POINTER(Layout)),
    "GetCompiledModelOutputTensorLayouts": (_H, c_size_t, c_size_t, POINTER(Layout), c_bool),
    "GetCompiledModelInputBufferRequirements": (_H, c_size_t, c_size_t, _OUT),
    "GetCompiledModelOutputBufferRequirements": (_H, c_size_t, c_size_t, _OUT),
    "CreateManagedTensorBufferFromRequirements": (_H, POINTER(TensorType), _H, _OUT),
    "GetTensorBufferPackedSize": (_H, _SIZE_OUT),
    "LockTensorBuffer": (_H, _OUT, c_int),
    "UnlockTensorBuffer": (_H,),
    "RunCompiledModel": (_H, c_size_t, c_size_t, _OUT, c_size_t, _OUT),
    "CompiledModelGetErrorMessages": (_H, _TEXT_OUT),
    "CompiledModelGetProfiler": (_H, _OUT),
    "StartProfiler": (_H,),
    "ResetProfiler": (_H,),
    "GetNumProfilerEvents": (_H, _INT_OUT),
    "GetProfilerEvents": (_H, c_int, c_void_p),
}
_DESTROYERS = ("Options", "CompiledModel", "Model", "TensorBuffer")


class LiteRtFailure(Exception):
    """A call of the library failed.

    Attributes:
        where: the step of the work, as in the runner's error record.
        status: the library's, None if the failure is ours.
    """

    def __init__(self, where: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.where = where
        self.message = message
        self.status = status


class LiteRt:
    """A loaded library. Raises LiteRtFailure if it cannot be loaded or lacks a function."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
            for name, arguments in _FUNCTIONS.items():
                getattr(self._library, f"LiteRt{name}").argtypes = arguments
            for kind in _DESTROYERS:
                function = getattr(self._library, f"LiteRtDestroy{kind}")
                function.argtypes, function.restype = (c_void_p,), None
        except (OSError, AttributeError) as error:
            raise LiteRtFailure("library", f"{path}: {error}") from error

    def call(self, where: str, name: str, *arguments: Any) -> None:
        """Call a function that gives a status. Raises LiteRtFailure if it is not 0."""
        status = getattr(self._library, f"LiteRt{name}")(*arguments)
        if status:
            known = _STATUS_NAMES.get(status, "unnamed status")
            raise LiteRtFailure(where, f"LiteRt{name} failed: {known}", status)

    def handle(self, where: str, name: str, *arguments: Any) -> c_void_p:
        """The handle that a function gives through its last argument."""
        handle = c_void_p()
        self.call(where, name, *arguments, ctypes.byref(handle))
        return handle

    def size(self, where: str, name: str, *arguments: Any) -> int:
        """The number that a function gives through its last argument."""
        size = c_size_t()
        self.call(where, name, *arguments, ctypes.byref(size))
        return size.value

    def text(self, where: str, name: str, *arguments: Any) -> str:
        """The text that a function gives through its last argument."""
        text = c_char_p()
        self.call(where, name, *arguments, ctypes.byref(text))
        return (text.value or b"").decode("utf-8", "replace")

    def messages(self, compiled: c_void_p) -> str:
        """The error messages that a compiled model has kept, empty if there are none."""
        try:
            return self.text("messages", "CompiledModelGetErrorMessages", compiled).strip()
        except LiteRtFailure:
            return ""

    def destroy(self, kind: str, handle: c_void_p) -> None:
        """Destroy what a handle stands for: ``Model``, ``CompiledModel`` and so on."""
        getattr(self._library, f"LiteRtDestroy{kind}")(handle)


def file_name(path: Path) -> bytes:
    """A path as the C library wants it, which on Windows is in the user's own code page."""
    return os.fsencode(path) if sys.platform != "win32" else str(path).encode("mbcs")

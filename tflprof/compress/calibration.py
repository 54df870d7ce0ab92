"""Samples that a model is run on to see what its tensors hold and what a change does to its outputs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.memory import available_memory
from tflprof.model.graph import Model, Tensor

Sample = Mapping[str, npt.NDArray[Any]]

_ARRAYS = (".npy", ".npz")
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm")
_MOST_INDEX = 2  # random indices of unknown tables: what every table has
_REAL_BYTES = 8  # of each random value, before it gets its type
_MEMORY_SHARE = 0.5
_HOW = "give a folder of .npy or .npz files, one sample each, or one .npz with an array per input"


@dataclass(frozen=True)
class Calibration:
    """Samples of a model's inputs.

    Attributes:
        samples: arrays by input name, in the shape that the model takes; real or as the model's own integers.
        sha256: of names, types, shapes and values.
        source: ``given``, or ``random``: good for looking at latency and validity, meaningless for quality.
        place: where they were read from; empty if random.
    """

    samples: tuple[Sample, ...]
    sha256: str
    source: str
    place: str = ""

    @property
    def tells_quality(self) -> bool:
        """Whether fidelity on these samples means anything."""
        return self.source == "given"

    def __len__(self) -> int:
        return len(self.samples)

    def first(self, count: int) -> Calibration:
        """The same with at most ``count`` samples."""
        if count >= len(self.samples):
            return self
        return calibration_of(self.samples[:count], self.source, self.place)


def calibration_of(samples: Sequence[Sample], source: str = "given", place: str = "") -> Calibration:
    """A calibration from samples that are known to fit."""
    digest = hashlib.sha256()
    for sample in samples:
        for name in sorted(sample):
            value = np.ascontiguousarray(sample[name])
            digest.update(f"{name} {value.dtype.str} {value.shape} ".encode())
            digest.update(repr(value.tolist()).encode() if value.dtype.kind in "OSU" else value.tobytes())
    return Calibration(tuple(samples), digest.hexdigest(), source, place)


def model_inputs(model: Model) -> dict[str, Tensor]:
    """Inputs of the main subgraph by the names of its signature, or else of their tensors."""
    graph = model.subgraphs[0]
    signature = next((one for one in model.signatures if one.subgraph == 0), None)
    names = {index: name for name, index in signature.inputs.items()} if signature else {}
    return {names.get(index, graph.tensors[index].name): graph.tensors[index] for index in graph.inputs}


def load_calibration(path: Path, model: Model) -> Calibration:
    """Samples from a folder (a .npy or .npz file each) or from one .npz (an array per input, first axis samples).

    Real values for quantised inputs stay real: they are quantised when the model runs.

    Raises:
        UsageError: nothing is there, a file cannot be read, or a sample does not fit the model's inputs.
    """
    inputs = model_inputs(model)
    try:
        found = list(_from_folder(path, inputs) if path.is_dir() else _from_file(path, inputs))
    except OSError as error:
        raise UsageError(
            f"cannot read the calibration data {path}: {error.strerror or error}", _HOW
        ) from error
    if not found:
        raise UsageError(f"the calibration data {path} has no samples", _HOW)
    samples = [_checked(sample, inputs, where) for where, sample in found]
    return calibration_of(samples, "given", str(path))


def random_calibration(model: Model, count: int = 16, seed: int = 0) -> Calibration:
    """Random samples for a model without data, the same for the same seed; they tell nothing of quality.

    Raises:
        UsageError: an input is of a type that cannot be random, of an unknown shape, or too large for this machine.
    """
    generator = np.random.default_rng(seed)
    inputs = model_inputs(model)
    _check_memory(inputs, count)
    samples = [
        {name: _random(generator, name, tensor) for name, tensor in inputs.items()} for _ in range(count)
    ]
    return calibration_of(samples, "random")


def _check_memory(inputs: Mapping[str, Tensor], count: int) -> None:
    needed = sum(math.prod(tensor.shape) for tensor in inputs.values()) * count * _REAL_BYTES
    free = available_memory()
    if free is not None and needed > _MEMORY_SHARE * free:
        shapes = ", ".join(f"`{name}` {list(tensor.shape)}" for name, tensor in inputs.items())
        raise UsageError(
            f"{count} random samples of the inputs ({shapes}) would take {needed / 2**30:.1f} GiB, "
            f"and {free / 2**30:.1f} GiB of memory are free",
            "give fewer with --samples, or real ones with --calibration",
        )


def _random(generator: np.random.Generator, name: str, tensor: Tensor) -> npt.NDArray[Any]:
    shape = tensor.shape
    if not tensor.has_rank:
        raise UsageError(f"the input `{name}` has no known shape, so no random samples", "give --calibration")
    if tensor.quantisation is not None and tensor.dtype in ("int8", "uint8", "int16"):
        limits = np.iinfo(tensor.dtype)
        return generator.integers(limits.min, limits.max, shape, tensor.dtype, endpoint=True)
    if tensor.dtype in ("float32", "float16", "float64"):
        return generator.uniform(-1, 1, shape).astype(tensor.dtype)
    if tensor.dtype == "bool":
        return generator.integers(0, 1, shape, np.uint8, endpoint=True).astype(np.bool_)
    if tensor.dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        return generator.integers(0, _MOST_INDEX, shape, tensor.dtype)
    raise UsageError(
        f"the input `{name}` is of type {tensor.dtype}, which has no random samples", "give --calibration"
    )


def _from_folder(path: Path, inputs: Mapping[str, Tensor]) -> Iterator[tuple[str, Sample]]:
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    for file in files:
        kind = file.suffix.lower()
        if kind in _IMAGES:
            raise UsageError(
                f"the calibration data has the image {file}, which is not read: nobody can know how the model "
                "wants it cropped and scaled",
                "save what the model is fed as .npy files",
            )
        if kind not in _ARRAYS:
            raise UsageError(f"the calibration data has {file}, which is neither .npy nor .npz", _HOW)
        loaded = _loaded(file)
        yield str(file), {_only(inputs, file): loaded[""]} if kind == ".npy" else loaded


def _from_file(path: Path, inputs: Mapping[str, Tensor]) -> Iterator[tuple[str, Sample]]:
    arrays = _loaded(path)
    if "" in arrays:
        arrays = {_only(inputs, path): arrays[""]}
    _check_names(arrays, inputs, str(path))
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise UsageError(f"the calibration data {path} has different numbers of samples ({told})", _HOW)
    for number in range(next(iter(counts.values()), 0)):
        yield f"{path}, sample {number}", {name: array[number] for name, array in arrays.items()}


def _loaded(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a file by name; that of a .npy is nameless."""
    try:
        with path.open("rb") as stream:  # which numpy would leave open if the file is damaged
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return {"": found}
            return {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise UsageError(f"the calibration data {path} does not exist", _HOW) from None
    except (ValueError, EOFError, OSError, KeyError, NotImplementedError, RuntimeError) as error:
        # NumPy would have the user unpickle it, which runs code.
        why = "it is no file of NumPy's, or holds Python objects" if "pickle" in str(error) else error
        raise UsageError(f"cannot read the calibration data {path}: {why}", _HOW) from error
    except Exception as error:  # zipfile and zlib have errors of their own
        if type(error).__module__ not in ("zipfile", "zlib"):
            raise
        raise UsageError(f"cannot read the calibration data {path}: {error}", _HOW) from error


def _only(inputs: Mapping[str, Tensor], path: Path) -> str:
    if len(inputs) != 1:
        raise UsageError(
            f"{path} is one array, the model has {len(inputs)} inputs ({', '.join(inputs)})",
            "save .npz files with an array per input",
        )
    return next(iter(inputs))


def _check_names(arrays: Sample, inputs: Mapping[str, Tensor], where: str) -> None:
    tensors = {tensor.name for tensor in inputs.values()}
    unknown = [name for name in arrays if name not in inputs and name not in tensors]
    missing = [name for name, tensor in inputs.items() if name not in arrays and tensor.name not in arrays]
    if unknown or missing:
        told = [f"no array for {', '.join(missing)}"] * bool(missing)
        told += [f"unknown: {', '.join(unknown)}"] * bool(unknown)
        raise UsageError(
            f"{where} does not fit the model's inputs ({', '.join(inputs)}): {'; '.join(told)}",
            "name the arrays after the model's inputs",
        )


def _checked(sample: Sample, inputs: Mapping[str, Tensor], where: str) -> Sample:
    """A sample by input names, each array in the shape of its input."""
    _check_names(sample, inputs, where)
    found = {}
    for name, tensor in inputs.items():
        array = sample[name] if name in sample else sample[tensor.name]
        found[name] = _typed(_shaped(array, name, tensor, where), name, tensor, where)
    return found


def _shaped(array: npt.NDArray[Any], name: str, tensor: Tensor, where: str) -> npt.NDArray[Any]:
    if not tensor.has_rank:
        return array
    signature = tensor.shape_signature
    for shape in (array.shape, (1, *array.shape)):  # a sample may lack the batch axis of 1
        if len(shape) == len(signature) and all(
            own in (-1, size) for own, size in zip(signature, shape, strict=True)
        ):
            return array.reshape(shape)
    raise UsageError(
        f"{where} has shape {list(array.shape)} for the input `{name}`, the model takes {list(signature)}",
        "resize the samples to what the model takes",
    )


def _typed(array: npt.NDArray[Any], name: str, tensor: Tensor, where: str) -> npt.NDArray[Any]:
    if tensor.dtype == "string":
        return array.astype(object)
    takes_real = tensor.dtype.startswith("float") or tensor.quantisation is not None
    if array.dtype.kind == "f" and takes_real:
        if not np.isfinite(array).all():
            raise UsageError(
                f"{where} has values for the input `{name}` that are not finite (NaN or infinite)",
                "leave the sample out, or mend it",
            )
        return array.astype(tensor.dtype if tensor.dtype.startswith("float") else np.float32)
    if array.dtype.name == tensor.dtype:
        return array
    raise UsageError(
        f"{where} has type {array.dtype} for the input `{name}`, the model takes {tensor.dtype}"
        + (" or real values" if takes_real and not tensor.dtype.startswith("float") else ""),
        "convert the samples as the model's user does (scaling included)",
    )

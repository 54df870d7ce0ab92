"""Samples and labels for training, from one .npz file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import UsageError
from tflprof.model.graph import Model, Tensor

Array = npt.NDArray[Any]

LABELS = "labels"


def read_samples(path: Path, model: Model) -> tuple[Array, Array | None]:
    """Inputs ``(n, ...)`` as float32 and classes ``(n,)``, None if there are none.

    The array of inputs has the name of the model's one input: the signature's or the tensor's. Integers for a quantised
    input are taken as it would take them.

    Raises:
        UsageError: no such file, none that numpy reads, no such array, or labels that are no whole numbers.
    """
    arrays = _arrays(path)
    main = model.subgraphs[0]
    if len(main.inputs) != 1:
        raise UsageError(f"{model.path} has {len(main.inputs)} inputs; only models with one are recovered")
    wanted = main.inputs[0]
    names = [main.tensors[wanted].name] + [
        name for signature in model.signatures for name, index in signature.inputs.items() if index == wanted
    ]
    found = next((arrays[name] for name in names if name in arrays), None)
    if found is None:
        raise UsageError(
            f"{path} has no array {names[-1]!r}, it has {', '.join(sorted(arrays)) or 'none'}",
            "save samples under the name of the model's input",
        )
    if found.dtype.kind not in "fiu":
        raise UsageError(f"the samples of {path} are {found.dtype}, which are no numbers")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise UsageError(
            f"samples of {path} are not finite (NaN or infinite)", "leave them out, or mend them"
        )
    return _real(found, main.tensors[wanted]), _labels(path, arrays, len(found))


def _real(samples: Array, tensor: Tensor) -> Array:
    """Samples as the real numbers they stand for: integers of a quantised input by its scale."""
    quantisation = tensor.quantisation
    real = samples.astype(np.float32)
    if quantisation is not None and samples.dtype.kind in "iu" and len(quantisation.scale) == 1:
        real = (real - quantisation.zero_point[0]) * np.float32(quantisation.scale[0])
    return np.ascontiguousarray(real, np.float32)


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            # Objects would be unpickled, which runs code.
            stored = np.load(file, allow_pickle=False)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise UsageError(f"{path} is no .npz file", "save it with numpy.savez")
            return {name: stored[name] for name in stored.files}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "check the path") from None
    except (ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        why = "it is none of NumPy's, or holds Python objects" if "pickle" in str(error) else error
        raise UsageError(f"{path} is no .npz file: {why}", "save it with numpy.savez") from None


def _labels(path: Path, arrays: dict[str, Array], count: int) -> Array | None:
    labels = arrays.get(LABELS)
    if labels is None:
        return None
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UsageError(
            f"the labels of {path} are {labels.dtype} {labels.shape}, not {count} whole numbers",
            "give the number of the class of each sample",
        )
    return labels.astype(np.int64)

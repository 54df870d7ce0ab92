"""Runs models on given samples: bytes in, tensors out, in a child process that may crash."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from tflprof.errors import EnvironmentFault, ModelError, RuntimeMissing, UsageError
from tflprof.runtimes.execute_process import ExecuteProcess
from tflprof.runtimes.execute_values import Port, as_input, real

KERNELS = ("xnnpack", "builtin", "reference")


@dataclass(frozen=True)
class Ports:
    """Inputs and outputs of a model, in the model's order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Executor:
    """A child process with LiteRT's interpreter, for many models and samples; a context manager.

    The child starts when it is first needed, and again after a crash.

    Args:
        kernels: ``xnnpack``, ``builtin`` or ``reference``.
        threads: of each interpreter.
        seconds: the longest that one inference, or opening one model, may take.
    """

    def __init__(self, kernels: str = "xnnpack", threads: int = 1, seconds: float = 60.0) -> None:
        if kernels not in KERNELS:
            raise UsageError(f"kernels `{kernels}` are unknown", f"one of {', '.join(KERNELS)}")
        self._kernels, self._threads, self._seconds = kernels, threads, seconds
        self._child: ExecuteProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove its files."""
        if self._child is not None:
            self._child.close()
            self._child = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def ports(self, model: bytes | Path, name: str | None = None) -> Ports:
        """Inputs and outputs of a model.

        Raises:
            ModelError: LiteRT does not take it.
            RunnerError: LiteRT crashed, or took too long.
        """
        return self._open(_Source.of(model, name), inner=False)[1]

    def run(
        self,
        model: bytes | Path,
        samples: Iterable[Mapping[str, npt.NDArray[Any]]],
        tensors: Sequence[int] | None = None,
        *,
        dequantised: bool = False,
        name: str | None = None,
    ) -> list[dict[Any, npt.NDArray[Any]]]:
        """Outputs by name of each sample, or the values of tensors by index. As :meth:`stream`."""
        return list(self.stream(model, samples, tensors, dequantised=dequantised, name=name))

    def stream(
        self,
        model: bytes | Path,
        samples: Iterable[Mapping[str, npt.NDArray[Any]]],
        tensors: Sequence[int] | None = None,
        *,
        dequantised: bool = False,
        name: str | None = None,
    ) -> Iterator[dict[Any, npt.NDArray[Any]]]:
        """Run samples one by one, each from the model's initial state.

        Args:
            model: its bytes or its file.
            samples: arrays by input name; real values for quantised integer inputs are quantised first.
            tensors: indices of tensors of the main subgraph; their values instead of the outputs, from built-in
                kernels without a delegate.
            dequantised: whether quantised integers of outputs are to be given as the float32 they stand for.
            name: what errors call the model.

        Raises:
            UsageError: a sample does not fit the model's inputs.
            ModelError: LiteRT does not take the model or cannot run it.
            RunnerError: LiteRT crashed, or took too long.
        """
        source = _Source.of(model, name)
        order, ports = self._open(source, inner=tensors is not None)
        wanted = [port.index for port in ports.outputs] if tensors is None else list(tensors)
        names: Sequence[Any] = [port.name for port in ports.outputs] if tensors is None else wanted
        for number, sample in enumerate(samples):
            values = {port.index: as_input(port, sample, number) for port in ports.inputs}
            run = {**order, "do": "run", "inputs": list(values), "wanted": wanted}
            found = self._ask(source, "run", run, list(values.values()))[1]
            if dequantised and tensors is None:
                found = [real(port, value) for port, value in zip(ports.outputs, found, strict=True)]
            yield dict(zip(names, found, strict=True))

    def _open(self, source: _Source, *, inner: bool) -> tuple[dict[str, Any], Ports]:
        """What a request says of a model, and the model's ports."""
        order = {
            "do": "open",
            "model": f"{source.key} {self._kernels} {inner}",
            "path": str(source.path or self._kept(source)),
            "kernels": self._kernels,
            "threads": self._threads,
            "inner": inner,
        }
        header, _ = self._ask(source, "open", order)
        inputs, outputs = (tuple(map(Port.of, header[side])) for side in ("inputs", "outputs"))
        return order, Ports(inputs, _distinct(outputs))

    def _kept(self, source: _Source) -> Path:
        """The file of a model given as bytes."""
        if self._folder is None:
            try:
                self._folder = tempfile.TemporaryDirectory(prefix="tflprof-", ignore_cleanup_errors=True)
            except OSError as error:
                raise EnvironmentFault(f"cannot make a temporary directory: {error}", "set TMPDIR") from error
        path = Path(self._folder.name) / f"{source.key}.tflite"
        if not path.exists():
            for old in sorted(path.parent.iterdir(), key=os.path.getmtime)[:-3]:
                old.unlink(missing_ok=True)  # the child has it mapped still if it needs it
            try:
                path.write_bytes(source.content)
            except OSError as error:
                raise EnvironmentFault(
                    f"cannot write {path}: {error.strerror or error}", "free some space or set TMPDIR"
                ) from error
        return path

    def _ask(
        self,
        source: _Source,
        doing: str,
        order: Mapping[str, Any],
        arrays: Sequence[npt.NDArray[Any]] = (),
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        if self._child is None:
            self._child = ExecuteProcess()
        answer = self._child.ask(order, arrays, self._seconds)
        if answer is None:
            child, self._child = self._child, None
            raise child.ending_error(source.name, doing, self._seconds)
        if "error" in answer[0]:
            raise _refusal(source.name, doing, answer[0]["error"])
        return answer


@dataclass(frozen=True)
class _Source:
    """A model: where it is or its bytes, what it is called, and what tells it from others."""

    path: Path | None
    content: bytes
    name: str
    key: str

    @classmethod
    def of(cls, model: bytes | Path, name: str | None) -> _Source:
        if isinstance(model, Path):
            try:
                state = model.stat()
            except OSError as error:
                raise ModelError(f"cannot read {model}: {error.strerror or error}") from error
            key = f"{model.resolve()} {state.st_mtime_ns} {state.st_size}"
            return cls(model.resolve(), b"", name or str(model), key)
        content = bytes(model)
        return cls(None, content, name or "the model", hashlib.sha256(content).hexdigest())


def _refusal(name: str, doing: str, said: str) -> Exception:
    if "ai_edge_litert" in said and "No module" in said:
        return RuntimeMissing("LiteRT's Python package is not installed", "pip install ai-edge-litert")
    what = "does not take" if doing == "open" else "could not run"
    return ModelError(
        f"LiteRT {what} {name}: {said}",
        "tflprof inspect tells what is in it; models with operators of their own cannot be run here",
    )


def _distinct(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """Outputs with names of their own: a name that comes again gets its position."""
    seen: set[str] = set()
    found = []
    for position, port in enumerate(ports):
        found.append(port if port.name not in seen else port.renamed(f"{port.name}:{position}"))
        seen.add(port.name)
    return tuple(found)

"""litert-quantizer from outside: a recipe and ranges in, a quantised file out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflprof.errors import EnvironmentFault, ModelError
from tflprof.runtimes.execute_process import ExecuteProcess

_MODULE = "tflprof.compress.quantise.child"
_SECONDS = 600.0
_DELEGATED = frozenset({"CONV_2D", "FULLY_CONNECTED"})
"""With int8 weights under real values, the CPU delegate leaves others to slower kernels, and its partition ends."""


@dataclass(frozen=True)
class Policy:
    """Operators by their names in the schema: which can be int8, and which can have int8 weights only."""

    int8: frozenset[str]
    dynamic: frozenset[str]


class QuantiserTool:
    """The package in a process of its own, which starts when it is first needed and ends with this object."""

    def __init__(self) -> None:
        self._process: ExecuteProcess | None = None
        self._policy: Policy | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def policy(self) -> Policy:
        """What the package can quantise. Raises EnvironmentFault if it is not installed."""
        if self._policy is None:
            said = self._ask("the list of operators", {"do": "policy"})[0]
            self._policy = Policy(frozenset(said["int8"]), frozenset(said["dynamic"]) & _DELEGATED)
        return self._policy

    def quantised(
        self,
        content: bytes,
        name: str,
        scopes: Mapping[str, Sequence[Sequence[str]]],
        ranges: Mapping[str, tuple[float, float]],
        weights: Mapping[str, npt.NDArray[np.float64]] | None = None,
    ) -> bytes:
        """A quantised file.

        Args:
            content: the model's bytes.
            name: what errors call it.
            scopes: by scheme (``int8``, ``dynamic``) the names of the output tensors of each operator.
            ranges: what integers of a tensor are to cover, by the tensor's name.
            weights: the largest magnitude per channel that integers of weights are to cover, where it is not that of
                the weights themselves; of the weights' rank, by the tensor's name.

        Raises:
            EnvironmentFault: the package is not installed, or its process died.
            ModelError: it does not take the model.
        """
        order: dict[str, Any] = {"do": "quantise", "ranges": dict(ranges)}
        order["weights"] = {
            name: (bounds.shape, bounds.reshape(-1).tolist()) for name, bounds in (weights or {}).items()
        }
        order |= {scheme: _pattern(scopes.get(scheme, ())) for scheme in ("int8", "dynamic")}
        return self._ask(name, order, [np.frombuffer(content, np.uint8)])[1][0].tobytes()

    def _ask(
        self, name: str, order: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]] = ()
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        if self._process is None:
            self._process = ExecuteProcess(_MODULE, "litert-quantizer")
        answer = self._process.ask(order, arrays, _SECONDS)
        if answer is None:
            process, self._process = self._process, None
            raise process.ending_error(name, "run", _SECONDS)
        said = answer[0]
        if "missing" in said:
            raise EnvironmentFault(
                f"quantising needs litert-quantizer, which cannot be loaded: {said['missing']}",
                'pip install "tflprof[quantisation]"',
            )
        if "error" in said:
            raise ModelError(
                f"litert-quantizer does not take {name}: {said['error']}",
                "leave quantisation out for the layers it names (--methods without quantise)",
            )
        return answer


def _pattern(scopes: Sequence[Sequence[str]]) -> str:
    """Matches exactly the operators whose outputs have these names; empty for none."""
    texts = [re.escape("".join(f"{name};" for name in names)) for names in scopes]
    return f"^(?:{'|'.join(texts)})$" if texts else ""

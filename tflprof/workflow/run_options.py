"""Where and how models are run, and whether they can be."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict

from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.runner.interface import RunRequest
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.profile import check_cost, check_names, check_setup, check_values, input_names

PathLike = str | os.PathLike[str]


class RunKeywords(TypedDict, total=False):
    """How models are run: the arguments of :func:`tflprof.profile_model` of the same names."""

    core: str | None
    threads: int
    kernels: str
    signature: str | None
    inputs: Mapping[str, PathLike] | None
    input_shapes: Mapping[str, Sequence[int]] | None
    runtime: PathLike | None
    seed: int
    xnnpack_flags: int | None
    weight_cache: bool
    setup: PhoneSetup | None
    cost: str | None
    anchors: str | None


@dataclass(frozen=True)
class RunOptions:
    """Where and how models are run; see :class:`RunKeywords`."""

    target: str
    core: str | None = None
    threads: int = 1
    kernels: str = "xnnpack"
    signature: str | None = None
    inputs: Mapping[str, PathLike] | None = None
    input_shapes: Mapping[str, Sequence[int]] | None = None
    runtime: PathLike | None = None
    seed: int = 0
    xnnpack_flags: int | None = None
    weight_cache: bool = False
    setup: PhoneSetup | None = None
    cost: str | None = None
    anchors: str | None = None

    def keywords(self) -> dict[str, Any]:
        """As arguments of :func:`tflprof.profile_model`."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def only_for(self, graph: Model) -> RunOptions:
        """These options without files and shapes for inputs that the model does not have."""
        known = input_names(graph, self.signature)
        inputs = {name: path for name, path in (self.inputs or {}).items() if name in known}
        shapes = {name: shape for name, shape in (self.input_shapes or {}).items() if name in known}
        return replace(self, inputs=inputs, input_shapes=shapes)

    def request(self, *models: PathLike) -> RunRequest:
        """What sessions of these models are to do."""
        return RunRequest(
            models=tuple(map(Path, models)),
            signature=self.signature,
            kernels=self.kernels,
            threads=self.threads,
            xnnpack_flags=self.xnnpack_flags,
            weight_cache=self.weight_cache,
            core=self.core,
            inputs={name: Path(path) for name, path in (self.inputs or {}).items()},
            shapes={name: tuple(shape) for name, shape in (self.input_shapes or {}).items()},
            seed=self.seed,
        )


def checked(a: PathLike, b: PathLike, options: RunOptions) -> tuple[Model, Model]:
    """Both models, read. Raises UsageError or ModelError for what one of them cannot be run with."""
    check_setup(options.target, options.setup)
    check_cost(options.target, options.cost, options.anchors)
    request = options.request(a, b)
    check_values(request)
    graphs = read_model(a), read_model(b)
    known = {name for graph in graphs for name in input_names(graph, request.signature)}
    for graph in graphs:
        # What is given for the other model's inputs is nothing to this one; what neither has is refused.
        others = known - set(input_names(graph, request.signature))
        own = replace(
            request,
            inputs={name: path for name, path in request.inputs.items() if name not in others},
            shapes={name: shape for name, shape in request.shapes.items() if name not in others},
        )
        check_names(graph, own)
    return graphs

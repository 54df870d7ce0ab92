"""Two models measured together: from what a user says to an open :class:`PairedMeasurement`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.measure.pairs import PairedMeasurement, PairPlan
from tflprof.measure.pipeline import OnProgress, Progress
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.runner.interface import RunRequest
from tflprof.runner.open import open_runner
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.workflow.profile import check_names, check_setup, check_values, input_names

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class RunOptions:
    """How models are run; the arguments of :func:`tflprof.profile_model` of the same names."""

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


@contextlib.contextmanager
def open_pairs(
    a: PathLike, b: PathLike, options: RunOptions, plan: PairPlan, tell: OnProgress
) -> Iterator[PairedMeasurement]:
    """A paired measurement of two models that are checked, on a target that is open meanwhile.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    if not plan.max_seconds > 0:
        raise UsageError(f"--max-seconds must be above 0, not {plan.max_seconds:g}")
    check_setup(options.target, options.setup)
    request = options.request(a, b)
    check_values(request)
    graphs = read_model(a), read_model(b)
    _check_pair(graphs, request)
    phone = replace(options.setup or PhoneSetup(), core=options.core, threads=options.threads)
    library = Path(options.runtime) if options.runtime else None
    runner = open_runner(options.target, library, phone, lambda *what: tell(Progress(*what)))
    try:
        yield PairedMeasurement(runner, request, graphs, plan, tell)
    finally:
        runner.close()


def _check_pair(graphs: tuple[Model, Model], request: RunRequest) -> None:
    """Raise UsageError for a signature that one model lacks, or an input that both lack."""
    known = {name for graph in graphs for name in input_names(graph, request.signature)}
    for graph in graphs:
        # An input of the other model only is left out here as it is by the runner.
        others = known - set(input_names(graph, request.signature))
        own = replace(
            request,
            inputs={name: path for name, path in request.inputs.items() if name not in others},
            shapes={name: shape for name, shape in request.shapes.items() if name not in others},
        )
        check_names(graph, own)

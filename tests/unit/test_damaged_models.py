"""Damaged files that the reader accepts: what is done with a model ends in a result or a refusal, never in a crash."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.model_feed import use
from benchmarks.model_fuzz import seeds, small_models
from benchmarks.model_mutations import mutated
from tflprof.compress.calibration import calibration_of
from tflprof.compress.clean_up.find import needless
from tflprof.compress.interface import Subject
from tflprof.compress.low_rank.method import LowRank
from tflprof.compress.nms import Nms
from tflprof.compress.prune.method import Pruning
from tflprof.compress.resolution.method import Resolution
from tflprof.errors import TflprofError
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Model
from tflprof.model.lint import lint_model
from tflprof.model.read import read_model
from tflprof.report.model_table import model_document, print_model
from tflprof.runtimes.execute import Executor

FILES = 1500


def inspect(model: Model) -> None:
    found = lint_model(model)
    model_document(model, found)
    print_model(model, Console(file=io.StringIO(), width=100), found)


def clean_up(model: Model) -> None:
    needless(model.subgraphs[0], partial(model.data, 0))


def edit(model: Model) -> None:
    written = read_model(ModelEditor.open(model.path).to_bytes())
    assert [len(graph.ops) for graph in written.subgraphs] == [len(graph.ops) for graph in model.subgraphs]


def compress(model: Model) -> None:
    subject = Subject(model, layer_configs(model), calibration_of([]), Executor())
    for method in (LowRank(), Nms(), Pruning("magnitude"), Resolution()):
        method.knobs(subject)


WORK: dict[str, Callable[[Model], object]] = {
    "read": use,
    "inspect": inspect,
    "table": layer_configs,
    "clean-up": clean_up,
    "edit": edit,
    "compress": compress,
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Those of a few hundred damaged models that the reader accepts."""
    return list(accepted(tmp_path_factory.mktemp("damaged")))


def accepted(folder: Path) -> Iterator[Path]:
    rng, whole = random.Random(1), seeds(small_models())
    for number in range(FILES):
        _, content, known = rng.choice(whole)
        path = folder / f"{number}.tflite"
        path.write_bytes(mutated(rng, content, known)[0])
        with suppress(TflprofError):
            read_model(path)
            yield path


@pytest.mark.parametrize("work", WORK)
def test_work_on_a_damaged_model_ends_in_a_result_or_a_refusal(work: str, damaged: list[Path]) -> None:
    assert len(damaged) > FILES / 10
    for path in damaged:
        with suppress(TflprofError):
            WORK[work](read_model(path))

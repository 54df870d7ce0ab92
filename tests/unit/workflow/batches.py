"""A scripted measurement for tests of batches: profiles that say they were measured as asked, or what goes wrong."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.facts import DeviceFacts
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.profile.meta import Options
from tflprof.profile.profile import Profile

LIBRARY = "b" * 64


def profile_as_asked(model: Path, *, complete: bool = True, **asked: Any) -> Profile:
    """A profile of a model on the host, with the options of :func:`tflprof.profile_model`."""
    base = make_profile(complete=complete)
    meta, graph = base.meta, read_model(model)
    options = Options(
        kernels=asked["kernels"],
        threads=asked["threads"],
        xnnpack_flags=asked["xnnpack_flags"],
        weight_cache=asked["weight_cache"],
        core=asked["core"],
        signature=asked["signature"],
        shapes={name: tuple(shape) for name, shape in asked["input_shapes"].items()},
        inputs={name: str(path) for name, path in asked["inputs"].items()},
        seed=asked["seed"],
        rate=asked["rate"],
    )
    sustain = asked["sustain"]
    schedule = replace(
        meta.schedule,
        max_seconds=asked["max_seconds"],
        precision=asked["precision"],
        sustain_seconds=None if sustain is None else sustain * 60,
    )
    target = DeviceFacts("Test CPU", asked["target"].partition(":")[0], "Linux", "linux-x86_64")
    info = replace(meta.model, sha256=graph.sha256, path=str(model), name=model.stem)
    return Profile(replace(meta, options=options, schedule=schedule, target=target, model=info), base.table)


class Measuring:
    """Stands for :func:`tflprof.workflow.profile.profile_model`.

    Attributes:
        measured: names of the models that it was asked to measure.
        asked: with which options.
        answers: by name of a model, what happens instead: raises what it returns, if that is an exception.
    """

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[Path, dict[str, Any]], Profile | BaseException]] = {}

    def __call__(self, model: Path, **asked: Any) -> Profile:
        self.measured.append(model.name)
        self.asked.append(asked)
        answer = self.answers.get(model.stem, lambda model, asked: profile_as_asked(model, **asked))
        found = answer(model, asked)
        if isinstance(found, BaseException):
            raise found
        return found

    def fails(self, stem: str, error: BaseException) -> None:
        """Have the measurement of a model fail."""
        self.answers[stem] = lambda *_: error

    def signals(self, stem: str, number: signal.Signals = signal.SIGINT) -> None:
        """Have a signal come while a model's layers are attributed: there is a profile, and it is to be kept."""

        def answer(model: Path, asked: dict[str, Any]) -> Profile:
            from tflprof.workflow.progress import Progress

            asked["on_progress"](Progress("attributing", None, "1 layer"))
            signal.raise_signal(number)
            return profile_as_asked(model, **asked)

        self.answers[stem] = answer


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    fake = Measuring()
    monkeypatch.setattr("tflprof.workflow.batch.profile_model", fake)
    library = SimpleNamespace(sha256=LIBRARY)
    monkeypatch.setattr("tflprof.workflow.batch_resume.find_runtime", lambda *_: library)
    return fake


def write_models(folder: Path, *names: str) -> None:
    """Sound models under these names, all different."""
    kinds = ("add", "mul", "sub", "softmax", "logistic", "mean", "abs", "neg")
    for name, kind in zip(names, kinds, strict=False):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(build_micro(kind))

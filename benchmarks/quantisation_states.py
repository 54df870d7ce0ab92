"""A model in all the states that the benchmark of quantisation compares."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflprof.compress.calibration import Calibration
from tflprof.compress.fidelity import Reference
from tflprof.compress.interface import Change, Knob, Subject
from tflprof.compress.quantise.method import DYNAMIC, INT8, Quantise, uniform
from tflprof.model.configs import layer_configs
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Model
from tflprof.runtimes.execute import Executor

STATES = ("float32", "dynamic", "int8 quantiser's own", "int8 all values", "int8 searched", "int8", "mixed")
_SHARE, _PROBED = 0.5, 32


@dataclass(frozen=True)
class State:
    """A model's file in a state, and what is to be said of it."""

    name: str
    content: bytes
    note: str = ""


def states(model: Model, calibration: Calibration, executor: Executor) -> Iterator[State]:
    """All states that a model can be in."""
    plain = Path(model.path).read_bytes()
    yield State(STATES[0], plain)
    subject = Subject(model, layer_configs(model), calibration, executor)
    method, full, search = Quantise(), Quantise("full"), Quantise("search")
    knobs, refused = method.knobs(subject)
    told = "; ".join(one.reason for one in refused)
    yield State(STATES[1], _applied(method, uniform(knobs, DYNAMIC), subject), told)
    if model.signatures:
        yield State(STATES[2], _own(plain, model.signatures[0].key, calibration))
    for name, one in zip(STATES[3:5], (full, search), strict=True):
        yield State(name, _applied(one, uniform(one.knobs(subject)[0], INT8), subject))
    yield State(STATES[5], _applied(method, uniform(knobs, INT8), subject), _ranges(knobs))
    spared = _spared(method, knobs, subject)
    yield State(STATES[6], _applied(method, _mixed(knobs, spared), subject), f"not int8: {', '.join(spared)}")
    for one in (method, full, search):
        one.close()


def range_ratio(model: Model, calibration: Calibration, reference: Reference, executor: Executor) -> float:
    """Divergence with searched ranges over that with ranges of all values, everything int8."""
    found = []
    for how in ("search", "full"):
        method = Quantise(how)
        subject = Subject(model, layer_configs(model), calibration, executor)
        content = _applied(method, uniform(method.knobs(subject)[0], INT8), subject)
        found.append(reference.fidelity(content).divergence)
        method.close()
    return found[0] / max(found[1], 1e-12)


def _ranges(knobs: Sequence[Knob]) -> str:
    found = {str(change.parameters["ranges"]) for change in uniform(knobs, INT8)}
    return f"ranges: {', '.join(found)}"


def _applied(method: Quantise, changes: Sequence[Change], subject: Subject) -> bytes:
    return method.apply(ModelEditor.open(subject.model.path), changes, subject).to_bytes()


def _spared(method: Quantise, knobs: Sequence[Knob], subject: Subject) -> list[str]:
    """Knobs that make half of the loss that all make when each alone is int8."""
    reference = Reference(subject.executor, subject.model, subject.calibration.first(_PROBED))
    losses: dict[str, float] = {}
    for knob in knobs:
        for change in uniform([knob], INT8):
            losses[knob.name] = reference.fidelity(_applied(method, [change], subject)).divergence
    return _worst(losses)


def _worst(losses: Mapping[str, float]) -> list[str]:
    spared: list[str] = []
    for name in sorted(losses, key=lambda name: -losses[name]):
        if sum(losses[one] for one in losses if one not in spared) <= _SHARE * sum(losses.values()):
            break
        spared.append(name)
    return spared


def _mixed(knobs: Sequence[Knob], spared: Sequence[str]) -> list[Change]:
    found = [uniform([knob], DYNAMIC if knob.name in spared else INT8) for knob in knobs]
    return [change for part in found for change in part]


def _own(content: bytes, signature: str, calibration: Calibration) -> bytes:
    """What litert-quantizer makes with its own calibration; inputs and outputs stay real."""
    from litert_quantizer import qtyping
    from litert_quantizer.quantizer import Quantizer
    from litert_quantizer.recipe_manager import RecipeManager

    names, recipe = qtyping.TFLOperationName, RecipeManager()
    recipe.add_static_config(".*", names.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
    for end in (names.INPUT, names.OUTPUT):
        recipe.add_quantization_config(".*", end, algorithm_key="no_quantize")
    quantizer: Any = Quantizer(content, recipe.get_quantization_recipe())
    with contextlib.redirect_stderr(io.StringIO()):
        samples = {signature: [dict(sample) for sample in calibration.samples]}
        found = quantizer.quantize(quantizer.calibrate(samples, num_threads=1), enable_progress_report=False)
    return bytes(found.quantized_model)

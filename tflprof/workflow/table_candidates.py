"""What methods of compression would make of a model's layers: the rows that a plan will ask a table for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tflprof.compress.calibration import random_calibration
from tflprof.compress.interface import Knob, Method, Subject
from tflprof.compress.methods import open_methods
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.runtimes.execute import Executor

_SAMPLES = 2
"""Of random data: which candidates there are does not depend on them."""


def candidate_configs(
    model: str | os.PathLike[str], methods: Sequence[str], kernels: str = "xnnpack"
) -> list[OpConfig]:
    """Configurations that single changes of a model would bring, each once, without those it has.

    Args:
        model: a .tflite file.
        methods: names of methods of compression.
        kernels: of the runtime: what is done in which layer depends on them.

    Raises:
        UsageError: there is no such method, or the model is none that can be compressed.
        EnvironmentFault: a method needs a package that is missing.
    """
    opened = open_methods(methods)
    graph = read_model(model)
    layers = layer_configs(graph, kernels)
    known = {layer.config.key for layer in layers}
    found: dict[str, OpConfig] = {}
    with Executor() as executor:
        subject = Subject(graph, layers, random_calibration(graph, _SAMPLES, 0), executor)
        for method in opened.values():
            for knob in method.knobs(subject)[0]:
                found |= {config.key: config for config in _rewritten(subject, method, knob)}
    return [config for key, config in found.items() if key not in known]


def _rewritten(subject: Subject, method: Method, knob: Knob) -> Iterator[OpConfig]:
    configs = {layer.id: layer.config for layer in subject.layers if layer.uncosted is None}
    for option in (knob.options[place] for place in knob.first[1:]):
        for layer in knob.layers:
            if layer in configs:
                yield from method.rewrite(layer, (configs[layer],), option)

"""What is decided of a measurement before it begins."""

from __future__ import annotations

from dataclasses import replace

from tflprof.model.build import build_network
from tflprof.model.read import read_model
from tflprof.runner.interface import RunRequest
from tflprof.workflow.plan import PROFILED_SHARE, PROFILING, PROFILING_OPERATOR, plain_limit


def test_a_small_model_is_run_plain_as_far_as_any() -> None:
    model = read_model(build_network("mobilenet_v1", size=32, width=0.1))
    assert len(model.ops()) == 31
    assert plain_limit(model) == RunRequest.plain_max == 100_000_000


def test_of_many_operators_profiling_costs_more() -> None:
    model = read_model(build_network("mobilenet_v3_large", size=32, width=0.35))
    cost = PROFILING + PROFILING_OPERATOR * len(model.ops())
    assert plain_limit(model) == cost / PROFILED_SHARE > 200_000_000


def test_what_is_done_when_a_model_is_loaded_is_not_profiled() -> None:
    model = read_model(build_network("mobilenet_v3_large", size=32, width=0.35, dtype="float16"))
    plain = read_model(build_network("mobilenet_v3_large", size=32, width=0.35))
    assert len(model.ops()) > len(plain.ops())
    assert plain_limit(model) == plain_limit(plain)


def test_operators_of_every_subgraph_count() -> None:
    model = read_model(build_network("mobilenet_v3_large", size=32, width=0.35))
    twice = replace(model, subgraphs=model.subgraphs * 2)
    assert plain_limit(twice) - plain_limit(model) == len(model.ops()) * PROFILING_OPERATOR / PROFILED_SHARE

"""BERT-Tiny and the streaming keyword spotter: the published sizes, and what they can be asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.unit.model.tables import read_bytes
from tflprof.errors import UsageError
from tflprof.model.build import build_network
from tflprof.model.cost import model_cost

CLASSIFIER = 128 * 2 + 2


def test_bert_tiny_has_the_published_parameters(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("bert_tiny", 512))
    # arXiv 1908.08962 rounds to 4.4 M; the released checkpoint has 4,385,920, two segments included.
    assert model_cost(model).total.parameters - CLASSIFIER == pytest.approx(4_385_920, rel=0.001)


def test_bert_tiny_multiplies_what_the_formula_says(tmp_path: Path) -> None:
    tokens, hidden = 128, 128
    model = read_bytes(tmp_path, build_network("bert_tiny"))
    projections = 4 * tokens * hidden**2 + 2 * tokens * hidden * 4 * hidden
    attention = 2 * tokens**2 * hidden
    expected = 2 * (projections + attention) + hidden**2 + hidden * 2
    assert model_cost(model).total.macs == expected


def test_layers_of_bert_tiny(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("bert_tiny", 16, dtype="float32"))
    counts = Counter(op.code for op in model.ops())
    assert counts["BATCH_MATMUL"] == 4
    assert counts["SOFTMAX"] == 2 + 1
    assert counts["RSQRT"] == 5
    assert counts["GELU"] == 2
    assert counts["GATHER"] == 1


@pytest.mark.parametrize(("dtype", "code"), [("dynamic", "int8"), ("int4", "int4")])
def test_tables_of_integers_have_a_scale_per_row(tmp_path: Path, dtype: str, code: str) -> None:
    model = read_bytes(tmp_path, build_network("bert_tiny", 16, dtype=dtype))
    lookup = next(op for op in model.ops() if op.code == "EMBEDDING_LOOKUP")
    table = model.subgraphs[0].tensors[lookup.inputs[1]]
    assert table.dtype == code
    assert table.quantisation is not None
    assert len(table.quantisation.scale) == table.shape[0]


def test_mixednet_keeps_the_published_ring_buffers(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("mixednet_kws", dtype="int8"))
    main, init = model.subgraphs
    assert main.ops[0].code == "CALL_ONCE"
    reads = [main.tensors[op.outputs[0]].shape for op in main.ops if op.code == "READ_VARIABLE"]
    assert reads == [
        (1, 2, 1, 40),
        (1, 4, 1, 32),
        (1, 10, 1, 64),
        (1, 14, 1, 64),
        (1, 22, 1, 64),
        (1, 49, 1, 64),
    ]
    assert Counter(op.code for op in init.ops) == {"VAR_HANDLE": 6, "ASSIGN_VARIABLE": 6}
    names = [
        [op.options["shared_name"] for op in graph.ops if op.code == "VAR_HANDLE"] for graph in (main, init)
    ]
    assert names[0] == names[1]
    assert main.tensors[main.outputs[0]].dtype == "uint8"


def test_mixednet_has_the_published_multiplications(tmp_path: Path) -> None:
    model = read_bytes(tmp_path, build_network("mixednet_kws"))
    depthwise = 5 * 32 + (7 + 11) * 32 + (9 + 15) * 32 + 23 * 64
    pointwise = 32 * 64 + 3 * 64 * 64
    assert model_cost(model).total.macs == 5 * 40 * 32 + depthwise + pointwise + 50 * 64


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("mixednet_kws", {"size": 32}, "mixednet_kws has no size"),
        ("mixednet_kws", {"classes": 3}, "mixednet_kws has no classes"),
        ("bert_tiny", {"size": 513}, "cannot build bert_tiny with size 513"),
    ],
)
def test_what_a_network_does_not_take_is_refused(name: str, values: dict[str, int], what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        build_network(name, **values)
    assert caught.value.hint


@pytest.mark.parametrize("dtype", ["float32", "float16", "dynamic", "int4", "int8"])
@pytest.mark.parametrize("name", ["bert_tiny", "mixednet_kws"])
def test_the_same_arguments_give_the_same_bytes(name: str, dtype: str) -> None:
    assert build_network(name, width=0.5, dtype=dtype, seed=1) == build_network(
        name, width=0.5, dtype=dtype, seed=1
    )

"""Partitions against the runtime's rule written out plainly: sweep over what is left until nothing more is ready."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tflprof.model.graph import Op, Subgraph, Tensor
from tflprof.model.partition import partition


def tensor(index: int, dtype: str) -> Tensor:
    return Tensor(index, str(index), dtype, (1,), (1,), True, None, False, False, None, 0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Subgraph, set[int]]:
    """Operators in any order, some of which need each other and never run, some with side effects."""
    count = draw(st.integers(1, 10))
    dtypes = [draw(st.sampled_from(["float32", "float32", "float32", "resource"])) for _ in range(count + 3)]
    outputs = draw(st.permutations(range(count)))
    ops = tuple(
        Op(
            f"0/{i}",
            0,
            i,
            draw(st.sampled_from(["ADD", "ADD", "CALL_ONCE"])),
            None,
            1,
            tuple(draw(st.lists(st.integers(-1, count + 2), max_size=2))),
            (outputs[i],),
        )
        for i in range(count)
    )
    delegated = set(draw(st.lists(st.integers(0, count - 1))))
    return Subgraph(0, "", tuple(tensor(i, dtype) for i, dtype in enumerate(dtypes)), ops, (), ()), delegated


def swept(graph: Subgraph, delegated: set[int]) -> list[tuple[bool, tuple[int, ...]]]:
    waiting = {index for op in graph.ops for index in op.outputs}
    stateful = [
        op.index
        for op in graph.ops
        if op.code == "CALL_ONCE"
        or any(graph.tensors[i].dtype == "resource" for i in (*op.inputs, *op.outputs) if i >= 0)
    ]
    left, parts = list(range(len(graph.ops))), []
    while left:
        kind, taken, progress = None, [], True
        while progress:
            progress = False
            for index in list(left):
                op = graph.ops[index]
                earlier = [other for other in stateful if other < index] if index in stateful else []
                ready = not waiting & set(op.inputs) and not set(earlier[-1:]) & set(left)
                if ready and kind in (None, index in delegated):
                    kind, progress = index in delegated, True
                    taken.append(index)
                    left.remove(index)
                    waiting -= set(op.outputs)
        if kind is None:
            break
        parts.append((kind, tuple(taken)))
    return parts


@given(graphs())
def test_parts_are_those_of_the_runtimes_rule(case: tuple[Subgraph, set[int]]) -> None:
    graph, delegated = case
    assert [(part.delegated, part.ops) for part in partition(graph, delegated)] == swept(graph, delegated)

"""Whether operators that run subgraphs (IF, WHILE, CALL_ONCE) hand them what they take and take what they give.

LiteRT counts tensors but does not compare their types: it copies the bytes of one into the room of another.
"""

from __future__ import annotations

from collections.abc import Sequence

from tflprof.model.graph import Op, Subgraph
from tflprof.model.storage import Contradiction


def check_calls(subgraphs: Sequence[Subgraph]) -> None:
    """Raise Contradiction for an operator that does not fit the subgraphs that it runs, and for endless recursion."""
    for graph in subgraphs:
        for op in graph.ops:
            _check_op(op, graph, [subgraphs[index] for index in op.subgraphs])
    _check_recursion(subgraphs)


def _check_op(op: Op, graph: Subgraph, runs: Sequence[Subgraph]) -> None:
    wanted = {"IF": 2, "WHILE": 2, "CALL_ONCE": 1}.get(op.code)
    if wanted is None:
        return
    if len(runs) != wanted:
        raise Contradiction(f"op {op.id} ({op.type}) runs {len(runs)} subgraphs, not {wanted}")
    given, results = _types(op.inputs, graph), _types(op.outputs, graph)
    if op.code == "IF":
        if given[:1] != ["bool"]:
            raise Contradiction(f"op {op.id} (IF) needs a condition of type bool")
        for branch in runs:
            _check_fit(op, "hands to", given[1:], branch.inputs, branch)
            _check_fit(op, "takes from", results, branch.outputs, branch)
    elif op.code == "WHILE":
        condition, body = runs
        _check_fit(op, "hands to", given, condition.inputs, condition)
        _check_fit(op, "takes from", ["bool"], condition.outputs, condition)
        _check_fit(op, "hands to", given, body.inputs, body)
        _check_fit(op, "takes from", results, body.outputs, body)
        _check_fit(op, "takes from", given, body.outputs, body)


def _types(indices: Sequence[int], graph: Subgraph) -> list[str]:
    return [graph.tensors[index].dtype if index >= 0 else "nothing" for index in indices]


def _check_fit(op: Op, does: str, types: list[str], ports: Sequence[int], run: Subgraph) -> None:
    there = _types(ports, run)
    if types != there:
        raise Contradiction(
            f"op {op.id} ({op.type}) {does} subgraph {run.index} {_list(types)}, but that has {_list(there)}"
        )


def _list(types: list[str]) -> str:
    shown = ", ".join(types[:8]) + (" …" if len(types) > 8 else "")
    return f"{len(types)} tensors ({shown})"


def _check_recursion(subgraphs: Sequence[Subgraph]) -> None:
    """What is left after all subgraphs that end are taken away runs itself."""
    called = {graph.index: {index for op in graph.ops for index in op.subgraphs} for graph in subgraphs}
    callers: dict[int, list[int]] = {}
    for caller, indices in called.items():
        for index in indices:
            callers.setdefault(index, []).append(caller)
    ending = [index for index, indices in called.items() if not indices]
    while ending:
        done = ending.pop()
        del called[done]
        for caller in callers.get(done, ()):
            called[caller].discard(done)
            if not called[caller]:
                ending.append(caller)
    if called:
        raise Contradiction(f"subgraph {min(called)} runs itself, directly or through another")

"""A model without running it: shapes, MACs, weights and bytes of every operator, as a table and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.model.cost import Cost, ModelCost, model_cost
from tflprof.model.graph import Model, Op, Signature, Tensor
from tflprof.model.lint import Lint
from tflprof.report.columns import Column, Grid
from tflprof.report.lint_table import lint_document, print_lints
from tflprof.report.plain_json import without_nan
from tflprof.report.text import plain

INSPECT_VERSION = 1


def model_document(model: Model, lints: Sequence[Lint] | None = None) -> dict[str, Any]:
    """A model and what stands out in it as JSON-ready values (docs/json.md); null is unknown, or not looked for."""
    cost = model_cost(model)
    document = {
        "schema_version": INSPECT_VERSION,
        "model": {
            "path": model.path,
            "sha256": model.sha256,
            "size_bytes": model.size_bytes,
            "fingerprint": model.fingerprint,
            "description": model.description,
        },
        "total": _cost_document(cost.total),
        "unknown_macs": cost.unknown_macs,
        "unknown_bytes": cost.unknown_bytes,
        "signatures": [_signature_document(model, signature) for signature in _entries(model)],
        "ops": [_op_document(model, op, cost.ops[op.id]) for op in model.ops()],
        "lints": None if lints is None else [lint_document(lint) for lint in lints],
    }
    cleaned: dict[str, Any] = without_nan(document)
    return cleaned


def print_model(model: Model, console: Console, lints: Sequence[Lint] | None = None) -> None:
    """Print a model: its size, its entry points, a row per operator, and what stands out (unless None)."""
    cost = model_cost(model)
    _print_head(model, cost, console)
    _print_ops(model, cost, console)
    _print_types(model, cost, console)
    if lints is not None:
        console.print()
        print_lints(model, lints, console, complete=not cost.unknown_macs)


def _print_head(model: Model, cost: ModelCost, console: Console) -> None:
    console.print(Text(plain(model.path), style="bold"))
    parts = [
        f"{len(model.ops())} operators",
        f"{units.format_count(cost.total.parameters)} parameters",
        _macs_text(cost),
        units.format_bytes(model.size_bytes),
        f"sha256 {model.sha256[:12]}",
    ]
    console.print(Text(" · ".join(parts), style="dim"))
    for signature in _entries(model):
        console.print(Text(f"{plain(signature.key)}:", style="cyan"), Text(_ports_text(model, signature)))
    if cost.unknown_macs:
        console.print(Text(_unknown_text(model, cost), style="yellow"))
    console.print()


def _macs_text(cost: ModelCost) -> str:
    """The MACs, as far as they are known."""
    if cost.unknown_macs and not cost.total.macs:
        return "MACs unknown"
    return f"{'at least ' if cost.unknown_macs else ''}{units.format_count(cost.total.macs)} MACs"


def _unknown_text(model: Model, cost: ModelCost) -> str:
    ids = cost.unknown_macs
    count = "1 operator is" if len(ids) == 1 else f"{len(ids)} operators are"
    text = f"MACs of {count} unknown (–)"
    if any(_is_dynamic(model, op) for op in map(model.op, ids)):
        return f"{text}: shapes are known when the model runs, and tflprof profile learns them"
    return text


def _is_dynamic(model: Model, op: Op) -> bool:
    tensors = model.subgraphs[op.subgraph].tensors
    return any(tensors[index].is_dynamic for index in (*op.inputs, *op.outputs) if index >= 0)


def _ports_text(model: Model, signature: Signature) -> str:
    tensors = model.subgraphs[signature.subgraph].tensors
    sides = [
        ", ".join(f"{plain(name)} {_type(tensors[index])}" for name, index in ports.items())
        for ports in (signature.inputs, signature.outputs)
    ]
    return " → ".join(sides)


def _print_ops(model: Model, cost: ModelCost, console: Console) -> None:
    ops = model.ops()
    outputs = [_output(model, op) for op in ops]
    costs = [cost.ops[op.id] for op in ops]
    Grid(
        [
            Column("id", [op.id for op in ops], 90, False),
            Column("op", [plain(op.type) for op in ops], 80, False, 14),
            Column("layer", [plain(out.name) if out else "" for out in outputs], 100, False, 16),
            Column("inputs", [_input_shapes(model, op) for op in ops], 10, False, 12, "dim"),
            Column("output", [_shape(out) if out else "" for out in outputs], 70, False),
            Column("dtype", [out.dtype if out else "" for out in outputs], 30, False),
            Column("MACs", [units.format_count(each.macs) for each in costs], 75),
            Column("params", [units.format_count(each.parameters) for each in costs], 60),
            Column("weights", [units.format_bytes(each.weight_bytes) for each in costs], 20),
            Column("activations", [units.format_bytes(each.activation_bytes) for each in costs], 40),
            Column("MAC/byte", [units.digits(each.arithmetic_intensity) for each in costs], 50),
        ]
    ).print(console)
    console.print()


def _print_types(model: Model, cost: ModelCost, console: Console) -> None:
    counts = Counter(op.type for op in model.ops())
    macs = {
        kind: [cost.ops[op.id].macs for op in model.ops() if op.type == kind]
        for kind, _ in counts.most_common()
    }
    sums = [_sum(values) for values in macs.values()]
    total = cost.total.macs
    Grid(
        [
            Column("by operator", [plain(kind) for kind in macs], 100, False, 14),
            Column("count", [str(counts[kind]) for kind in macs], 90),
            Column("MACs", [units.format_count(value) for value in sums], 80),
            Column(
                "of MACs",
                [units.format_share(value / total if value and total else value) for value in sums],
                70,
            ),
        ]
    ).print(console)


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _entries(model: Model) -> tuple[Signature, ...]:
    """Signatures, or the main subgraph's inputs and outputs under a name of their own."""
    if model.signatures:
        return model.signatures
    main = model.subgraphs[0]
    names = {tensor.index: tensor.name for tensor in main.tensors}
    return (
        Signature(
            "(no signature)",
            0,
            {names[index]: index for index in main.inputs},
            {names[index]: index for index in main.outputs},
        ),
    )


def _output(model: Model, op: Op) -> Tensor | None:
    tensors = model.subgraphs[op.subgraph].tensors
    return next((tensors[index] for index in op.outputs if index >= 0), None)


def _input_shapes(model: Model, op: Op) -> str:
    tensors = model.subgraphs[op.subgraph].tensors
    computed = [tensors[index] for index in op.inputs if index >= 0 and not tensors[index].is_constant]
    return " ".join(_shape(tensor) for tensor in computed)


def _shape(tensor: Tensor) -> str:
    if not tensor.has_rank:
        return "?"
    sizes = tensor.shape_signature or tensor.shape
    return "×".join("?" if size < 0 else str(size) for size in sizes) or "scalar"


def _type(tensor: Tensor) -> str:
    return f"{tensor.dtype}[{_shape(tensor)}]"


def _cost_document(cost: Cost) -> dict[str, Any]:
    intensity = cost.arithmetic_intensity
    return {
        **asdict(cost),
        "macs_per_byte": intensity if intensity is None or math.isfinite(intensity) else None,
    }


def _tensor_document(tensor: Tensor) -> dict[str, Any]:
    shape = list(tensor.shape_signature or tensor.shape) if tensor.has_rank else None
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": shape}


def _signature_document(model: Model, signature: Signature) -> dict[str, Any]:
    tensors = model.subgraphs[signature.subgraph].tensors
    return {
        "key": signature.key if model.signatures else None,
        "subgraph": signature.subgraph,
        "inputs": [{**_tensor_document(tensors[i]), "name": name} for name, i in signature.inputs.items()],
        "outputs": [{**_tensor_document(tensors[i]), "name": name} for name, i in signature.outputs.items()],
    }


def _op_document(model: Model, op: Op, cost: Cost) -> dict[str, Any]:
    tensors = model.subgraphs[op.subgraph].tensors
    output = _output(model, op)
    return {
        "id": op.id,
        "op": op.type,
        "name": output.name if output else None,
        "inputs": [_tensor_document(tensors[index]) for index in op.inputs if index >= 0],
        "outputs": [_tensor_document(tensors[index]) for index in op.outputs if index >= 0],
        "subgraphs": op.subgraphs,
        **_cost_document(cost),
    }

"""A model's file with some layers quantised: litert-quantizer's, with everything else as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tflprof.compress.quantise.layers import REAL, is_read, is_shared
from tflprof.compress.quantise.seen import Seen
from tflprof.compress.quantise.tool import Policy, QuantiserTool
from tflprof.compress.quantise.trouble import input_ranges, raised_bounds
from tflprof.errors import ModelError
from tflprof.model.edit import ModelEditor
from tflprof.model.graph import Op, Subgraph
from tflprof.model.read import read_model
from tflprof.op_channels import WEIGHTED

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_LOADING = ("DEQUANTIZE", "DENSIFY")
_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}


def requantised(
    editor: ModelEditor,
    schemes: Mapping[str, str],
    policy: Policy,
    tool: QuantiserTool,
    look: Callable[[bytes], Seen],
    name: str,
) -> ModelEditor:
    """The model with layers in their schemes.

    Args:
        editor: the model; constants that are widened when it is loaded are widened in it.
        schemes: ``int8`` or ``dynamic`` by id of an operator as it now stands.
        policy: what can be quantised; the rest of ``schemes`` stays real.
        tool: what quantises.
        look: tells what the tensors of a model hold, when ranges are needed.
        name: what errors call the model.

    Raises:
        ModelError: the quantiser does not take the model, or gives something else back.
    """
    possible = {"int8": policy.int8, "dynamic": policy.dynamic}
    wanted = {
        op_id: one
        for op_id, one in schemes.items()
        if editor.op(op_id).code in possible[one] and _is_sound(editor.graph(), editor.op(op_id), one)
    }
    if not wanted:
        return editor
    _widen(editor, wanted)
    names = _give_unique_names(editor)
    graph, content = editor.graph(), editor.to_bytes()
    scopes: dict[str, list[list[str]]] = {"int8": [], "dynamic": []}
    for op_id, scheme in wanted.items():
        scopes[scheme].append([graph.tensors[index].name for index in editor.op(op_id).outputs])
    ranges: dict[str, tuple[float, float]] = {}
    bounds: dict[str, npt.NDArray[np.float64]] = {}
    if scopes["int8"]:
        seen = look(content)
        ranges = {graph.tensors[index].name: ends for index, ends in seen.ranges.items()}
        bounds = _bounds(editor, [op_id for op_id in wanted if wanted[op_id] == "int8"], seen)
    found = tool.quantised(content, name, scopes, ranges, bounds)
    changed = ModelEditor.open(found, {**editor.ids, 0: _ids(editor, found, name)})
    _restore(changed, graph, names, name)
    return changed


def _is_sound(graph: Subgraph, op: Op, scheme: str) -> bool:
    """Whether litert-quantizer makes an operator that runs; see the reasons in :mod:`.layers`."""
    return all(is_read(graph, index) for index in op.outputs) and not (
        scheme == "int8" and is_shared(graph, op)
    )


def fold_clamps(editor: ModelEditor, clamps: Mapping[str, str]) -> None:
    """Let layers do the RELU after them themselves, where these still stand side by side.

    Args:
        editor: the model.
        clamps: original ids of RELUs, with those of the layers before them.
    """
    for clamp, host in clamps.items():
        found = editor.descendants(clamp)
        maker = editor.producer(found[0].inputs[0]) if len(found) == 1 else None
        if maker is None or maker.id not in {op.id for op in editor.descendants(host)}:
            continue
        alone = (
            len(editor.consumers(maker.outputs[0])) == 1 and maker.outputs[0] not in editor.graph().outputs
        )
        if alone and maker.options.get("fused_activation_function") == "NONE":
            editor.set_options(maker.id, fused_activation_function="RELU")
            editor.remove_op(found[0].id)
            editor.set_outputs(maker.id, found[0].outputs)


def _widen(editor: ModelEditor, wanted: Mapping[str, str]) -> None:
    """Make float32 constants of those that are widened or unpacked when the model is loaded."""
    graph = editor.graph()
    loading = {index: op for op in graph.ops if op.code in _LOADING for index in op.outputs}
    if not loading:
        return
    stored = read_model(editor.to_bytes())
    replaced: dict[int, int] = {}
    for op in graph.ops:
        if op.id not in wanted:
            continue
        for index in op.inputs:
            source = _stored_source(graph, loading, index)
            if source is not None and index not in replaced:
                values = stored.data(0, source).astype(np.float32)
                replaced[index] = editor.add_constant(f"{graph.tensors[source].name}_float32", values)
        editor.set_inputs(op.id, [replaced.get(index, index) for index in op.inputs])
    if replaced:
        _drop_unused(editor)


def _stored_source(graph: Subgraph, loading: Mapping[int, Op], index: int) -> int | None:
    """The stored constant that is widened or unpacked to a tensor; None if it is no such tensor."""
    source = index
    while source in loading:
        source = loading[source].inputs[0]
    if source == index or not graph.tensors[source].is_constant or graph.tensors[source].dtype not in REAL:
        return None
    return source


def _drop_unused(editor: ModelEditor) -> None:
    """Remove operators of loading whose results nobody takes any more."""
    graph = editor.graph()
    users = Counter(index for op in graph.ops for index in op.inputs) + Counter(graph.outputs)
    for op in reversed(graph.ops):
        if op.code in _LOADING and not any(users[index] for index in op.outputs):
            users.subtract(op.inputs)
            editor.remove_op(op.id)


def _give_unique_names(editor: ModelEditor) -> dict[int, str]:
    """Rename tensors whose names are not theirs alone; their names by index."""
    taken: set[str] = set()
    renamed: dict[int, str] = {}
    for tensor in editor.graph().tensors:
        name = tensor.name
        while not name or name in taken:
            name = f"{name}/{tensor.index}"
        if name != tensor.name:
            renamed[tensor.index] = tensor.name
            editor.set_name(tensor.index, name)
        taken.add(name)
    return renamed


def _bounds(editor: ModelEditor, ops: Sequence[str], seen: Seen) -> dict[str, npt.NDArray[np.float64]]:
    """Bounds of weights that must be more than the weights' own, by name."""
    found = {}
    for op in map(editor.op, ops):
        place = _BIAS.get(op.code, 0)
        ends = input_ranges(seen.ranges, op) if op.code in WEIGHTED else None
        if ends is None or len(op.inputs) <= place or op.inputs[place] < 0:
            continue
        weights, bias = editor.tensor(op.inputs[1]), editor.tensor(op.inputs[place])
        if weights.is_constant and bias.is_constant and not weights.sparse and weights.dtype == "float32":
            values = editor.constant_values(weights.index), editor.constant_values(bias.index)
            raised = raised_bounds(op, *values, *ends)
            if raised is not None:
                found[weights.name] = raised
    return found


def _ids(editor: ModelEditor, content: bytes, name: str) -> list[str]:
    """Ids of the operators of the quantised file: the old ones, and new ones for conversions put between them."""
    graph = editor.graph()
    found: list[str] = []
    old = list(graph.ops)
    for op in read_model(content).subgraphs[0].ops:
        if op.code in _CONVERSIONS and min(op.outputs) >= len(graph.tensors):
            found.append(_free(f"{graph.index}/quantise.{len(found)}", editor))
        elif old and _same(old[0], op):
            found.append(old.pop(0).id)
        else:
            raise _unexpected(name, f"operator {op.index} ({op.type}) was not there")
    if old:
        raise _unexpected(name, f"layer {old[0].id} ({old[0].type}) is gone")
    return found


def _free(name: str, editor: ModelEditor) -> str:
    while name in editor.ids[0]:
        name += "'"
    return name


def _same(old: Op, new: Op) -> bool:
    return (old.code, old.custom_code, len(old.outputs)) == (new.code, new.custom_code, len(new.outputs))


def _restore(changed: ModelEditor, before: Subgraph, names: Mapping[int, str], model: str) -> None:
    """Give tensors, above all the model's outputs, the names they had."""
    for index, name in names.items():
        changed.set_name(index, name)
    after = changed.graph()
    for old, new in zip((*before.inputs, *before.outputs), (*after.inputs, *after.outputs), strict=True):
        name = names.get(old, before.tensors[old].name)
        if new != old:
            changed.set_name(old, f"{name}_int8")
            changed.set_name(new, name)
        if changed.tensor(new).dtype != before.tensors[old].dtype:
            raise _unexpected(model, f"the type of `{name}` is {changed.tensor(new).dtype}")


def _unexpected(model: str, what: str) -> ModelError:
    return ModelError(
        f"litert-quantizer made another model of {model}: {what}",
        "leave quantisation out for this model (--methods without quantise)",
    )

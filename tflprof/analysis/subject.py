"""What a budget is about: layers and operator types by name, checked before anything is measured."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from tflprof.analysis.budget import BYTES_SUBJECTS, EVERY_LAYER
from tflprof.analysis.verdicts import Limit
from tflprof.errors import UsageError
from tflprof.profile.meta import LayerInfo

_ID = re.compile(r"[0-9]+/[0-9]+")


def layer_name(subject: str) -> str | None:
    """The layer that a subject names, by id or name; None if it names none."""
    kind, _, name = subject.partition(":")
    return name.strip() if kind == "layer" and subject != EVERY_LAYER else None


def op_name(subject: str) -> str | None:
    """The operator type that a subject names, None if it names none."""
    kind, _, name = subject.partition(":")
    return name.strip() if kind == "op" else None


def find_layer(name: str, layers: Iterable[LayerInfo]) -> str | None:
    """Id of the layer of that id, or of that output tensor; None if there is none.

    In double quotes it is a name, whatever it looks like. Raises UsageError if several layers have the name.
    """
    infos = tuple(layers)
    if _ID.fullmatch(name) and any(info.id == name for info in infos):
        return name
    wanted = name[1:-1] if len(name) > 2 and name[0] == name[-1] == '"' else name
    found = [info.id for info in infos if wanted == info.name or wanted in info.outputs]
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} layers are called {wanted!r}: {', '.join(found)}", "name one by its id"
        )
    return found[0] if found else None


def ops_of(name: str) -> tuple[str, ...]:
    """Operator types of ``CONV_2D``, or of what one kernel runs together: ``PAD + CONV_2D``."""
    return tuple(part.strip() for part in name.split(" + "))


def check_limits(
    limits: Sequence[Limit],
    layers: Sequence[LayerInfo],
    units: Sequence[str],
    before: Sequence[LayerInfo] | None,
) -> None:
    """Raise UsageError for a budget that cannot be meant for this model and this unit.

    Args:
        limits: the budgets.
        layers: of the model.
        units: what the profile has, ``ns``, ``instructions`` or ``cycles``, the main one first: predicted times have
            their instructions, too.
        before: layers of the baseline, None without one. What a relative budget names may be there only.
    """
    for limit in limits:
        if limit.relative is not None and before is None:
            raise UsageError(
                f"the budget {limit.text!r} is relative, and there is no baseline",
                "give one with --baseline, or an absolute budget",
            )
        _check_unit(limit, units)
        known = [*layers, *(before or ())] if limit.relative is not None else list(layers)
        _check_name(limit, layers, known)


def _check_unit(limit: Limit, units: Sequence[str]) -> None:
    if limit.subject == "memory" and "instructions" in units:
        raise UsageError(
            f"the budget {limit.text!r}: an emulated core tells nothing of a model's memory",
            "measure it with --target host or --target adb",
        )
    if limit.unit is None or limit.subject in BYTES_SUBJECTS:
        return
    if limit.unit in units or (limit.unit == "count" and any(unit != "ns" for unit in units)):
        return
    meant = {"ns": "a time", "count": "a count"}.get(limit.unit, f"in {limit.unit}")
    what, hint = _which(units)
    raise UsageError(f"the budget {limit.text!r} is {meant}, and {what}", hint)


def _which(units: Sequence[str]) -> tuple[str, str]:
    """What can be judged here, and how such a budget is written."""
    if len(units) > 1:
        return "this target predicts time and counts instructions", "write a time, such as 30ms, or 195Minst"
    if units[0] == "ns":
        return "this target measures time", "write a time, such as 30ms"
    short = "inst" if units[0] == "instructions" else "cycles"
    return (
        f"this target counts {units[0]}, which are no time",
        f"write a count, such as 195M{short}, a percentage of a baseline, or have time predicted or measured: "
        "--cost caches, --target host, --target adb",
    )


def _check_name(limit: Limit, layers: Sequence[LayerInfo], known: Sequence[LayerInfo]) -> None:
    layer, op = layer_name(limit.subject), op_name(limit.subject)
    if layer is not None and find_layer(layer, layers) is None and find_layer(layer, known) is None:
        listing = f"its layers are {known[0].id} to {known[-1].id}; tflprof inspect MODEL lists them"
        names = (
            [] if _ID.fullmatch(layer) else [name for info in known for name in (info.name, *info.outputs)]
        )
        raise _unknown(
            limit, f"layer {layer!r}", layer.strip('"'), names, listing if known else "it has none"
        )
    if op is not None:
        types = {info.op for info in known}
        missing = [one for one in ops_of(op) if one not in types]
        if missing:
            listing = f"it has {', '.join(sorted(types))}"
            raise _unknown(limit, f"operator type {missing[0]!r}", missing[0].upper(), sorted(types), listing)


def _unknown(limit: Limit, what: str, word: str, names: Sequence[str], listing: str) -> UsageError:
    close = difflib.get_close_matches(word, [name for name in names if name], 1)
    hint = f"did you mean {close[0]!r}?" if close else listing
    return UsageError(f"the budget {limit.text!r}: the model has no {what}", hint)

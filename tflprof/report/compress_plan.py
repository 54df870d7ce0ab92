"""A compression plan in the terminal: whether the budget is met first, then what is changed and what else there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.text import plain, shorten

_LAYERS = 3


def print_plan(document: Mapping[str, Any], console: Console, obstacles: Sequence[str] = ()) -> None:
    """Print a plan, given as its file's document.

    Args:
        document: as the plan's file has it.
        console: where to.
        obstacles: what holds the model back if the budget is not met.
    """
    _print_head(document, console)
    if document["changes"]:
        console.print()
        _changes_grid(document).print(console)
    if document["rounds"]:
        _print_rounds(document, console)
    if len(document["front"]) > 1:
        console.print(Text("\nwhat other budgets would cost", style="bold"))
        _front_grid(document).print(console)
    if obstacles:
        console.print(Text("\nwhat holds it back", style="bold"))
        for line in obstacles:
            console.print(Text(f"  {plain(line)}"), soft_wrap=True)
    for note in document["notes"]:
        console.print(Text(f"note: {plain(note)}", style="yellow"), soft_wrap=True)


def _print_head(document: Mapping[str, Any], console: Console) -> None:
    unit, budget = document["unit"], document["budget"]
    before, after = document["before"]["value"], document["after"]["value"]
    met = budget["feasible"]
    if met:
        head = Text(f"Plan  within {plain(budget['text'])}", style="bold green")
    else:
        best = units.format_value(after, unit)
        head = Text(f"Plan  {plain(budget['text'])} is out of reach; the best is {best}", style="bold red")
    console.print(head)
    step = units.format_step(before, after, unit)
    change = units.format_change(after / before) if before else ""
    word = {"predicted": " predicted", "emulated": " counted"}.get(document["provenance"], "")
    console.print(Text(f"{step}{word} ({change}, {_spread(document)}) on {plain(document['target'])}"))
    if document["changes"]:
        console.print(Text(f"loss {loss_text(document['loss'])} {_kind(document['divergence'])}"))
    accuracy = document.get("accuracy") or {}
    if {"before", "after"} <= set(accuracy):
        console.print(Text(f"accuracy {accuracy['before']:g} → {accuracy['after']:g}"))


def _spread(document: Mapping[str, Any]) -> str:
    after = document["after"]
    if document["provenance"] == "measured" and after["lo"] == after["hi"]:
        return "too few samples for an interval"
    return units.format_spread(after["value"], after["lo"], after["hi"])


def _kind(kind: str) -> str:
    if kind in ("probabilities", "logits"):
        return "(divergence of classes, nats)"
    if kind == "detections":
        return "(share of boxes and scores that do not match)"
    return "(error energy of outputs)" if kind else ""


def loss_text(loss: float | None) -> str:
    """A loss with two digits; what is smaller than makes sense is 0."""
    if loss is None:
        return "–"
    if loss >= 1e9:
        return "unusable"
    return "0" if loss < 1e-7 else f"{loss:.1e}" if loss < 1e-3 else units.digits(loss, 2)


def _changes_grid(document: Mapping[str, Any]) -> Grid:
    unit, changes = document["unit"], document["changes"]
    saves = f"saves {units.unit_name(unit)}"
    return Grid(
        [
            Column("method", [plain(one["method"]) for one in changes], 90, right=False),
            Column(
                "layers",
                [layers_text(one["layers"]) for one in changes],
                80,
                right=False,
                least=10,
                middle=True,
            ),
            Column("change", [plain(one["label"]) for one in changes], 100, right=False, least=16),
            Column(saves, [units.format_value(one["gain"], unit) for one in changes], 95),
            Column("loss alone", [loss_text(one["loss"]) for one in changes], 85),
        ]
    )


def layers_text(layers: Sequence[str]) -> str:
    """Ids of a few layers, and how many more."""
    more = len(layers) - _LAYERS
    text = ", ".join(layers[:_LAYERS]) + (f" +{more}" if more > 0 else "")
    return plain(text)


def _print_rounds(document: Mapping[str, Any], console: Console) -> None:
    unit = document["unit"]
    lines = []
    for number, one in enumerate(document["rounds"], start=1):
        told = f"round {number}: predicted {units.format_value(one['predicted'], unit)}"
        if one["obtained"] is not None:
            told += f", obtained {units.format_value(one['obtained'], unit)}"
            told += (
                f" ({units.format_change(one['obtained'] / one['predicted'])})" if one["predicted"] else ""
            )
        told += f"; loss predicted {loss_text(one['predicted_loss'])}, found {loss_text(one['true_loss'])}"
        lines.append(told)
    console.print()
    for line in lines:
        console.print(Text(line, style="dim"), soft_wrap=True)


def _front_grid(document: Mapping[str, Any]) -> Grid:
    unit, points = document["unit"], document["front"]
    most = max(point["cost"] for point in points) or 1.0
    return Grid(
        [
            Column(units.unit_name(unit), [units.format_value(point["cost"], unit) for point in points], 100),
            Column("loss", [loss_text(point["loss"]) for point in points], 95),
            Column("changes", [str(point["changes"]) for point in points], 80),
            Column(
                "",
                [Text("█" * round(30 * point["cost"] / most), style="cyan") for point in points],
                50,
                right=False,
            ),
        ]
    )


def short_name(name: str) -> str:
    """A layer's name, short."""
    return shorten(plain(name), 32)

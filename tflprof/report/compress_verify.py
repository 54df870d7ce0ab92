"""What a plan promised and what was obtained, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.compress_plan import loss_text, short_name
from tflprof.report.text import plain


def print_verified(document: Mapping[str, Any], console: Console, *, show_all: bool = False) -> None:
    """Print a verified plan, given as its document: the verdict, latency, fidelity, then layers that changed.

    Args:
        document: of :meth:`tflprof.workflow.compress_verify.Verified.document`.
        console: where to.
        show_all: layers that were not changed, too.
    """
    unit = document["unit"]
    _print_verdict(document, console)
    for side in ("before", "after"):
        one = document[side]
        change = units.format_change(one["value"] / one["predicted"]) if one["predicted"] else ""
        console.print(
            Text(
                f"{side:6}  predicted {units.format_value(one['predicted'], unit)}, "
                f"obtained {units.format_value(one['value'], unit)} ({change})"
            )
        )
    _print_fidelity(document, console)
    layers = [one for one in document["layers"] if show_all or one["changed"]]
    if layers:
        console.print()
        _grid(layers, unit).print(console)
    hidden = len(document["layers"]) - len(layers)
    if hidden:
        console.print(Text(f"{hidden} layers are as they were (--all shows them)", style="dim"))
    for note in document["notes"]:
        console.print(Text(f"note: {plain(note)}", style="yellow"), soft_wrap=True)


def _print_verdict(document: Mapping[str, Any], console: Console) -> None:
    met, holds = document["budget"]["met"], document["holds"]
    budget = plain(document["budget"]["text"])
    words = f"Verified  {budget} is {'met' if met else 'not met'}; the prediction {'holds' if holds else 'was off'}"
    console.print(Text(words, style=f"bold {'green' if met and holds else 'red' if not met else 'yellow'}"))


def _print_fidelity(document: Mapping[str, Any], console: Console) -> None:
    found = document["fidelity"]
    top1 = found["top1_agreement"]
    parts = [f"cosine {found['cosine']:.5f}"]
    if top1 is not None:
        parts.append(f"top-1 agreement {units.format_share(top1)}")
    parts.append(f"largest error {units.digits(found['max_error'])}")
    parts.append(
        f"loss {loss_text(found['divergence'])} (planned {loss_text(document['loss']['predicted'])})"
    )
    count = found["samples"]
    console.print(
        Text(f"outputs on {count} sample{'s' if count > 1 else ''}: " + ", ".join(parts)), soft_wrap=True
    )
    accuracy = document["accuracy"]
    if accuracy:
        console.print(Text(f"accuracy {accuracy['before']:g} → {accuracy['after']:g}"))


def _grid(layers: Sequence[Mapping[str, Any]], unit: str) -> Grid:
    def values(name: str) -> list[str]:
        return [units.format_value(one[name], unit) for one in layers]

    def error(one: Mapping[str, Any]) -> str:
        known = one["after_obtained"] is not None and one["after_predicted"]
        return units.format_change(one["after_obtained"] / one["after_predicted"]) if known else "–"

    return Grid(
        [
            Column("layer", [plain(one["id"]) for one in layers], 100, right=False),
            Column("op", [plain(one["op"]) for one in layers], 70, right=False),
            Column("name", [short_name(one["name"]) for one in layers], 40, right=False, least=12),
            Column("before", values("before_obtained"), 80),
            Column("predicted", values("after_predicted"), 95),
            Column("obtained", values("after_obtained"), 96),
            Column("off by", [error(one) for one in layers], 90),
        ]
    )

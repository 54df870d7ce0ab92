"""What could be changed in a model, in the terminal: options by what they save, and why there are no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tflprof import units
from tflprof.report.columns import Column, Grid
from tflprof.report.compress_plan import layers_text, loss_text
from tflprof.report.text import plain


def print_candidates(document: Mapping[str, Any], console: Console, *, top: int | None = None) -> None:
    """Print candidates, those that save most first.

    Args:
        document: of :meth:`tflprof.workflow.compress.Listed.document`.
        console: where to.
        top: most options to show; None: all.
    """
    unit = document["unit"]
    console.print(
        Text("Candidates  ", style="bold"),
        Text(f"{units.format_value(document['before'], unit)} as it is, by the table", style="dim"),
    )
    found = sorted(document["candidates"], key=lambda one: -(one["saved"] or 0.0))
    shown = found if top is None else found[:top]
    if shown:
        _grid(shown, unit, document["before"]).print(console)
    if len(found) > len(shown):
        console.print(Text(f"and {len(found) - len(shown)} more", style="dim"))
    if not found:
        console.print(Text("nothing can be changed"))
    _print_sizes(document["sizes"], console)
    _print_refusals(document["refusals"], console)
    if document["calibration"]["source"] == "random":
        console.print(Text("losses need samples: --calibration DIR|FILE.npz", style="yellow"))


def _grid(shown: Sequence[Mapping[str, Any]], unit: str, before: float) -> Grid:
    def share(one: Mapping[str, Any]) -> str:
        return "–" if one["saved"] is None or not before else units.format_share(one["saved"] / before)

    return Grid(
        [
            Column("method", [plain(one["method"]) for one in shown], 90, right=False),
            Column(
                "layers",
                [layers_text(one["layers"]) for one in shown],
                80,
                right=False,
                least=10,
                middle=True,
            ),
            Column("option", [plain(one["option"]) for one in shown], 100, right=False, least=16),
            Column("saves", [units.format_value(one["saved"], unit) for one in shown], 95),
            Column("of all", [share(one) for one in shown], 70),
            Column("loss alone", [loss_text(one["loss"]) for one in shown], 85),
            Column("", [plain(one["reason"] or "") for one in shown], 60, right=False, least=10),
        ]
    )


def _print_sizes(sizes: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Input sizes by their work; those that no stride divides are rounded up in every map."""
    if not sizes:
        return
    console.print(Text("\nsizes of the input, the first as it is", style="bold"))
    Grid(
        [
            Column("size", ["×".join(map(str, one["size"])) for one in sizes], 100, right=False),
            Column("MACs", [units.format_count(one["macs"]) for one in sizes], 90),
            Column("of them", [units.format_share(one["share"]) for one in sizes], 80),
            Column("of pixels", [units.format_share(one["pixels"]) for one in sizes], 80),
            Column(
                "", ["" if one["even"] else "its strides do not divide it" for one in sizes], 70, right=False
            ),
        ]
    ).print(console)


def _print_refusals(refusals: Sequence[Mapping[str, Any]], console: Console) -> None:
    if not refusals:
        return
    console.print(Text("\nnot offered", style="bold"))
    together: dict[tuple[str, str], list[str]] = {}
    for one in refusals:
        together.setdefault((one["method"], one["reason"]), []).extend(one["layers"])
    for (method, reason), layers in together.items():
        console.print(Text(f"  {method} {layers_text(layers)}: {plain(reason)}", style="dim"), soft_wrap=True)

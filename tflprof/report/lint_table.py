"""What stands out in a model, for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tflprof import units
from tflprof.model.graph import Model
from tflprof.model.lint import Gain, Lint
from tflprof.report.text import plain, shorten

NAMED = 3
"""Layers that a lint names; of the others it says how many they are."""

SHOWN = 12
"""Lints that are printed; ``--json`` has all."""

_LONGEST_NAME = 40
_INDENT = 2
_UNIT_OF_ONE = {"operators": "operator", "partitions": "partition"}


def lint_document(lint: Lint) -> dict[str, Any]:
    """A lint as JSON-ready values (docs/json.md)."""
    gain = lint.gain
    return {
        "code": lint.code,
        "severity": lint.severity,
        "layers": list(lint.layers),
        "message": lint.message,
        "gain": gain
        and {"value": gain.value, "unit": gain.unit, "share": gain.share, "provenance": "predicted"},
        "remedy": lint.remedy,
    }


def print_lints(model: Model, lints: Sequence[Lint], console: Console, *, complete: bool = True) -> None:
    """Print lints, those with most to gain first.

    Args:
        model: what they are about.
        lints: all of them.
        console: where to.
        complete: False if MACs of some operators are unknown, whose gains cannot be told.
    """
    if not lints:
        beyond = "" if complete else " in what is known"
        console.print(Text(f"nothing stands out{beyond}", style="dim"))
        return
    console.print(
        Text("what stands out", style="bold"),
        Text("(gains are predicted from the file, not measured)", style="dim"),
    )
    if not complete:
        console.print(Text("gains lack what is unknown", style="dim"))
    for lint in lints[:SHOWN]:
        _print_lint(model, lint, console)
    if len(lints) > SHOWN:
        console.print(Text(f"and {len(lints) - SHOWN} more, see --json", style="dim"))


def _print_lint(model: Model, lint: Lint, console: Console) -> None:
    head = Text(lint.code, style="yellow" if lint.severity == "advice" else "cyan")
    if lint.gain is not None:
        head.append(f" · {gain_text(lint.gain)}", style="default")
    console.print(head)
    _print_indented(lint.message, "default", console)
    for line in _lines(_layer_texts(model, lint.layers), console.width - _INDENT):
        _print_indented(line, "dim", console)
    _print_indented(f"→ {lint.remedy}", "default", console)


def _print_indented(text: str, style: str, console: Console) -> None:
    console.print(Padding(Text(plain(text), style=style), (0, 0, 0, _INDENT), expand=False))


def _lines(words: Sequence[str], width: int) -> list[str]:
    """Words that hold together, as many to a line as fit."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def gain_text(gain: Gain) -> str:
    """A gain in words: ``about 1.2 % of the work (430 k MACs)``, or ``less than 0.1 % …``."""
    if gain.unit.startswith("bytes"):
        amount = units.format_bytes(gain.value) + gain.unit.removeprefix("bytes")
    else:
        unit = _UNIT_OF_ONE.get(gain.unit, gain.unit) if gain.value == 1 else gain.unit
        amount = f"{units.format_count(gain.value)} {unit}"
    if not gain.share:
        return amount
    share = units.format_share(gain.share)
    about = f"less than {share[1:]}" if share.startswith("<") else f"about {share}"
    return f"{about} of the work ({amount})"


def _layer_texts(model: Model, layers: Sequence[str]) -> list[str]:
    named = [_layer_text(model, layer) for layer in layers[:NAMED]]
    more = len(layers) - NAMED
    if more > 0:
        return [*(f"{each}," for each in named), f"and {more} more"]
    return [*(f"{each}," for each in named[:-1]), *named[-1:]]


def _layer_text(model: Model, layer: str) -> str:
    op = model.op(layer)
    tensors = model.subgraphs[op.subgraph].tensors
    name = next((tensors[index].name for index in op.outputs if index >= 0), "")
    return f"{layer} {shorten(plain(name), _LONGEST_NAME)}" if name else f"{layer} {plain(op.type)}"

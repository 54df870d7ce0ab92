"""``tflprof score``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import Json, Verbose
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.compress.score import Latency, Score

_IN_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ns|us|µs|μs|ms|s)")


@guarded
def score(
    profile: Annotated[
        Path | None, typer.Argument(metavar="[PROFILE]", help="A profile file; without it give --latency.")
    ] = None,
    accuracy: Annotated[
        str, typer.Option(metavar="SHARE", help="Accuracy of the model: 0.71 or 71%.", show_default=False)
    ] = "",
    latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time of one image in place of a profile: 34.5ms.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="LO,HI", help="95 % interval of --latency: 34.1ms,34.9ms.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, metavar="T", help="Images of the test. [default: 20000]")
    ] = None,
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="lpirc2018, 30ms or 100ms (docs/score.md).")
    ] = "lpirc2018",
    formula: Annotated[
        str | None,
        typer.Option(metavar="EXPRESSION", help="Your own: 'accuracy / max(30 * images, total_ms)'."),
    ] = None,
    define: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=NUMBER", help="A number for the formula.")
    ] = None,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Score a model by its accuracy and latency: by a challenge's rule or your own formula.

    The interval of the latency is carried through to the score; that of the accuracy is not.
    """
    from tflprof.compress import score as scores

    result = scores.score(
        parse_accuracy(accuracy),
        _latency(profile, latency, interval),
        images=scores.CHALLENGE_IMAGES if images is None else images,
        rule=rule,
        formula=formula,
        extra=parse_numbers(define or ()),
    )
    if json:
        print_document(result.to_json())
    else:
        _print(result)


def parse_accuracy(text: str) -> float:
    """``0.71`` or ``71%`` as 0.71. Raises UsageError for what is neither."""
    if not text:
        raise UsageError("a score needs the model's accuracy", "give --accuracy 0.71 or --accuracy 71%")
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest or not 0 <= value <= 1:
        raise UsageError(f"--accuracy {text}: expected 0 to 1, or 0% to 100%", "write 0.71, or 71%")
    return value


def parse_numbers(texts: Sequence[str]) -> dict[str, float]:
    """``NAME=NUMBER`` texts as a mapping. Raises UsageError naming the one that is not."""
    numbers: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        name = name.strip()
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (name.isidentifier() and math.isfinite(value)):
            raise UsageError(f"--set {text}: expected NAME=NUMBER", "such as --set limit=30")
        if name in numbers:
            raise UsageError(f"--set {name} is given twice", "leave one of them out")
        numbers[name] = value
    return numbers


def _latency(profile: Path | None, latency: str | None, interval: str | None) -> Latency:
    from tflprof.compress.score import Latency, latency_of
    from tflprof.profile.store import read_profile

    if (profile is None) == (latency is None):
        raise UsageError("a score needs one latency", "give a profile file, or --latency 34.5ms")
    if profile is not None:
        if interval is not None:
            raise UsageError("--interval belongs to --latency", "a profile has its own interval")
        return latency_of(read_profile(profile))
    assert latency is not None
    value = _milliseconds("--latency", latency)
    if interval is None:
        return Latency(value, value)
    lo, comma, hi = interval.partition(",")
    if not comma:
        raise UsageError(f"--interval {interval}: expected LO,HI", "such as --interval 34.1ms,34.9ms")
    return Latency(value, value, _milliseconds("--interval", lo), _milliseconds("--interval", hi))


def _milliseconds(option: str, text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{option} {text}: expected a time", "a number with ns, us, ms or s: 34.5ms")
    return float(match.group(1)) * _IN_MS[match.group(2)]


def _print(result: Score) -> None:
    from tflprof.units import digits, format_spread

    console = result_console()
    latency = result.latency
    if result.lo is None or result.lo == result.hi:
        console.print(f"score {_number(result.value)}")
    else:
        spread = format_spread(result.value, result.lo, result.hi)
        console.print(f"score {_number(result.value)} {spread}")
    if result.lo is not None:
        between = "the same" if result.lo == result.hi else f"{_number(result.lo)} … {_number(result.hi)}"
        console.print(f"      {between} over the interval of the latency")
    console.print(f"rule  {result.rule}: {result.formula}")
    shown = ", ".join(f"{name} {digits(value, 4)}" for name, value in result.values.items())
    console.print(f"with  {shown} ({latency.provenance})")
    for name, text in (("source", result.source), ("assumed", result.assumption)):
        if text:
            console.print(f"{name}: {text}")
    for note in result.notes:
        console.print(f"note: {note}")


def _number(value: float | None) -> str:
    """Scores may be tiny: accuracy over seconds of many images."""
    return "–" if value is None else f"{value:.5g}".replace("-", "−")

"""Whether the 95 % intervals of predictions hold the published times, of phones they were not estimated from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

from benchmarks.prediction_error_model import estimate
from benchmarks.prediction_errors import Predicted, anchored, covered, covered_pairs
from tflprof.targets import prediction_error
from tflprof.targets.prediction_error import ErrorModel, Spread

MODE = "caches"
Held = tuple[str, bool]
"""Chip and core, and whether the interval holds the published time."""


def model_of(data: dict[str, Any]) -> ErrorModel:
    """The error model that predictions would state with this content of the file."""
    return ErrorModel(
        placeholder=data["placeholder"],
        level=data["level"],
        modes={
            mode: Spread(**{**data[mode], "cores": tuple(data[mode]["cores"])})
            for mode in ("caches", "cycles")
        },
        threads=(data["threads"]["more"], data["threads"]["phones"]),
        effective_layers=data["layer"]["effective_layers"],
        unseen=data["unseen"]["factor"],
    )


def stated(rows: Iterable[Predicted], basis: Sequence[Predicted]) -> list[Predicted]:
    """The predictions with the intervals they would state if errors were estimated from other ones only."""
    model = model_of(estimate(basis))

    def width(row: Predicted, anchors: int, same_type: bool = True) -> float:
        point = row.point
        return prediction_error.errors(point.cpu, MODE, anchors, point.threads, same_type=same_type).total

    with mock.patch.object(prediction_error, "error_model", return_value=model):
        return [
            replace(
                row,
                error=width(row, 0),
                anchored_error=width(row, 1),
                other_error=width(row, 1, same_type=False),
            )
            for row in rows
        ]


def blind_from_tuned(rows: Sequence[Predicted]) -> list[Predicted]:
    """Blind predictions with intervals from the tuned ones."""
    return stated(
        [row for row in rows if row.point.use == "blind"], [row for row in rows if row.point.use == "tuned"]
    )


def one_chip_left_out(rows: Sequence[Predicted]) -> list[Predicted]:
    """All predictions, each chip's with intervals from all other chips."""
    found = []
    for chip in dict.fromkeys(row.point.cluster for row in rows):
        own = [row for row in rows if row.point.cluster == chip]
        found += stated(own, [row for row in rows if row.point.cluster != chip])
    return found


def coverage(rows: Sequence[Predicted]) -> list[tuple[str, list[Held], list[Held], list[Held]]]:
    """Of every way to estimate the intervals: what they hold on one thread, with one anchor, and on several threads."""
    ways: tuple[tuple[str, Callable[[Sequence[Predicted]], Sequence[Predicted]]], ...] = (
        ("blind times, intervals from the tuned ones", blind_from_tuned),
        ("all times, intervals from all other chips", one_chip_left_out),
        ("all times, intervals from all of them: what is shipped", lambda every: stated(every, every)),
    )
    found = []
    for title, way in ways:
        own = way(rows)
        one = covered(row for row in own if row.point.threads == 1)
        several = covered(row for row in own if row.point.threads > 1)
        found.append((title, one, covered_pairs(anchored(own)), several))
    return found


def coverage_rows(rows: Sequence[Predicted]) -> list[tuple[str, ...]]:
    """The table of it."""
    return [(title, *map(_told, kinds)) for title, *kinds in coverage(rows)]


def _told(held: Sequence[Held]) -> str:
    if not held:
        return "none"
    good = sum(ok for _, ok in held)
    chips = {chip for chip, _ in held}
    whole = sum(all(ok for other, ok in held if other == chip) for chip in chips)
    return f"{good} of {len(held)} ({100 * good / len(held):.0f} %); whole chips: {whole} of {len(chips)}"

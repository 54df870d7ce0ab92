"""What could be changed in a model, option by option."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tflprof.compress.calibration import Calibration
from tflprof.compress.interface import Refusal
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.candidates import Candidate, Candidates
from tflprof.compress.planning.proxies import Losses
from tflprof.compress.resolution.method import SizeAdvice, advice, even_sizes
from tflprof.compress.resolution.rules import Unresizable
from tflprof.compress.resolution.shapes import image_size
from tflprof.model.graph import Model
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.compress_subject import (
    CompressionOptions,
    check_conditions,
    costs_of,
    ignore,
    memory_of,
    opened,
    teller,
)
from tflprof.workflow.progress import OnProgress

LISTED_VERSION = 1


@dataclass(frozen=True)
class Listed:
    """What could be changed, each option alone, and why there is no more."""

    model: Model
    unit: str
    provenance: str
    before: float
    candidates: Sequence[Candidate]
    refusals: Sequence[Refusal]
    calibration: Calibration
    sizes: Sequence[SizeAdvice] = ()

    def document(self) -> dict[str, Any]:
        """As JSON-ready values (docs/compress.md)."""
        return {
            "schema_version": LISTED_VERSION,
            "kind": "compression-candidates",
            "model": {"path": self.model.path, "sha256": self.model.sha256},
            "unit": self.unit,
            "provenance": self.provenance,
            "before": self.before,
            "calibration": {"sha256": self.calibration.sha256, "source": self.calibration.source},
            "candidates": [_candidate(one) for one in self.candidates],
            "refusals": [asdict(one) for one in self.refusals],
            "sizes": [asdict(one) | {"waste": one.waste} for one in self.sizes],
        }


def list_candidates(
    model: Path, options: CompressionOptions, *, losses: bool = True, on_progress: OnProgress | None = None
) -> Listed:
    """Every option of every method, alone: its latency by the table and its loss on the calibration data.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    tell = on_progress or ignore
    with opened(model, options, needs_data=False) as subject:
        bench = LiveBench(subject.model, options.table, options.how, tell)
        check_conditions(bench, options)
        if not bench.is_known:
            bench.measure_before()
        costs = costs_of(bench)
        candidates = Candidates(subject, open_methods(options.methods))
        judged = losses and subject.calibration.tells_quality
        memory = memory_of(subject, options)
        looked = Losses(subject, candidates.methods, memory) if judged else None
        found = candidates.listed(costs, looked, teller(tell))
        before = candidates.total(costs)
        return Listed(
            model=subject.model,
            unit=bench.unit,
            provenance=bench.stored.meta.provenance,
            before=before,
            candidates=found,
            refusals=candidates.refusals,
            calibration=subject.calibration,
            sizes=_sizes(subject.model) if "resolution" in candidates.methods else (),
        )


def _sizes(model: Model) -> list[SizeAdvice]:
    """What the size of a model's input costs beside those that its strides divide; empty if it has only one."""
    try:
        now = image_size(model.subgraphs[0])
        return advice(model, [now, *even_sizes(model)])
    except Unresizable:
        return []


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "method": one.knob.method,
        "knob": one.knob.name,
        "layers": list(one.knob.layers),
        "option": one.option.label,
        "predicted": _finite(one.cost),
        "saved": _finite(one.saved),
        "loss": _finite(one.loss),
        "reason": one.reason or None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

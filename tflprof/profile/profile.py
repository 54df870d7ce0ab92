"""A profile: metadata and samples, with summaries computed on demand and never stored."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tflprof.profile.aggregate import summarise_aggregate
from tflprof.profile.counters import CounterSummary, summarise_counters
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.predicted import COUNTS, counted, modelled, with_intervals
from tflprof.profile.summary import Summary, summarise
from tflprof.profile.sustain import Sustained, sustained

if TYPE_CHECKING:
    import pandas as pd


class Profile:
    """The latency profile of one model on one target.

    Attributes:
        meta: everything but the samples.
        table: raw samples as an Arrow table (:data:`tflprof.profile.schema.SAMPLES`).
    """

    def __init__(self, meta: ProfileMeta, table: pa.Table) -> None:
        self.meta = meta
        self.table = table

    @cached_property
    def summary(self) -> Summary:
        """Total, layers, unattributed and overhead, computed from the samples, or from the averages there are."""
        if self.meta.prediction is not None and self.counts is not None:
            return with_intervals(self.modelled.summary, self.meta.prediction, self.counts.summary)
        work_out = summarise_aggregate if self.meta.kind == "aggregate" else summarise
        return work_out(self.meta, self.table)

    @cached_property
    def counts(self) -> Profile | None:
        """The exact counts behind predicted times, of the same inferences; counts are their own, times have none."""
        if self.meta.prediction is not None:
            return Profile(counted(self.meta), self.table)
        return self if self.meta.unit == COUNTS else None

    @property
    def layer_counts(self) -> tuple[float | None, ...]:
        """Instructions of every layer in file order, None where there are none of its own."""
        if self.counts is None:
            return (None,) * len(self.summary.layers)
        return tuple(layer.estimate.typical for layer in self.counts.summary.layers)

    @cached_property
    def modelled(self) -> Profile:
        """Predicted times without the error they may have on a phone: they repeat exactly. Others are as they are."""
        return self if self.meta.prediction is None else Profile(modelled(self.meta), self.table)

    @cached_property
    def counters(self) -> CounterSummary | None:
        """What the core's performance counters say of one inference, None if they were not read."""
        return summarise_counters(self.meta, self.table)

    @cached_property
    def sustained(self) -> Sustained | None:
        """The course of an endurance run and where it slowed down, None for other measurements."""
        return sustained(self.meta, self.table)

    def samples(self) -> pd.DataFrame:
        """All raw samples, one row each (columns: :data:`tflprof.profile.schema.SAMPLES`)."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def layers(self) -> pd.DataFrame:
        """One row per layer in file order.

        Columns: id, index, op, name, kernel, group, note, typical, median, lo, hi, n, share, macs, parameters,
        weight_bytes, activation_bytes, unit, provenance, instructions (exact counts, beside predicted times, too).
        ``typical`` is the mean over the central half of the inferences; it adds up. Layers whose kernels another
        layer's row counts, and layers that run nothing, have no value of their own (NaN).
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for layer, count in zip(self.summary.layers, self.layer_counts, strict=True):
            info, estimate = layer.info, layer.estimate
            rows.append(
                {
                    "id": info.id,
                    "index": info.index,
                    "op": info.op,
                    "name": info.name,
                    "kernel": layer.kernel,
                    "group": layer.group,
                    "note": layer.note,
                    "typical": estimate.typical,
                    "median": estimate.median,
                    "lo": estimate.lo,
                    "hi": estimate.hi,
                    "n": estimate.n,
                    "share": layer.share,
                    "macs": info.macs,
                    "parameters": info.parameters,
                    "weight_bytes": info.weight_bytes,
                    "activation_bytes": info.activation_bytes,
                    "unit": self.meta.unit,
                    "provenance": self.meta.provenance,
                    "instructions": count,
                }
            )
        return pd.DataFrame(rows)

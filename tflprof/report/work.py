"""The multiply-accumulates of one inference: of the layers that ran, and known only where each runs once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tflprof.profile.meta import LayerInfo
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_inferences


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates of layers in one inference.

    Attributes:
        macs: the sum of those that are known; None if none is.
        unknown: number of layers that ran and are not in the sum.
    """

    macs: int | None
    unknown: int

    def rate(self, typical: float | None) -> float | None:
        """Per unit of ``typical``; None unless all of them are known."""
        return self.macs / typical if not self.unknown and self.macs and typical and typical > 0 else None


class WorkCounter:
    """Counts the work of a profile's layers."""

    def __init__(self, profile: Profile) -> None:
        self._subgraph = profile.meta.model.subgraph
        self._ran = self._layers_that_ran(profile)

    def count(self, layers: Iterable[LayerInfo]) -> Work:
        """What those of ``layers`` that ran do in one inference."""
        macs = [self._per_inference(layer) for layer in layers if layer.id in self._ran]
        known = [each for each in macs if each is not None]
        return Work(sum(known) if known else None, len(macs) - len(known))

    def _per_inference(self, layer: LayerInfo) -> int | None:
        """How often control flow runs a layer is not known, but any number of times nothing is nothing."""
        return layer.macs if self._in_signature(layer) or layer.macs == 0 else None

    def _in_signature(self, layer: LayerInfo) -> bool:
        return layer.id.partition("/")[0] == str(self._subgraph)

    def _layers_that_ran(self, profile: Profile) -> frozenset[str]:
        """Those with events in steady inferences; without any events, all of the signature's own subgraph."""
        structures = self._structures(profile)
        rows = profile.meta.alignment.rows
        ran = {layer for row in rows if any(map(row.events.get, structures)) for layer in row.layers}
        if ran:
            return frozenset(ran)
        return frozenset(layer.id for layer in profile.meta.model.layers if self._in_signature(layer))

    @staticmethod
    def _structures(profile: Profile) -> list[str]:
        """Numbers, as text, of the event lists of steady inferences; averages are of the ones there are."""
        if profile.meta.kind == "aggregate":
            return [str(number) for number in range(len(profile.meta.alignment.structures))]
        seen = np.unique(select_inferences(profile.table, "profiled", profile.meta.unit).structure)
        return [str(number) for number in seen.tolist()]

"""A space of candidate networks for a search: axes with values, and the layer that each slot has for them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.table_batch import Predictions
from tflprof.op_config import OpConfig

Genes = npt.NDArray[np.int64]
"""Candidates, [candidates, axes]: which value of each axis."""

MOST_LAYERS: Final = 1_000_000
"""Layers that one slot may have: they are looked up before the search."""


@dataclass(frozen=True)
class Slot:
    """A place in the network, whose layer depends on a few axes only.

    Attributes:
        axes: names of these axes.
        layer: makes the layer's configuration of their values; None where there is no layer.
        first: whether it is the first of the network.
    """

    axes: tuple[str, ...]
    layer: Callable[..., OpConfig | None]
    first: bool = False


@dataclass(frozen=True)
class SearchSpace:
    """All networks that a search may propose.

    Attributes:
        axes: values by name, in the order of genes.
        slots: of the layers.
    """

    axes: Mapping[str, tuple[Any, ...]]
    slots: tuple[Slot, ...]

    def __post_init__(self) -> None:
        empty = [name for name, values in self.axes.items() if not values]
        if empty:
            raise ValueError(f"axis {empty[0]!r} has no values")
        for slot in self.slots:
            if unknown := set(slot.axes) - set(self.axes):
                raise ValueError(f"a slot depends on {min(unknown)!r}, which is no axis")
            if math.prod(len(self.axes[name]) for name in slot.axes) > MOST_LAYERS:
                raise ValueError(f"a slot has more than {MOST_LAYERS} layers: let it depend on fewer axes")

    @property
    def sizes(self) -> Genes:
        """How many values each axis has, [axes]."""
        return np.array([len(values) for values in self.axes.values()], np.int64)

    def __len__(self) -> int:
        """Networks that there are."""
        return math.prod(len(values) for values in self.axes.values())

    def values(self, genes: Genes) -> dict[str, npt.NDArray[Any]]:
        """Values by axis of candidates [candidates, axes], [candidates] each."""
        return {name: np.asarray(values)[genes[:, at]] for at, (name, values) in enumerate(self.axes.items())}

    def layers(self, genes: npt.ArrayLike) -> list[OpConfig]:
        """Layers of one candidate [axes], in order."""
        chosen = dict(zip(self.axes, np.asarray(genes).tolist(), strict=True))
        found = (slot.layer(*(self.axes[name][chosen[name]] for name in slot.axes)) for slot in self.slots)
        return [config for config in found if config is not None]


class SpaceCosts:
    """Costs of a space's candidates: each slot's layers are looked up once, then candidates are only summed.

    Args:
        space: what may be proposed.
        table: of latencies.
    """

    def __init__(self, space: SearchSpace, table: LatencyTable) -> None:
        self.space = space
        self._table = table
        names = list(space.axes)
        self._columns = [[names.index(name) for name in slot.axes] for slot in space.slots]
        self._codes = [_codes(space, slot, table) for slot in space.slots]

    def predict(self, genes: Genes) -> Predictions:
        """Costs of candidates [candidates, axes], as :meth:`tflprof.LatencyTable.predict` gives them."""
        batch = np.empty((len(genes), len(self._codes)), np.int64)
        for at, (columns, codes) in enumerate(zip(self._columns, self._codes, strict=True)):
            batch[:, at] = codes[tuple(genes[:, column] for column in columns)]
        return self._table.predict(batch)


def _codes(space: SearchSpace, slot: Slot, table: LatencyTable) -> Genes:
    """The table's numbers of a slot's layers, one dimension per axis."""
    values = [space.axes[name] for name in slot.axes]
    layers = [slot.layer(*chosen) for chosen in itertools.product(*values)]
    codes = np.zeros(len(layers), np.int64)
    there = [at for at, config in enumerate(layers) if config is not None]
    codes[there] = table.encode([config for config in layers if config is not None], slot.first)
    return codes.reshape([len(one) for one in values])

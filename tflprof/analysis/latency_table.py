"""Costs of layers from a latency table: its rows, what lies between them, and whole models as sums, many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tflprof.analysis.table_batch import EXACT, KINDS, Codes, IntArray, Memory, Predictions, sum_up
from tflprof.analysis.table_lookup import Estimate, Lookup, missing
from tflprof.analysis.table_model import LayerLike, TablePrediction, is_free, predict_layers
from tflprof.op_config import OpConfig
from tflprof.op_memory import network_bytes
from tflprof.profile.latency_rows import StoredTable, TableMeta, read_table


@dataclass(frozen=True)
class _Key:
    config: str
    first: bool


class LatencyTable:
    """A latency table that can be asked.

    What it is asked is kept: the second time costs nothing. It is not changed by being asked.

    Args:
        stored: rows and metadata, as :func:`tflprof.profile.latency_rows.read_table` gives them.
        touched: bytes that an inference of the model touches whose layers are asked for one by one
            (:func:`tflprof.op_memory.network_bytes`); 0: so few that its weights stay in a near cache. Of whole
            models it is known.
    """

    def __init__(self, stored: StoredTable, *, touched: float = 0.0) -> None:
        self.meta: TableMeta = stored.meta
        self._touched = touched
        self._lookup = Lookup(stored)
        self._codes = Codes()
        self._known: dict[_Key, int] = {}
        self._estimates: list[Estimate] = []

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> LatencyTable:
        """Read a table's file. Raises ProfileError if it is none, damaged, or newer than this tflprof."""
        return cls(read_table(path))

    def __len__(self) -> int:
        """Rows that there are."""
        return len(self._lookup)

    def estimate(self, config: OpConfig, first: bool = False) -> Estimate:
        """What one layer costs in the table's unit; ``first`` for the first kernel of a model or partition."""
        return self.estimates([config], first)[0]

    def estimates(self, configs: Sequence[OpConfig], first: bool = False) -> list[Estimate]:
        """What several layers cost, each by itself; faster than one after the other."""
        return self._in_memory(configs, first, self._touched)

    def encode(self, configs: Iterable[OpConfig], first: bool = False) -> IntArray:
        """Numbers that stand for configurations in :meth:`predict`, [n]; the same ones for the same configurations.

        Looking a configuration up and interpolating it is done here, once; 0 stands for no layer.
        """
        asked = list(configs)
        keys = [_Key(config.key, first) for config in asked]
        new = {key: config for key, config in zip(keys, asked, strict=True) if key not in self._known}
        if new:
            found = self._lookup.estimates(list(new.values()), first)
            groups = [self._lookup.group(config) for config in new.values()]
            # 0 is no layer.
            start = len(self._codes)
            self._codes.extend(found, groups, [Memory.of(config) for config in new.values()])
            self._pad()
            self._estimates.extend(found)
            self._known.update({key: start + at for at, key in enumerate(new)})
        return np.array([self._known[key] for key in keys], dtype=np.int64)

    def predict(self, batch: IntArray, parts: int = 1) -> Predictions:
        """Total costs of many candidate models at once.

        Args:
            batch: one row per candidate, one column per layer, [candidates, slots]: numbers from :meth:`encode`,
                0 where a candidate has no layer. A single candidate may be [slots].
            parts: of which each candidate's graph consists: 1 where one delegate's partition has all layers.

        Raises:
            ValueError: it is no such array, or has numbers that :meth:`encode` did not give.
        """
        return sum_up(np.atleast_2d(np.asarray(batch)), self._codes, self.meta, parts)

    def predict_layers(self, layers: Sequence[LayerLike]) -> TablePrediction:
        """The cost of a whole model, layer by layer.

        Args:
            layers: all layers, as :func:`tflprof.model.configs.layer_configs` gives them.
        """
        costed = [layer for layer in layers if layer.uncosted is None]
        touched = network_bytes(layer.config for layer in costed)
        found: dict[str, Estimate] = {}
        for first in (False, True):
            asked = [layer for layer in costed if layer.first == first]
            estimates = self._in_memory([layer.config for layer in asked], first, touched)
            found.update({layer.id: estimate for layer, estimate in zip(asked, estimates, strict=True)})
        for layer in layers:
            if layer.uncosted is not None and not is_free(layer):
                found[layer.id] = missing(layer.uncosted)
        groups = {layer.id: self._lookup.group(layer.config) for layer in layers}
        return predict_layers(layers, found, groups, self.meta)

    def _in_memory(self, configs: Sequence[OpConfig], first: bool, touched: float) -> list[Estimate]:
        """Estimates in a model that touches so much."""
        found = [self._estimates[code] for code in self.encode(configs, first)]
        refetch = self.meta.refetch
        if refetch is None:
            return found
        return [
            one.with_more(refetch.cost(config, touched)) for one, config in zip(found, configs, strict=True)
        ]

    def _pad(self) -> None:
        if not self._estimates:
            self._estimates.append(Estimate(0.0, 0.0, 0.0, 0.0, KINDS[EXACT], "no layer"))

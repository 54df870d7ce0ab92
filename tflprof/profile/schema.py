"""The Arrow schema of the sample table, its version, and the migrations from older versions.

Version history:
    1  first version.
    2  what was noticed around blocks: khz_before, millicelsius, chain_khz, missed, worker_cores; kind ``pmu``.
    3  predicted times: counter ``dram_lines``, several counters of one inference, and ``prediction`` in the metadata.
       A reader of version 2 would take such times for exact ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 3

_TEXT = pa.dictionary(pa.int8(), pa.string())

SAMPLES = pa.schema(
    [
        pa.field("kind", _TEXT, nullable=False),
        pa.field("process", pa.int32(), nullable=False),
        pa.field("block", pa.int32()),
        pa.field("round", pa.int32()),
        pa.field("phase", _TEXT, nullable=False),
        pa.field("variant", _TEXT, nullable=False),
        pa.field("inference", pa.int32()),
        pa.field("structure", pa.int32()),
        pa.field("event", pa.int32()),
        pa.field("counter", _TEXT, nullable=False),
        pa.field("value", pa.int64(), nullable=False),
        pa.field("t", pa.int64()),
        pa.field("core", pa.int16()),
        pa.field("khz", pa.int32()),
        pa.field("khz_before", pa.int32()),
        pa.field("millicelsius", pa.int32()),
        pa.field("millicelsius_before", pa.int32()),
        pa.field("chain_khz", pa.int32()),
        pa.field("chain_khz_before", pa.int32()),
        pa.field("missed", pa.int32()),
        pa.field("worker_cores", pa.list_(pa.int16())),
        pa.field("tainted", pa.bool_(), nullable=False),
    ]
)
"""One row per duration.

kind       ``inference`` | ``event`` | ``init`` | ``memory`` | ``pmu``
process    number of the runner process, from 0
block      number of the block in its process; round: number of the round of blocks
phase      ``init`` | ``first`` | ``warmup`` | ``steady``
variant    ``plain`` (the total's) | ``profiled`` (the layers')
inference  number of the inference in its process, the same in every counter
structure  number of its event list in the metadata; event: position in it (kind ``event`` only)
counter    ``ns`` | ``instructions`` | ``cycles`` | ``dram_lines`` | ``bytes``: unit of ``value``; kind ``pmu``: what
           was counted, ``cycles`` | ``instructions`` | ``cache_refills``. Where times are predicted, each inference
           has its instructions, modelled cycles, cache lines from and to memory, and the ``ns`` made of them
t          CLOCK_MONOTONIC at the start of the block, ns
core       CPU the inference ended on; khz: its frequency after the block; khz_before: before it
millicelsius, millicelsius_before
           temperature of the device's hottest zone after and before the block
chain_khz, chain_khz_before
           frequency of the core, measured with a chain of dependent additions after and before the block
missed     deadlines the block's inferences missed, where they are periodic
worker_cores
           CPU of every thread of the runner after the block, its main thread first
tainted    True if something disturbed it; kept, but not used for summaries

An aggregate profile (averages that another tool printed) has statistics instead of samples: kind ``mean`` (per
inference), ``min`` | ``max`` | ``std`` (per call), ``calls`` (per inference) of an event, and ``mean`` | ``min`` |
``max`` | ``std`` | ``median`` | ``p5`` | ``p95`` | ``count`` of whole inferences, which have no event.
"""

_NEW_IN_2 = (
    *("khz_before", "millicelsius", "millicelsius_before", "chain_khz", "chain_khz_before"),
    *("missed", "worker_cores"),
)


def _to_2(table: pa.Table, meta: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    for name in _NEW_IN_2:
        table = table.append_column(name, pa.nulls(len(table), SAMPLES.field(name).type))
    return table.select(SAMPLES.names), meta


def _to_3(table: pa.Table, meta: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    return table, meta


MIGRATIONS: dict[int, Callable[[pa.Table, dict[str, Any]], tuple[pa.Table, dict[str, Any]]]] = {
    1: _to_2,
    2: _to_3,
}
"""Version n -> function from (samples, metadata) of version n to those of version n + 1."""


def migrate(table: pa.Table, meta: dict[str, Any], version: int) -> tuple[pa.Table, dict[str, Any]]:
    """Samples and metadata of any older version as those of this version."""
    for step in range(version, SCHEMA_VERSION):
        table, meta = MIGRATIONS[step](table, meta)
    return table, meta

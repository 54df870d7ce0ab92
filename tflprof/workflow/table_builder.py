"""A latency table that is being built: models and chains are measured one by one, and each is kept at once."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tflprof.errors import RunnerError, UsageError
from tflprof.measure.table_overheads import Rest, overheads, rest_of
from tflprof.measure.table_reference import scaled, scaled_rest
from tflprof.measure.tables import Taken, chain_rows, network_rows, with_refetch
from tflprof.model.build.row_kinds import unbuildable
from tflprof.model.build.rows import Chain, chain_model
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.profile.latency_reference import Reference
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import StoredTable, TableMeta, meta_of
from tflprof.profile.profile import Profile
from tflprof.workflow.profile import Interrupted, profile_model
from tflprof.workflow.progress import OnProgress, Progress
from tflprof.workflow.table_jobs import Job, last_cache_bytes, plan_jobs
from tflprof.workflow.table_journal import Journal
from tflprof.workflow.table_reference import (
    MAX_SECONDS,
    has_reference,
    profile_beside,
    reference_sha256,
)
from tflprof.workflow.table_refetch import SECONDS, measure_refetch

_LOG = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
Missing = Mapping[str, str]


@dataclass(frozen=True)
class BuiltTable:
    """A table that was built.

    Attributes:
        table: all of its rows.
        measured: how many of them are new.
        missing: why a configuration has no row, by its key.
        path: where it was written; None if nowhere.
    """

    table: StoredTable
    measured: int
    missing: Missing
    path: Path | None = None


@dataclass(frozen=True)
class Network:
    """A network that rows are taken from."""

    model: Model
    layers: tuple[LayerConfig, ...]
    source: str

    @classmethod
    def of(cls, path: PathLike, kernels: str) -> Network:
        """Of a model's file. Raises ModelError or UsageError if it has no layers that a table could hold."""
        model = read_model(path)
        # As a table can hold it, in which ", " stands between several.
        name = Path(path).stem.encode("utf-8", "replace").decode().replace(",", " ")
        return cls(model, layer_configs(model, kernels), f"{name}@{model.sha256[:8]}")

    @property
    def costed(self) -> list[OpConfig]:
        """Of the layers that cost something, as often as they are there."""
        return [layer.config for layer in self.layers if layer.uncosted is None]


@dataclass(frozen=True)
class _Measured:
    """A profile, and what takes its times into the table's clock."""

    profile: Profile
    factor: float = 1.0


@dataclass
class Builder:
    """A table that is being built."""

    target: str
    options: dict[str, Any]
    journal: Journal
    tell: OnProgress
    like: TableMeta | None = None
    total: int = 0
    done: int = 0
    measured: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    rests: list[Rest] = field(default_factory=list)
    reference: Reference | None = None
    refetch: Refetch | None = None

    def __post_init__(self) -> None:
        known = self.journal.meta or self.like
        # Beside another reference than that of the rows so far, the clock cannot be told.
        if known is not None and known.reference and known.reference.sha256 == reference_sha256():
            self.reference, self.refetch = known.reference, known.refetch

    def begin(self) -> None:
        """Measure what the rows of a new table are to be seen in the light of."""
        if self._begins_clock():
            try:
                self.refetch = measure_refetch(self._cache, self._costs_of)
            except RunnerError as error:
                _LOG.warning("rows will not tell what of them is fetching weights again: %s", error)

    def network(self, network: Network) -> None:
        """Rows of a network in its own context."""
        if self.journal.has_source(network.source):
            self._count(1)
            return
        found = self._profiled(network.model.path, network.source)
        self._rest(found, network.layers)
        self._keep(found, network.layers, network_rows(found.profile, network.layers, network.source))
        self._count(1)

    def chains(self, configs: Sequence[OpConfig], beside: Sequence[OpConfig]) -> None:
        """Rows in chains, as far as they are not there yet."""
        wanted: dict[str, OpConfig] = {}
        known = self.journal.keys("chain")
        for config in configs:
            reason = unbuildable(config)
            if reason is not None:
                self.missing[config.key] = reason
            elif config.key not in known:
                wanted[config.key] = config
        self._count(len(configs) - len(wanted))
        for job in plan_jobs(
            list(wanted.values()), self._cache, beside, self._kernels, timed=self.refetch is not None
        ):
            self._chain(job)

    def _chain(self, job: Job) -> None:
        """Measure a chain; one that the runtime does not run is halved until the row that it refuses is found."""
        flush = 0 if job.network else job.flush_bytes
        chain = chain_model(job.layers, flush, as_network=self.refetch is not None)
        try:
            with _as_file(chain.content) as path:
                found = self._profiled(path, f"{len(job.configs)} rows")
        except RunnerError as error:
            self._halved(job, error)
            return
        found_rows = {layer: job.row_of(number) for layer, number in chain.rows.items()}
        rows = {layer: row for layer, row in found_rows.items() if row is not None}
        layers = layer_configs(read_model(chain.content), self._kernels)
        self._rest(found, layers)
        self._keep(found, layers, chain_rows(found.profile, rows, f"chain of {len(job.configs)}"))
        self._count(len(job.configs))

    def _halved(self, job: Job, error: RunnerError) -> None:
        if job.network:
            # What is refused may be a layer that is only there for the others' sake.
            self._chain(replace(job, network=()))
            return
        if len(job.configs) == 1:
            self.missing[job.configs[0].key] = f"the runtime does not run it: {error.what}"
            self._count(1)
            return
        _LOG.info("a chain of %d rows failed and is halved: %s", len(job.configs), error)
        middle = len(job.configs) // 2
        for part in (job.configs[:middle], job.configs[middle:]):
            self._chain(replace(job, configs=part))

    def finish(self, path: Path | None) -> BuiltTable:
        """The table in its place."""
        meta = self.journal.meta
        if meta is None:
            reasons = "; ".join(dict.fromkeys(self.missing.values()))
            raise UsageError(f"none of the rows could be measured: {reasons}")
        return BuiltTable(self.journal.finish(meta), self.measured, self.missing, path)

    def _keep(self, found: _Measured, layers: Sequence[LayerConfig], taken: Taken) -> None:
        meta = replace(
            meta_of(found.profile.meta),
            overheads=overheads(self.rests),
            reference=self.reference,
            refetch=self.refetch,
        )
        known = len(self.journal.rows)
        self.journal.add(meta, with_refetch(scaled(taken, found.factor), self.refetch, layers).rows)
        # Of rows that are there already, the mean is taken.
        self.measured += len(self.journal.rows) - known
        self.missing.update(taken.missing)

    def _rest(self, found: _Measured, layers: Sequence[LayerConfig]) -> None:
        rest = rest_of(found.profile, layers)
        if rest is not None:
            self.rests.append(scaled_rest(rest, found.factor))

    def _profiled(self, path: PathLike, what: str, most: float = math.inf) -> _Measured:
        """A model or chain; ``most``: seconds, where fewer than those of the others will do."""

        def tell(progress: Progress) -> None:
            detail = f"{what}, {progress.stage}: {progress.detail}"
            self.tell(Progress("building the table", self.done / max(self.total, 1), detail))

        if self.reference is None and not self._begins_clock():
            return _Measured(self._alone(path, tell))
        seconds = min(float(self.options.get("max_seconds", MAX_SECONDS)), most)
        options = {**self.options, "max_seconds": seconds}
        beside = profile_beside(path, self.target, on_progress=tell, **options)
        known = self.reference or Reference(reference_sha256(), beside.reference)
        self.reference = replace(known, seen=(*known.seen, beside.reference))
        return _Measured(beside.profile, known.value / beside.reference)

    def _alone(self, path: PathLike, tell: OnProgress) -> Profile:
        try:
            return profile_model(path, target=self.target, on_progress=tell, **self.options)
        except Interrupted as stop:
            # What was measured before is kept; a part of a chain would be a part of its rows.
            raise stop.cause from None

    def _begins_clock(self) -> bool:
        """Whether this is a table of its own whose rows can have one: older ones go on without."""
        known = self.journal.meta or self.like
        return known is None and has_reference(self.target, **self.options)

    def _costs_of(self, chain: Chain) -> Mapping[str, float]:
        """What the layers of a chain cost, by their ids."""
        with _as_file(chain.content) as path:
            found = self._profiled(path, "weights and caches", most=SECONDS)
        layers = found.profile.summary.layers
        return {layer.info.id: (layer.estimate.typical or 0.0) * found.factor for layer in layers}

    @property
    def _cache(self) -> int:
        return last_cache_bytes(self.target, self.options.get("core"))

    @property
    def _kernels(self) -> str:
        return str(self.options.get("kernels", "xnnpack"))

    def _count(self, rows: int) -> None:
        self.done += rows


@contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        path = Path(folder) / "rows.tflite"
        path.write_bytes(content)
        yield path

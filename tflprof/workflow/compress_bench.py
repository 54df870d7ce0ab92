"""Where plans are tried: a target on which models are profiled, and the latency table that grows by what they show."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tflprof.analysis.latency_table import LatencyTable
from tflprof.compress.planning.plan import Amount
from tflprof.errors import Untrusted, UsageError
from tflprof.measure.table_reference import in_clock, scaled
from tflprof.measure.tables import network_rows, with_refetch
from tflprof.model.configs import layer_configs
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.op_memory import network_bytes
from tflprof.profile.latency_merge import merged_rows
from tflprof.profile.latency_rows import (
    Overheads,
    StoredTable,
    TableMeta,
    meta_of,
    read_table,
    table_mismatches,
    write_table,
)
from tflprof.profile.mismatch import shown_value
from tflprof.profile.profile import Profile
from tflprof.targets.spec import DEFAULT_TARGET
from tflprof.workflow.profile import Interrupted, profile_model
from tflprof.workflow.progress import OnProgress, Progress
from tflprof.workflow.table_reference import has_reference, profile_beside, reference_sha256

AS_IT_IS = "the model as it is"


class LiveBench:
    """A target with a latency table.

    A table whose rows are in the clock of a reference is asked in that of now: models are measured beside the
    reference, and what it took first tells the ratio. What is told of models is the time that they took; the rows
    that they leave are in the table's own clock.

    Args:
        model: the model to be compressed.
        table: path of the table; None: one is made of what is measured.
        how: arguments of :func:`tflprof.profile_model`, the target among them.
        tell: progress.
        keep: where the table is written as soon as it knows more; None: it is not.

    Raises:
        ProfileError: the table cannot be read.
        UsageError: rows are to be kept in a table into whose clock they cannot be brought.
    """

    def __init__(
        self,
        model: Model,
        table: Path | None,
        how: dict[str, Any],
        tell: OnProgress,
        *,
        keep: Path | None = None,
    ) -> None:
        self.model = model
        self._how = how
        self._tell = tell
        self._keep = keep
        self._stored = None if table is None else read_table(table)
        kernels = str(how.get("kernels", "xnnpack"))
        costed = [layer.config for layer in layer_configs(model, kernels) if layer.uncosted is None]
        # Changed models touch less; rows of those that were measured say what they did.
        self._touched = network_bytes(costed)
        self._unit: str | None = None
        self._before: Profile | None = None
        self._asked: LatencyTable | None = None
        self._models = 0
        self._now: float | None = None
        self._beside = self._stored is not None and _is_common(self._stored.meta, how)
        if keep is not None and self._stored is not None and not self._beside:
            _check_unclocked(self._stored.meta, keep)

    @property
    def table(self) -> LatencyTable:
        """The table with all that was measured; in the clock of now as soon as anything was."""
        if self._asked is None:
            stored, reference = self.stored, self.stored.meta.reference
            if reference is not None and self._now is not None:
                stored = in_clock(stored, replace(reference, value=self._now))
            self._asked = LatencyTable(stored, touched=self._touched)
        return self._asked

    @property
    def stored(self) -> StoredTable:
        """The same to be written, in its own clock."""
        assert self._stored is not None
        return self._stored

    @property
    def unit(self) -> str:
        """In which costs are."""
        return self._unit or self.stored.meta.unit

    @property
    def is_known(self) -> bool:
        """Whether there is a table before anything was measured."""
        return self._stored is not None

    def count_in(self, unit: str) -> None:
        """Give latencies in the table's unit or in ``instructions``."""
        self._unit = unit

    def before(self) -> Amount | None:
        """Latency of the model as it is; None if it was not measured."""
        return None if self._before is None else amount_of(self._before, self.unit)

    def measure_before(self) -> None:
        """Measure the model as it is. Raises Untrusted if the table is of other conditions."""
        beside = self._profile(Path(self.model.path), AS_IT_IS)
        profile = self._before = beside.profile
        found = meta_of(profile.meta)
        if self._stored is None:
            self._stored = StoredTable(replace(found, overheads=_overheads(profile)), ())
        check_table(self._stored.meta, found)
        self._learn(beside, self.model)

    def measure(self, content: bytes) -> Amount:
        """Latency of a changed model, measured; the table has its layers afterwards."""
        self._models += 1
        with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
            path = Path(folder) / f"changed{self._models}.tflite"
            path.write_bytes(content)
            model = read_model(path)
            return self._learn(self._profile(path, f"changed model {self._models}"), model)

    def _profile(self, path: Path, what: str) -> _Measured:
        def tell(progress: Progress) -> None:
            self._tell(replace(progress, detail=f"{what}: {progress.detail}"))

        if self._beside:
            beside = profile_beside(path, **_with_target(self._how), on_progress=tell)
            return _Measured(beside.profile, beside.reference)
        try:
            return _Measured(profile_model(path, **self._how, on_progress=tell))
        except Interrupted as stop:
            # Half a measurement is none: what ended it ends what it was for.
            raise stop.cause from stop

    def _learn(self, measured: _Measured, model: Model) -> Amount:
        kernels = str(self._how.get("kernels", "xnnpack"))
        # Changed models are numbered afresh in every run.
        source = f"{Path(model.path).stem}@{model.sha256[:8]}"
        layers = layer_configs(model, kernels)
        taken = network_rows(measured.profile, layers, source)
        meta = self.stored.meta
        if meta.reference is not None and measured.reference is not None:
            taken = scaled(taken, meta.reference.value / measured.reference)
            self._now = self._now or measured.reference
            seen = (*meta.reference.seen, measured.reference)
            meta = replace(meta, reference=replace(meta.reference, seen=seen))
        taken = with_refetch(taken, meta.refetch, layers)
        self._stored = StoredTable(meta, merged_rows(self.stored.rows, taken.rows))
        self._asked = None
        if self._keep is not None:
            write_table(self._keep, self._stored)
        return amount_of(measured.profile, self.unit)


@dataclass(frozen=True)
class _Measured:
    """A profile, and what the reference took beside it."""

    profile: Profile
    reference: float | None = None


def _with_target(how: dict[str, Any]) -> dict[str, Any]:
    return {"target": DEFAULT_TARGET, **how}


def _is_common(table: TableMeta, how: dict[str, Any]) -> bool:
    """Whether what is measured can be brought into the clock of a table."""
    reference = table.reference
    return (
        reference is not None
        and reference.sha256 == reference_sha256()
        and has_reference(**_with_target(how))
    )


def _check_unclocked(table: TableMeta, path: Path) -> None:
    """Raise UsageError if rows measured without a reference would be of another clock than a table's."""
    if table.reference is not None:
        raise UsageError(
            f"the rows of {path} are in the clock of a reference model that cannot be measured here beside others",
            "leave --update-table out; or build the table anew: tflprof table build --force …",
        )


def amount_of(profile: Profile, unit: str) -> Amount:
    """The total of a profile in a unit that it has. Raises UsageError for another."""
    source: Profile | None = profile
    if unit == "instructions" and profile.meta.unit != unit:
        source = profile.counts
    if source is None or (unit not in ("instructions", source.meta.unit)):
        raise UsageError(
            f"the target gives {profile.meta.unit}, no {unit}", "give a budget in the target's unit"
        )
    exact = source.modelled.summary.total.typical
    assert exact is not None
    total = source.summary.total
    lo = exact if total.lo is None else total.lo
    hi = exact if total.hi is None else total.hi
    return Amount(exact, lo, hi, measured=True)


def check_table(table: TableMeta, found: TableMeta) -> None:
    """Raise Untrusted, naming each condition, if a table's rows do not hold on a target."""
    differing = table_mismatches(table, found)
    if differing:
        told = "; ".join(
            f"{one.key}: table {shown_value(one.a)}, target {shown_value(one.b)}" for one in differing
        )
        raise Untrusted(
            f"the latency table does not hold on this target, they differ in what changes speed: {told}",
            "build one for it: tflprof table build --target …; or choose the target of the table",
        )


def _overheads(profile: Profile) -> Overheads:
    """What the total has beyond its layers, of one model."""
    gap = profile.summary.unattributed.typical or 0.0
    counts = profile.counts
    counted = None
    if counts is not None and counts is not profile:
        counted = Overheads(model=counts.summary.unattributed.typical or 0.0, models=1)
    return Overheads(model=gap, models=1, instructions=counted)

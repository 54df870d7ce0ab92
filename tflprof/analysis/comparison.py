"""What comparing two profiles says: a status with a reason for the total and for every layer.

Differences are B minus A, ratios B over A, in the unit of the profiles. Intervals hold simultaneously for
the total and all layers at 1 - ``alpha``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import Mismatch

Status = Literal["faster", "slower", "same", "inconclusive", "new", "gone", "incomparable"]
"""What is said of B against A."""

Match = Literal[
    "total", "same", "renamed", "changed", "moved", "split", "fused", "regrouped", "inserted", "removed"
]
"""How a row of A belongs to one of B.

``same``: nothing but its time (and its id) may differ; ``renamed``: another name; ``changed``: other shape, dtype,
weights' size or operator; ``moved``: elsewhere in the order; ``split``: one layer of A is several of B;
``fused``: several of A are one of B; ``regrouped``: several of A are several of B, or the runtime's kernels
cannot be told apart; ``inserted``: only in B; ``removed``: only in A.
"""

Method = Literal["paired", "stored", "exact", "devices"]
"""Where the evidence comes from: both measured in the same processes; two files measured at different times;
counts, or times predicted from counts, that do not vary; one model on two devices."""


@dataclass(frozen=True)
class Part:
    """One side of a compared row.

    Attributes:
        layers: ids of the layers it counts, empty for the total.
        op: operator types, joined by `` + `` where several differ in a row.
        name: name of its first layer.
        typical: cost, in the unit of the profile; None if unknown.
        share: of the total, 0-1.
    """

    layers: tuple[str, ...]
    op: str
    name: str
    typical: float | None
    share: float | None


@dataclass(frozen=True)
class Difference:
    """The total or one row of layers, compared.

    Attributes:
        match: how the two sides belong together.
        a: None if there is nothing like it in A.
        b: None if there is nothing like it in B.
        status: the conclusion.
        reason: one sentence why.
        difference: B - A, in the unit of the profiles; None if it cannot be told, as are the next.
        lo: lower end of the difference's interval; hi: upper end.
        ratio: B / A.
        ratio_lo: lower end of the ratio's interval; ratio_hi: upper end.
        p: adjusted p-value of "no difference" (paired only).
        threshold: difference that matters here, in the unit of the profiles.
    """

    match: Match
    a: Part | None
    b: Part | None
    status: Status
    reason: str
    difference: float | None = None
    lo: float | None = None
    hi: float | None = None
    ratio: float | None = None
    ratio_lo: float | None = None
    ratio_hi: float | None = None
    p: float | None = None
    threshold: float | None = None

    @property
    def subject(self) -> str:
        """Id of the layer it is about (of A, else of B), or ``total``."""
        part = self.a or self.b
        return part.layers[0] if part is not None and part.layers else "total"


@dataclass(frozen=True)
class Comparison:
    """Profile B against profile A.

    Attributes:
        a: metadata of the first profile, b: of the second.
        total: one whole inference.
        layers: every row of both, in the order of B, those only in A where they were.
        unattributed: what no layer explains; never has a status of its own but ``same`` or ``inconclusive``.
        threshold: relative difference that matters, such as 0.01.
        alpha: family-wise error of all statuses together.
        pairs: process pairs it rests on (paired only); looks: times they were looked at.
        matching: ``identity`` where the graphs agree, else ``structure``.
        mismatches: conditions in which the profiles differ; not empty only for ``devices`` and if ``forced``.
        forced: it was asked for in spite of mismatches: every status is ``incomparable``.
        notes: what a reader must know to read it rightly, as sentences.
    """

    method: Method
    a: ProfileMeta
    b: ProfileMeta
    total: Difference
    layers: tuple[Difference, ...]
    unattributed: Difference | None
    threshold: float
    alpha: float
    pairs: int | None = None
    looks: int | None = None
    matching: Literal["identity", "structure"] = "identity"
    mismatches: tuple[Mismatch, ...] = ()
    forced: bool = False
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Unit of all costs: ``ns``, ``cycles`` or ``instructions``."""
        return self.a.unit

    @property
    def ratio_error(self) -> float | None:
        """How far the ratio of two predicted totals may be off on the phone: half-width of 95 % of its logarithm.

        None for times that are not predicted, and if it is not known.
        """
        errors = [
            None if meta.prediction is None else meta.prediction.ratio_error for meta in (self.a, self.b)
        ]
        known = [error for error in errors if error is not None]
        return max(known) if len(known) == 2 and self.method == "exact" else None

    @property
    def phone_ratio(self) -> tuple[float, float] | None:
        """95 % interval of what B over A would be on the phone, of predicted totals; None if it is not known."""
        error, ratio = self.ratio_error, self.total.ratio
        if error is None or ratio is None:
            return None
        return ratio * math.exp(-error), ratio * math.exp(error)

    @property
    def doubted(self) -> tuple[str, ...]:
        """``A`` and ``B``, as far as their profiles are not trusted without doubt."""
        return tuple(name for name, meta in (("A", self.a), ("B", self.b)) if meta.verdict != "ok")

"""What became of many models that were profiled one after the other, and the exit status it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tflprof.errors import EXIT_ENVIRONMENT, EXIT_INCONCLUSIVE, EXIT_INTERNAL, EXIT_OK, EXIT_USAGE
from tflprof.profile.profile import Profile
from tflprof.profile.summary import LayerSummary

Status = Literal["measured", "up to date", "partial", "failed", "interrupted", "not begun"]

_GRAVITY = (EXIT_INTERNAL, EXIT_ENVIRONMENT, EXIT_USAGE, EXIT_INCONCLUSIVE)
"""Exit statuses, the gravest first: a fault of ours, of the machine, of the model, of the numbers."""


@dataclass(frozen=True)
class Digest:
    """What a list shows of a profile.

    Attributes:
        total, lo, hi: one inference and its 95 % interval, in ``unit``; None if unknown.
        instructions: exact count of an inference; None where none were counted.
        layer, layer_op, layer_id, layer_share: the layer that takes most; None if no layer has a cost.
        findings: codes of the reasons to doubt it.
        sha256: of the model.
    """

    created: str
    target: str
    unit: str
    provenance: str
    total: float | None
    lo: float | None
    hi: float | None
    layer: str | None
    layer_op: str | None
    layer_id: str | None
    layer_share: float | None
    verdict: str
    findings: tuple[str, ...]
    sha256: str | None
    instructions: float | None = None


@dataclass(frozen=True)
class BatchEntry:
    """One model of a batch.

    Attributes:
        model: its path as it was found.
        status: ``measured``; ``up to date``: its profile was there already; ``partial``: cut short, and what had been
            collected is kept; ``failed``; ``interrupted``: by Ctrl-C before there was a sample; ``not begun``.
        profile, page: where its profile and its report are; None if there is none of this batch.
        digest: what the profile says, None without one.
        error, hint, exit_code: why it failed or is partial, what to do, and the exit status that it alone means.
        reason: why it was measured although it had a profile, None if it had none.
    """

    model: str
    status: Status
    profile: str | None = None
    page: str | None = None
    digest: Digest | None = None
    error: str | None = None
    hint: str | None = None
    exit_code: int = EXIT_OK
    reason: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """What became of all models, in their order.

    Attributes:
        folder: where the profiles are.
        finished: False while it is at work, and if it ended before its last model.
        stopped, hint: why it ended before its last model, and what to do; None if it did not.
        stop_code: the exit status that this means.
    """

    entries: tuple[BatchEntry, ...]
    folder: str
    finished: bool = True
    stopped: str | None = None
    hint: str | None = None
    stop_code: int = EXIT_OK

    @property
    def exit_code(self) -> int:
        """0 if every model has its profile, else the gravest of what went wrong."""
        return gravest([self.stop_code, *(entry.exit_code for entry in self.entries)])


def counted(models: int) -> str:
    """Such as ``1 model`` or ``3 models``."""
    return f"{models} model{'' if models == 1 else 's'}"


def gravest(codes: Sequence[int]) -> int:
    """The gravest of several exit statuses; one that is not in the order, such as that of Ctrl-C, goes before all."""
    bad = [code for code in codes if code != EXIT_OK]
    return min(bad, key=lambda code: _GRAVITY.index(code) if code in _GRAVITY else -1, default=EXIT_OK)


def digest_of(profile: Profile) -> Digest:
    """What a list shows of a profile."""
    meta, total = profile.meta, profile.summary.total
    most = slowest_layer(profile)
    return Digest(
        created=meta.created,
        target=f"{meta.target.kind}: {meta.target.name}",
        unit=meta.unit,
        provenance=meta.provenance,
        total=total.typical,
        lo=total.lo,
        hi=total.hi,
        layer=most.info.name if most else None,
        layer_op=most.info.op if most else None,
        layer_id=most.info.id if most else None,
        layer_share=most.share if most else None,
        verdict=meta.verdict,
        findings=tuple(finding.code for finding in meta.findings),
        sha256=meta.model.sha256,
        instructions=None if profile.counts is None else profile.counts.summary.total.typical,
    )


def slowest_layer(profile: Profile) -> LayerSummary | None:
    """The layer, or the first of the group of layers, that takes most; None if none has a cost."""
    costs = [layer for layer in profile.summary.layers if layer.estimate.typical is not None]
    return max(costs, key=lambda layer: layer.estimate.typical or 0.0, default=None)

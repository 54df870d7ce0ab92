"""The measured time of a phone out of a profile of it, if it is of that phone and core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tflprof.errors import UsageError
from tflprof.facts import Cpu
from tflprof.model.read import read_model
from tflprof.profile.blocks import read_blocks
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile
from tflprof.targets.arm_parts import part_name
from tflprof.targets.cores import choose_cpus
from tflprof.targets.phone import Cluster, Phone
from tflprof.units import format_cpus
from tflprof.workflow.calibrate import Measured, phone_of

CLOCKS = 0.02
"""Of a cluster's highest clock and the measured phone's: kernels round them."""
SLOWER = 0.05
"""Of the clock while it was measured, from the highest one, before it is doubted."""
_IMPLEMENTER_AND_PART = 0xFF00FFF0
_TYPED = "or give the time itself: --measured MODEL=86ms"


def measured_by(
    profile: str | os.PathLike[str], model: str | os.PathLike[str], phone: str, core: str | None = None
) -> tuple[Measured, str]:
    """The total of a measured profile, and the core it was measured on, as ``core`` of a calibration.

    Args:
        profile: the profile file.
        model: the .tflite file that ran.
        phone: name of the phone that it is to be of.
        core: the core that it is to be of; None: whichever it is.

    Raises:
        UsageError: it is not of this phone, one of its cores, one thread or this model, or cannot be relied on.
        ProfileError, ModelError: a file cannot be read.
    """
    known, found = phone_of(phone), read_profile(Path(profile))
    name = Path(profile).name
    for trouble in _troubles(found, read_model(model).sha256):
        raise UsageError(f"{name} cannot anchor predictions: {trouble}", _TYPED)
    cluster = _cluster(name, found.meta, known)
    chosen = str(cluster.cpus[-1])
    if core is not None:
        _check_core(name, known, cluster, core)
    total = found.summary.total.typical
    assert total is not None
    options = found.meta.options
    return (
        Measured(
            model=Path(model),
            ns=total,
            source=f"{name} of {found.meta.created[:10]}",
            signature=options.signature,
            shapes=options.shapes,
            doubts=tuple(_doubts(found, cluster)),
        ),
        chosen,
    )


def _troubles(profile: Profile, sha256: str) -> Iterator[str]:
    """What makes a profile no measurement of one thread of a phone running this model."""
    meta = profile.meta
    if meta.provenance != "measured" or meta.unit != "ns":
        yield f"its times are {meta.provenance}, not measured"
    if meta.target.kind == "log":
        yield "it was imported, and does not tell the phone"
    if meta.model.sha256 is not None and meta.model.sha256 != sha256:
        yield f"it is of another model (SHA-256 {meta.model.sha256[:12]}, the file has {sha256[:12]})"
    if meta.options.threads != 1:
        yield f"it was measured with {meta.options.threads or 'an unknown number of'} threads, not with one"
    if meta.options.kernels != "xnnpack":
        yield f"it was measured with kernels {meta.options.kernels or 'unknown'}, not with XNNPACK's"
    if meta.options.rate is not None:
        yield "its inferences had pauses between them (--rate), in which clocks fall"
    if meta.verdict == "tainted":
        taints = [one.message for one in meta.findings if one.severity == "taint"]
        yield f"it is tainted: {'; '.join(taints) or 'no reason is told'}"
    if not profile.summary.total.typical:
        yield "it has no total"


def _doubts(profile: Profile, cluster: Cluster) -> Iterator[str]:
    """What was in doubt in the profile, and a clock that is not the core's usual one."""
    yield from (one.message for one in profile.meta.findings if one.severity == "doubt")
    blocks = [one for one in read_blocks(profile.table, "ns") if one.phase == "steady"]
    clocks = [khz for one in blocks if one.variant == "plain" and (khz := one.chain_khz or one.khz)]
    if clocks and abs(median(clocks) / cluster.max_khz - 1) > SLOWER:
        ghz, usual = (khz / 1e6 for khz in (median(clocks), cluster.max_khz))
        yield f"the core ran at {ghz:.2f} GHz, and predictions are for {usual:.2f} GHz"


def _cluster(name: str, meta: ProfileMeta, phone: Phone) -> Cluster:
    """The cluster of the phone that was measured. Raises UsageError if it is another phone, or several clusters."""
    theirs, ours = meta.target.cpus, phone.cpus
    if len(theirs) != len(ours) or not all(map(_alike, theirs, ours)):
        raise UsageError(
            f"{name} is of another phone than {phone.name}: {_described(theirs)}, not {_described(ours)}",
            "`tflprof targets` lists the phones that can be predicted",
        )
    ran = meta.options.cpus
    found = [cluster for cluster in phone.clusters if ran and set(ran) <= set(cluster.cpus)]
    if not found:
        where = f"on CPU {format_cpus(ran)}" if ran else "on any core"
        raise UsageError(
            f"{name} was measured {where}, not on one kind of cores", "measure again with --core big"
        )
    return found[0]


def _alike(theirs: Cpu, ours: Cpu) -> bool:
    if theirs.max_khz and ours.max_khz and abs(theirs.max_khz / ours.max_khz - 1) > CLOCKS:
        return False
    if theirs.midr is not None and ours.midr is not None:
        return (theirs.midr ^ ours.midr) & _IMPLEMENTER_AND_PART == 0
    return theirs.part == ours.part


def _described(cpus: tuple[Cpu, ...]) -> str:
    """Such as ``4 × Cortex-A53 at 1.90 GHz + 4 × Cortex-A73 at 2.46 GHz``."""
    kinds: dict[str, int] = {}
    for cpu in cpus:
        part = cpu.part or (part_name(cpu.midr) if cpu.midr is not None else None) or "unknown core"
        clock = f" at {cpu.max_khz / 1e6:.2f} GHz" if cpu.max_khz else ""
        kinds[part + clock] = kinds.get(part + clock, 0) + 1
    return " + ".join(f"{count} × {kind}" for kind, count in kinds.items()) or "no known CPUs"


def _check_core(name: str, phone: Phone, cluster: Cluster, core: str) -> None:
    wanted = choose_cpus(phone.cpus, range(len(phone.cpus)), core, 1)
    if not set(wanted) <= set(cluster.cpus):
        raise UsageError(
            f"{name} was measured on CPU {format_cpus(cluster.cpus)}, and --core {core} is CPU {format_cpus(wanted)}",
            "leave --core out: the profile tells it",
        )

"""What is found against a profile because of the device: its other work, its cores and their speed, heat, power."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tflprof.profile.meta import Finding, ProfileMeta
from tflprof.rules import finding

STOLEN_SHARE = 0.02
OTHER_BUSY = 0.5
OTHER_BUSY_SHARE = 0.10
OTHER_HERE = 0.15
THROTTLED_SHARE = 0.02
PAUSED_SHARE = 0.05
SWITCHES_PER_SECOND = 30.0
LEFT_CORE_SHARE = 0.10
CHANGED_SHARE = 0.05
SLOWED = 0.95
WARMED_CELSIUS = 3.0
THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's names, by number."""
BELOW_MAXIMUM = 0.10
GRAVE_STATUS = THERMAL_STATUS.index("moderate")


def work_findings(meta: ProfileMeta) -> Iterator[Finding]:
    """Where it ran, and what other work and limits on the time kept it from running."""
    error = meta.conditions.get("affinity_error")
    if error:
        yield finding("pin-failed", f"the process could not be pinned as asked: {error}")
    if meta.options.cpus is None and not meta.deterministic:
        yield finding("not-pinned", "ran on whatever core the system chose", remedy=_against_moving(meta))
    reasons = list(_business(meta.conditions))
    if reasons and not meta.deterministic:
        yield finding("host-busy", "; ".join(reasons), remedy=_against_business(meta))


def _against_moving(meta: ProfileMeta) -> str | None:
    """What else than the native runner there is; elsewhere than on Linux and Android no system pins."""
    if meta.target.kind == "host":
        return "pin it with --core big for a number to rely upon"
    if meta.target.os.startswith(("Darwin", "Windows")):
        return "this system pins no program: measure on Linux or on a phone for a number to rely upon"
    return None


def _business(conditions: Mapping[str, Any]) -> Iterator[str]:
    """What other work and limits took away, in words."""

    def known(key: str) -> float:
        return conditions.get(key) or 0.0

    if known("stolen_share") > STOLEN_SHARE:
        yield f"the hypervisor took {known('stolen_share'):.1%} of a core's time"
    if known("throttled_share") > THROTTLED_SHARE:
        yield f"a limit on CPU time (cgroup) was in force {known('throttled_share'):.0%} of the time"
    if known("other_here") > OTHER_HERE:
        yield f"other processes took {known('other_here'):.0%} of the measured core"
    if known("other_busy") > max(OTHER_BUSY, OTHER_BUSY_SHARE * known("of_cpus")):
        yield f"other processes kept {known('other_busy'):.1f} cores busy"
    if known("switches_per_second") > SWITCHES_PER_SECOND:
        yield f"the runner was pushed off its core {known('switches_per_second'):.0f} times a second"
    if known("paused_share") > PAUSED_SHARE:
        yield f"inferences were held up for {known('paused_share'):.0%} of the measured time"


def _against_business(meta: ProfileMeta) -> str | None:
    """What can still be done: who is pinned need not be told to pin."""
    if (meta.conditions.get("throttled_share") or 0.0) > THROTTLED_SHARE:
        return "lift the limit (cpu.max or cpu.cfs_quota_us of the cgroup, --cpus of a container)"
    if (meta.conditions.get("stolen_share") or 0.0) > STOLEN_SHARE:
        return "measure when the neighbours of this virtual machine are quiet, or on a machine of your own"
    if meta.options.cpus is not None:
        cores = ", ".join(map(str, meta.options.cpus))
        return f"stop other work there, or choose another core than {cores} with --core N"
    return None


def cores_findings(meta: ProfileMeta) -> Iterator[Finding]:
    """Inferences that ended on a core that was not asked for."""
    left = meta.conditions.get("other_cores")
    if not left:
        return
    share = left["inferences"] / left["of"]
    where = ", ".join(map(str, left["cores"])) or "another"
    message = f"{left['inferences']} of {left['of']} inferences ended on core {where}, not where they should"
    if left["used"]:
        lone = finding("core-migrated", f"{message}; with nothing else to go by, they are used")
        yield replace(lone, severity="taint")
    else:
        yield finding("core-migrated", f"{message}; they are left out", grave=share > LEFT_CORE_SHARE)


def frequency_findings(meta: ProfileMeta) -> Iterator[Finding]:
    """A core that changed its speed, and the heat that made it."""
    frequency = meta.conditions.get("frequency") or {}
    sustained = meta.schedule.sustain_seconds is not None
    if not sustained:
        yield from _frequency_change(meta, frequency)
    reasons = list(_throttling(meta, frequency.get("end_to_start")))
    if reasons:
        grave = not sustained and any(serious for _, serious in reasons)
        remedy = "that is what an endurance run is to show: see its course" if sustained else None
        yield finding(
            "thermal-throttled", "; ".join(reason for reason, _ in reasons), grave=grave, remedy=remedy
        )
    yield from _below_maximum(meta, frequency.get("told_usual_khz"))


def _frequency_change(meta: ProfileMeta, frequency: Mapping[str, Any]) -> Iterator[Finding]:
    share = frequency.get("changed_share") or 0.0
    either = frequency.get("either_share") or share
    if either <= CHANGED_SHARE:
        return
    low, high = (f"{frequency[key] / 1e6:.2f}" for key in ("lowest_khz", "highest_khz"))
    clock = "as measured" if frequency["measured"] else "as the system tells it"
    what = "they are left out" if frequency["left_out"] else "all are used"
    if frequency["left_out"] and either > share:
        what = f"with those of another clock, {either:.0%}, they are left out"
    message = f"the core ran at {low} to {high} GHz, {clock}; {share:.0%} of the blocks differ from the usual, {what}"
    grave = not frequency["left_out"] and not meta.options.rate
    yield finding(
        "frequency-changed",
        message,
        grave=grave,
        remedy=_against_change(meta, measured=frequency["measured"]),
    )


def _against_change(meta: ProfileMeta, *, measured: bool) -> str | None:
    """What can still be done, by what the target is and what was done to it."""
    if meta.target.kind == "adb":
        done = ((_device(meta, "quiet")[0] or {}).get("done")) or ()
        if any(what.startswith("frequency ") for what in done):
            return "the phone did not keep the frequency: let it cool (--cool-to), or ask for a lower --frequency"
        return "with root: --frequency KHZ; without: let the phone cool (--cool-to) and pause between runs"
    if measured:
        return "the system hides the frequency, as virtual machines do: measure longer, or on a machine of your own"
    return None


def _below_maximum(meta: ProfileMeta, usual: int | None) -> Iterator[Finding]:
    """By the system's own frequency: one that is measured need not be the clock, in an emulator it is not."""
    asked = set(meta.options.cpus or ())
    highest = {cpu.max_khz for cpu in meta.target.cpus if cpu.index in asked}
    most = highest.pop() if len(highest) == 1 else None
    if usual and most and usual < (1 - BELOW_MAXIMUM) * most:
        message = f"the core usually ran at {usual / 1e6:.2f} GHz, its maximum is {most / 1e6:.2f} GHz"
        yield finding("below-maximum", message)


def _throttling(meta: ProfileMeta, trend: float | None) -> Iterator[tuple[str, bool]]:
    """What speaks for throttling, and whether that is serious."""
    start, end = _device(meta, "thermal_status")
    worst = max(start or 0, end or 0)
    if worst > 0:
        yield _status_message(start, end), worst >= GRAVE_STATUS
    heat = meta.conditions.get("temperature")
    if heat and trend and trend < SLOWED and heat["end_celsius"] - heat["start_celsius"] >= WARMED_CELSIUS:
        message = (
            f"the core slowed down to {trend:.0%} of its frequency while it warmed from "
            f"{heat['start_celsius']:.0f} to {heat['end_celsius']:.0f} °C"
        )
        yield message, True


def _status_message(start: int | None, end: int | None) -> str:
    """In words, of statuses of which one is above 0."""
    names = THERMAL_STATUS
    first, last = (None if s is None else names[s] if s < len(names) else str(s) for s in (start, end))
    if start is None:
        return f"the device was throttling ({last}) at the end"
    if start == 0:
        return f"the device's thermal status rose from {first} to {last}"
    already = f"the device was already throttling ({first}) at the start"
    if end is None:
        return already
    return f"{already} and until the end" if end == start else f"{already}, at the end the status was {last}"


def power_findings(meta: ProfileMeta) -> Iterator[Finding]:
    """Where the power came from, if not from one place."""
    before, after = ((battery or {}).get("plugged") for battery in _device(meta, "battery"))
    unplugged = after == "none"
    if before is not None and after is not None and before != after:
        if unplugged:
            yield finding("unplugged-in-run", f"power by {before} went away in the run")
        else:
            was = "from the battery" if before == "none" else f"by {before}"
            yield finding("power-changed", f"power was {was} at the start and by {after} at the end")
    elif unplugged:
        yield finding("on-battery", "the device ran on its battery")


def phone_findings(meta: ProfileMeta) -> Iterator[Finding]:
    """What a phone is, and what it did not let us do."""
    if meta.target.details.get("android_emulator"):
        yield finding("device-is-emulator", "an Android emulator's times are not a phone's")
    unknown = meta.target.details.get("cpus_of_unknown_kind")
    if unknown and not (meta.options.core or "big")[0].isdigit():
        message = (
            f"CPU {unknown} is offline and of unknown kind: {meta.options.core or 'big'} is among the others"
        )
        yield finding("kind-of-cores-unknown", message)
    start, end = _device(meta, "quiet")
    refused = (end or start or {}).get("refused")
    if refused:
        yield finding("quiet-incomplete", f"could not be done: {'; '.join(refused)}")


def _device(meta: ProfileMeta, key: str) -> tuple[Any, Any]:
    """What was known of the device at the start and at the end."""
    device = meta.conditions.get("device") or {}
    start, end = ((device.get(when) or {}).get(key) for when in ("start", "end"))
    return start, end

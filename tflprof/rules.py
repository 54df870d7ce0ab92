"""The kinds of findings there are about a profile, with the advice that goes with each."""

from __future__ import annotations

from dataclasses import dataclass

from tflprof.profile.meta import Finding


@dataclass(frozen=True)
class Rule:
    """One kind of finding, with the advice that goes with it."""

    code: str
    severity: str
    remedy: str


_RULES = (
    Rule("too-few-samples", "doubt", "give more time with --max-seconds"),
    Rule(
        "interval-not-reached",
        "note",
        "give more time with --max-seconds, a quieter machine, or a wider --precision",
    ),
    Rule(
        "interval-unknown", "doubt", "give more time with --max-seconds: an interval needs several processes"
    ),
    Rule(
        "not-repeatable", "doubt", "use one thread, and fixed inputs with --input if the work depends on data"
    ),
    Rule("overhead-high", "note", "the total is not affected; read the shares of short layers with care"),
    Rule(
        "stock-overhead",
        "note",
        "the total is not affected; the native runner (target host or adb) profiles at less cost",
    ),
    Rule("partial-run", "doubt", "run it again to the end"),
    Rule("unattributed-high", "note", "look at the unattributed row before optimising small layers"),
    Rule("events-unread", "doubt", "report it with the profile file: the runtime did something unknown"),
    Rule("host-busy", "doubt", "stop other work there, or pin to a quieter core with --core N"),
    Rule(
        "drift",
        "doubt",
        "let the device settle (heat, clocks, other work), then measure again; a longer run (--max-seconds) averages "
        "over it, `tflprof compare` of two models in one process is not misled by it",
    ),
    Rule(
        "bimodal",
        "note",
        "measure more processes with --max-seconds: what is shown lies between the levels, by how often each was met",
    ),
    Rule(
        "runtime-debug",
        "note",
        "measure the library that is shipped, built with optimisation and without instrumentation (--runtime PATH)",
    ),
    Rule(
        "runtime-mismatched",
        "note",
        "use the library that tflprof was tried with (docs/runtimes.md), or check a few layers by another way",
    ),
    Rule(
        "pin-failed",
        "taint",
        "choose another core with --core, or lift the limit on this process (cgroup, taskset)",
    ),
    Rule(
        "not-steady",
        "doubt",
        "the speed was still changing at the end: give more time, or let the device cool",
    ),
    Rule(
        "timer-coarse",
        "note",
        "layers of a few clock steps are uncertain; use the native runner (target host)",
    ),
    Rule(
        "layers-untold",
        "doubt",
        "use a LiteRT library, or one of TensorFlow Lite with a telemetry profiler (2.12 or later)",
    ),
    Rule("reconnected", "note", "use another cable or a nearer network; what was measured stays valid"),
    Rule(
        "experimental-runtime",
        "note",
        "for the library that apps use: tflprof runtimes fetch android, then measure again",
    ),
    Rule(
        "core-migrated",
        "note",
        "look for core control, hotplug or cpusets that move programs; choose another core with --core",
    ),
    Rule("frequency-changed", "note", "fix the frequency where root allows it, let the device cool"),
    Rule("thermal-throttled", "note", "let the device cool before it is measured, or see it with --sustain"),
    Rule(
        "below-maximum",
        "note",
        "let the device cool, or allow its full speed (power saving, governor), if that is what you want to know",
    ),
    Rule("deadline-missed", "note", "the model is too slow for this --rate on this core"),
    Rule(
        "pmu-unavailable",
        "note",
        "allow it: `adb shell setprop security.perf_harden 0` on a phone, elsewhere "
        "`sysctl kernel.perf_event_paranoid=2` as root; virtual machines often have no counters",
    ),
    Rule("on-battery", "note", "some devices are slower on battery: plug it in, if that is how it is used"),
    Rule("power-changed", "doubt", "leave the device plugged in, or out, for the whole measurement"),
    Rule("unplugged-in-run", "doubt", "leave the device plugged in, or out, for the whole measurement"),
    Rule(
        "quiet-incomplete",
        "note",
        "root the phone, leave out what it refuses, or keep a watch on the findings",
    ),
    Rule(
        "device-is-emulator",
        "doubt",
        "measure on a phone; for counts without one use --target emulated:PHONE",
    ),
    Rule(
        "kind-of-cores-unknown", "doubt", "wake the cores with some work, or choose by number with --core N"
    ),
    Rule("not-pinned", "note", "use target host with --core big for a number to rely upon"),
    Rule(
        "averages-only",
        "note",
        "for intervals, steady state and an unprofiled total, measure with `tflprof profile`",
    ),
    Rule(
        "merged-partitions",
        "doubt",
        "measure with `tflprof profile`, which keeps a delegate's partitions apart",
    ),
    Rule("lines-unread", "doubt", "read the lines named in the log; import a complete log"),
    Rule(
        "unanchored",
        "note",
        "with one time measured on this kind of phone: tflprof calibrate PHONE --measured MODEL=TIME",
    ),
    Rule("extrapolated", "note", "compare models by their ratios, or measure on the phone"),
    Rule("anchors-unused", "note", "calibrate again: tflprof calibrate PHONE --measured MODEL=TIME"),
)

REGISTRY: dict[str, Rule] = {rule.code: rule for rule in _RULES}
"""All findings there are, by code."""


def finding(code: str, message: str, *, grave: bool = False, remedy: str | None = None) -> Finding:
    """A finding of a registered kind; a ``grave`` note is a doubt. Raises KeyError for an unknown code.

    ``remedy``: advice that suits this measurement better than the usual one.
    """
    rule = REGISTRY[code]
    severity = "doubt" if grave and rule.severity == "note" else rule.severity
    return Finding(rule.code, severity, message, remedy or rule.remedy)

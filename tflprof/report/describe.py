"""A run in words: what was run where, with which options, and what came beside the total."""

from __future__ import annotations

from tflprof import units
from tflprof.profile.meta import Options, Prediction, ProfileMeta
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_statistics
from tflprof.profile.summary import Estimate
from tflprof.report.text import plain
from tflprof.report.view import View
from tflprof.report.work import Work


def describe_counts(view: View) -> str:
    """Size of the model: layers, weights, multiply-accumulates, bytes."""
    model = view.profile.meta.model
    count = len(model.layers)
    parts = [f"{count} layer" + ("" if count == 1 else "s")]
    if view.parameters is not None:
        parts.append(f"{units.format_count(view.parameters)} parameters")
    if view.work.macs is not None or (view.work.unknown and model.fingerprint is not None):
        parts.append(describe_work(view.work))
    if model.size_bytes is not None:
        parts.append(units.format_bytes(model.size_bytes))
    return " · ".join(parts)


def describe_work(work: Work) -> str:
    """Multiply-accumulates of one inference: ``569 M MACs``, ``569 M MACs + 2 layers unknown``."""
    text = f"{units.format_count(work.macs)} MACs"
    return (
        f"{text} + {work.unknown} layer{'' if work.unknown == 1 else 's'} unknown" if work.unknown else text
    )


def at_least(macs: int | None, unknown: int) -> str:
    """The same for a cell: ``569 M``, ``≥ 569 M`` if some are unknown, an en dash if nothing is known."""
    if unknown and not macs:
        return units.UNKNOWN
    return f"≥ {units.format_count(macs)}" if unknown else units.format_count(macs)


def describe_target(meta: ProfileMeta) -> str:
    """The target as the user names it, with the chip if known: ``emulated:pixel2, MSM8998``."""
    target = meta.target
    text = target.kind if target.kind in ("host", "interpreter") else f"{target.kind}:{target.name}"
    detail = target.name if target.kind == "host" else target.soc
    return plain(f"{text}, {detail}" if detail else text)


def describe_run(meta: ProfileMeta) -> str:
    """Target, core, runtime, kernels and threads in one line."""
    options = meta.options
    name, version = meta.runtime.get("name"), meta.runtime.get("version")
    parts = [
        describe_target(meta),
        None if options.core is None else f"core {options.core}",
        None if options.rate is None else f"{options.rate:g} Hz",
        " ".join(part for part in (name, version) if part) or None,
        None if options.kernels is None else f"{options.kernels} kernels",
        None if options.threads is None else describe_threads(options),
    ]
    return " · ".join(plain(part) for part in parts if part)


def describe_threads(options: Options) -> str:
    """``1 thread``."""
    return f"{options.threads} thread" + ("" if options.threads == 1 else "s")


def describe_spread(profile: Profile) -> str:
    """How far off the total may be, relative; of averages alone it cannot be told."""
    if profile.meta.kind == "aggregate":
        return "averages only"
    total = profile.summary.total
    text = units.format_spread(total.typical, total.lo, total.hi)
    return "interval unknown" if text == units.UNKNOWN else text


def describe_total(profile: Profile) -> str:
    """The total's interval, median and number of inferences."""
    meta, total = profile.meta, profile.summary.total
    if meta.kind == "aggregate":
        return _describe_averages(profile)
    if meta.prediction is not None:
        return _describe_counted(profile)
    parts = [f"median {units.format_value(total.median, meta.unit)}", f"{total.n} inferences"]
    if meta.deterministic and total.lo == total.hi:
        parts.append("counts repeat exactly")
    elif not meta.deterministic and (interval := units.format_interval(total.lo, total.hi, meta.unit)):
        parts.insert(0, f"95 % interval {interval}")
    if meta.schedule.processes > 1:
        parts.append(f"{meta.schedule.processes} processes")
    return " · ".join(parts)


def _describe_counted(profile: Profile) -> str:
    """The interval of a predicted total, and the instructions it was predicted from."""
    total, counts = profile.summary.total, profile.summary.instructions
    interval = units.format_interval(total.lo, total.hi, profile.meta.unit)
    parts = [f"95 % interval {interval}"] if interval else []
    if counts is not None and counts.total.typical is not None:
        parts.append(f"{units.format_value(counts.total.typical, 'instructions')} instructions")
        if counts.total.lo == counts.total.hi:
            parts[-1] += ", exact"
    parts.append(f"{total.n} inference" + ("" if total.n == 1 else "s"))
    return " · ".join(parts)


def describe_prediction(meta: ProfileMeta) -> str | None:
    """For which core and clock times were predicted, how, and what they rest on; None where they were measured."""
    prediction = meta.prediction
    if prediction is None:
        return None
    parts = [
        # Names of cores are those of their files: cortex-a73.
        f"predicted for {meta.target.name}, {prediction.core.title()} at {prediction.hertz / 1e9:.2f} GHz",
        _MODES.get(prediction.mode, prediction.mode),
        *([] if prediction.threads == 1 else [f"{prediction.threads} threads"]),
        _rests_on(prediction),
    ]
    return plain(", ".join(parts))


_MODES = {"caches": "with caches", "cycles": "without caches"}


def _rests_on(prediction: Prediction) -> str:
    count = len(prediction.anchors)
    if not count:
        return "unanchored"
    times = "1 measured time" if count == 1 else f"{count} measured times"
    return f"anchored to {times} (× {units.digits(prediction.scale)})"


def _describe_averages(profile: Profile) -> str:
    """Who averaged what, and the spread of the inferences as far as it was told."""
    meta, total = profile.meta, profile.summary.total
    tool = plain(meta.runner_build or "another tool")
    count = f"{total.n} inferences" if total.n else "an unknown number of inferences"
    parts = [f"mean of {count} by {tool}"]
    if total.median is not None:
        parts.append(f"median {units.format_value(total.median, meta.unit)}")
    for name, kind in (("min", "min"), ("max", "max"), ("sd", "std")):
        value = select_statistics(profile.table, kind, "steady").get(None)
        if value is not None:
            parts.append(f"{name} {units.format_value(value, meta.unit)}")
    return " · ".join(parts)


def describe_side_costs(view: View) -> list[str]:
    """Profiling overhead, creation, first inference and memory, as far as they are known, one or two lines."""
    summary, unit = view.profile.summary, view.profile.meta.unit
    parts = []
    if summary.overhead is not None:
        share = units.format_share(summary.overhead_share)
        parts.append(
            f"profiling adds {units.format_value(summary.overhead, unit)} ({share}), on top of the total"
        )
    if view.rate is not None:
        parts.append(f"{units.digits(view.rate)} {units.rate_name(unit)}")
    second = [
        f"{name} {units.format_value(estimate.typical, unit)}"
        for name, estimate in side_estimates(view)
        if estimate.typical is not None
    ]
    if summary.peak_memory_bytes is not None:
        second.append(f"peak memory {units.format_bytes(summary.peak_memory_bytes)}")
    return [" · ".join(line) for line in (parts, second) if line]


def side_estimates(view: View) -> list[tuple[str, Estimate]]:
    """What happens once per process, by name."""
    summary = view.profile.summary
    return [
        ("model creation", summary.init),
        ("creation with a warm weight cache", summary.init_warm),
        ("first inference", summary.first),
    ]


def describe_state(meta: ProfileMeta) -> str:
    """The verdict, and how far the measurement came: ``ok: nothing found against it``."""
    verdict = plain(meta.verdict)
    count = len(meta.findings)
    if not count:
        text = f"{verdict}: nothing found against it" if verdict == "ok" else verdict
    else:
        text = f"{verdict}: {count} finding" + ("" if count == 1 else "s")
    return text if meta.schedule.complete else f"{text}, cut short"

"""The conditions of a run as labelled text: all that was chosen, found and noticed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tflprof import units
from tflprof.facts import DeviceFacts
from tflprof.profile.meta import ClockInfo, Options, PortInfo, ProfileMeta
from tflprof.report.describe import describe_target
from tflprof.report.text import plain

Section = tuple[str, list[tuple[str, str]]]


def describe_conditions(meta: ProfileMeta) -> list[Section]:
    """Sections of (label, text), in the order a reader checks them; unknown values are an en dash."""
    sections = [
        ("Model", _model(meta)),
        ("Target", _target(meta)),
        ("Runtime", _runtime(meta)),
        ("Options", _options(meta.options)),
        ("Measurement", _measurement(meta)),
        ("Prediction", _prediction(meta)),
        ("Noticed", [(key.replace("_", " "), value_text(value)) for key, value in meta.conditions.items()]),
    ]
    return [
        (title, [(plain(label), plain(text)) for label, text in pairs]) for title, pairs in sections if pairs
    ]


def _model(meta: ProfileMeta) -> list[tuple[str, str]]:
    model = meta.model
    return [
        ("file", model.path),
        ("size", units.format_bytes(model.size_bytes)),
        ("SHA-256", value_text(model.sha256)),
        ("structure", value_text(model.fingerprint)),
        ("signature", value_text(model.signature)),
        *((f"input {port.name}", _port(port)) for port in model.inputs),
        *((f"output {port.name}", _port(port)) for port in model.outputs),
    ]


def _port(port: PortInfo) -> str:
    shape = "×".join(map(str, port.shape)) or "scalar"
    return f"{port.dtype} {shape}" + (f", {port.source}" if port.source else "")


def _target(meta: ProfileMeta) -> list[tuple[str, str]]:
    facts = meta.target
    return [
        ("target", describe_target(meta)),
        ("system", f"{facts.os}, {facts.abi}"),
        ("chip", value_text(facts.soc)),
        ("cores", _cores(facts)),
        ("memory", units.format_bytes(facts.memory_bytes)),
        *((key.replace("_", " "), value_text(value)) for key, value in facts.details.items()),
    ]


def _cores(facts: DeviceFacts) -> str:
    kinds = Counter((cpu.part, cpu.max_khz) for cpu in facts.cpus)
    return ", ".join(_core(count, part, khz) for (part, khz), count in kinds.items()) or units.UNKNOWN


def _core(count: int, part: str | None, khz: int | None) -> str:
    text = f"{count} × {part or 'unknown core'}"
    return text if khz is None else f"{text} at {units.digits(khz / 1e6)} GHz"


def _runtime(meta: ProfileMeta) -> list[tuple[str, str]]:
    known = [(key, value_text(value)) for key, value in meta.runtime.items()]
    return [*known, ("runner build", meta.runner_build), ("source", meta.source)]


def _options(options: Options) -> list[tuple[str, str]]:
    return [
        ("kernels", value_text(options.kernels)),
        ("threads", value_text(options.threads)),
        ("core", value_text(options.core)),
        ("CPUs", value_text(options.cpus)),
        ("XNNPACK flags", value_text(options.xnnpack_flags)),
        ("weight cache", value_text(options.weight_cache)),
        ("seed", str(options.seed)),
        ("rate", "back to back" if options.rate is None else f"{options.rate:g} Hz"),
        *((f"shape of {name}", value_text(shape)) for name, shape in options.shapes.items()),
        *((f"data of {name}", text) for name, text in options.inputs.items()),
    ]


def _measurement(meta: ProfileMeta) -> list[tuple[str, str]]:
    return [
        ("taken", meta.created),
        ("tflprof", meta.tool_version),
        (
            "numbers",
            f"{meta.provenance} {meta.unit}" + (", averages only" if meta.kind == "aggregate" else ""),
        ),
        *([] if meta.kind == "aggregate" else _schedule(meta)),
        ("clock", _clock(meta.clock, meta.unit if meta.prediction is None else "instructions")),
        ("noise floor", units.format_share(meta.noise_floor.total)),
    ]


def _prediction(meta: ProfileMeta) -> list[tuple[str, str]]:
    """How times were predicted; nothing where they were not."""
    prediction = meta.prediction
    if prediction is None:
        return []
    return [
        ("core", prediction.core),
        ("clock", f"{units.digits(prediction.hertz / 1e9)} GHz"),
        ("cost model", prediction.mode),
        ("costs SHA-256", prediction.costs_sha256),
        ("threads", f"{prediction.threads}, counts are of one" if prediction.threads > 1 else "1"),
        ("scaled by", f"{prediction.scale:g}"),
        ("anchors", value_text(prediction.anchors)),
        ("total within", _factor(prediction.error)),
        ("layers within", _factor(prediction.layer_error)),
        ("ratios of totals within", _factor(prediction.ratio_error)),
    ]


def _factor(error: float | None) -> str:
    """An interval of a ratio as changes, ``−16.5 … +19.7 % (95 %)``."""
    if error is None:
        return units.UNKNOWN
    return f"{units.format_change_interval(math.exp(-error), math.exp(error))} (95 %)"


def _schedule(meta: ProfileMeta) -> Iterable[tuple[str, str]]:
    schedule = meta.schedule
    if meta.prediction is not None:
        agreed = {True: "yes", False: "no", None: "cannot be told"}[schedule.reached]
        yield "inferences agreed", agreed
        yield "complete", "yes" if schedule.complete else "no, cut short"
        return
    if meta.pairing is None:
        reached = {True: "reached", False: "not reached", None: "cannot be told"}[schedule.reached]
        yield "precision wanted", f"±{100 * schedule.precision:g} %, {reached}"
    yield "time budget", f"{schedule.max_seconds:g} s"
    yield "processes", str(schedule.processes)
    if meta.pairing is None:
        yield "looks at the interval", str(schedule.looks)
    else:
        looks = ", ".join(map(str, meta.pairing.looks))
        yield (
            "measured with",
            f"another model, side {meta.pairing.side.upper()}, compared after {looks} pairs",
        )
    yield "complete", "yes" if schedule.complete else "no, cut short"


def _clock(clock: ClockInfo, unit: str) -> str:
    return (
        f"step {units.format_value(clock.tick, unit)}, reading costs {units.format_value(clock.read, unit)}"
    )


def value_text(value: Any) -> str:
    """Any value of metadata as text: an en dash for None, words for truth values, lists with commas."""
    if value is None:
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return units.digits(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_text(item)}" for key, item in value.items()) or units.UNKNOWN
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value)) or units.UNKNOWN
    return str(value)

"""Running a model as a stored profile was measured, so that the two may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflprof.errors import UsageError
from tflprof.profile.meta import ProfileMeta
from tflprof.profile.mismatch import Mismatch
from tflprof.targets.spec import parse_target
from tflprof.workflow.run_options import RunOptions


def keywords_as_profiled(meta: ProfileMeta, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of :func:`tflprof.profile_model` that repeat a profile's measurement.

    Args:
        meta: of the profile.
        given: what the user chose, which goes before what the profile says.

    Raises:
        UsageError: the profile does not tell how to do the same again; says what to give.
    """
    if meta.source not in ("native", "inprocess"):
        raise UsageError(
            f"the profile of {meta.model.name} comes from {meta.source}: tflprof cannot measure the model likewise",
            "make a profile of the model by the same tool, and compare the two files",
        )
    options = meta.options
    told: dict[str, Any] = {
        "target": _target(meta),
        "core": options.core,
        "threads": options.threads,
        "kernels": options.kernels,
        "signature": options.signature,
        "inputs": options.inputs,
        "input_shapes": options.shapes,
        "seed": options.seed,
        "xnnpack_flags": options.xnnpack_flags,
        "weight_cache": options.weight_cache,
        **_cost(meta, given),
    }
    run = RunOptions(**{**told, **given})
    if "inputs" not in given:
        _check_inputs(meta)
    sustained = meta.schedule.sustain_seconds
    return {
        **run.keywords(),
        "precision": meta.schedule.precision,
        "rate": options.rate,
        "sustain": None if sustained is None else sustained / 60,
    }


def differing(meta: ProfileMeta, given: Mapping[str, Any], *, profile_first: bool) -> tuple[Mismatch, ...]:
    """Conditions of which it is clear before measuring that they would not be those of the profile.

    Args:
        meta: of the profile.
        given: what the user chose.
        profile_first: True if the profile is A.
    """
    found = [
        (key, getattr(meta.options, key), given[key])
        for key in ("threads", "kernels", "xnnpack_flags", "weight_cache")
        if key in given and given[key] != getattr(meta.options, key)
    ]
    wanted = _cost(meta, given).get("cost")
    if wanted is not None and given.get("cost") not in (None, wanted):
        found.append(("cost", wanted, given["cost"]))
    kind = parse_target(given["target"]).kind if "target" in given else meta.target.kind
    if kind != meta.target.kind:
        found.insert(0, ("target", f"{meta.target.kind}:{meta.target.name}", given["target"]))
    return tuple(
        Mismatch(key, *((has, is_to) if profile_first else (is_to, has))) for key, has, is_to in found
    )


def _target(meta: ProfileMeta) -> str:
    # Which phone it was is not in a profile: the only one, or that of ANDROID_SERIAL; another is refused afterwards.
    return f"emulated:{meta.target.name}" if meta.target.kind == "emulated" else meta.target.kind


def _cost(meta: ProfileMeta, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of an emulated core what it gave, and whether measured times went into that."""
    target = given.get("target")
    if meta.target.kind != "emulated" or (target is not None and parse_target(target).kind != "emulated"):
        return {}
    if meta.prediction is None:
        return {"cost": "instructions"}
    return {"cost": meta.prediction.mode, "anchors": "auto" if meta.prediction.anchors else "none"}


def _check_inputs(meta: ProfileMeta) -> None:
    for name, path in meta.options.inputs.items():
        if not Path(path).is_file():
            raise UsageError(
                f"the profile of {meta.model.name} was measured with --input {name}={path}, which is not there",
                f"give the file with --input {name}=FILE",
            )

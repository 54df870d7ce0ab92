"""Profiles by the official tools, run on a device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tflprof.errors import UsageError
from tflprof.measure.aggregate import Origin, assemble_log, told_options
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.runner.benchmark_model import ToolRequest, run_tool
from tflprof.runner.device import open_device
from tflprof.runner.open import Tell
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.interface import Device

SOURCE = "benchmark_model"
_MARGIN_SECONDS = 300.0
"""For pushing, loading and warming up, on top of the time the tool is given."""


def profile_with_tool(
    model: str | os.PathLike[str],
    *,
    binary: str | os.PathLike[str],
    target: str = "adb",
    core: str | None = None,
    threads: int = 1,
    kernels: str | None = None,
    flags: Sequence[str] = (),
    max_seconds: float = 60.0,
    setup: PhoneSetup | None = None,
    tell: Tell | None = None,
) -> Profile:
    """Profile a model with ``benchmark_model`` or ``benchmark_litert_model``: averages only.

    Args:
        model: path of a .tflite file.
        binary: the tool, built for the device.
        target: ``adb``, ``adb:SERIAL`` or ``host``.
        core: core to pin the tool to, as for :func:`tflprof.profile_model`.
        threads: of the inference library.
        kernels: ``xnnpack`` or ``builtin``; None: the tool's default, or the delegate its flags choose.
        flags: the tool's own flags, such as ``--use_gpu=true``.
        max_seconds: about how long the tool may take.
        setup: what is to be done to a phone before.
        tell: told what takes long.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    program = Path(binary)
    if not program.is_file():
        raise UsageError(f"the tool {program} does not exist or is no file", "name it with --binary PATH")
    graph = read_model(model)
    device = open_device(target, replace(setup or PhoneSetup(), core=core, threads=threads), tell)
    try:
        request = ToolRequest(
            model=Path(model),
            binary=program,
            kernels=kernels,
            threads=threads,
            cpus=device.cpus_for(core, threads),
            flags=tuple(flags),
            seconds=max_seconds,
            limit=4 * max_seconds + _MARGIN_SECONDS,
        )
        return _profile(device, graph, request, core)
    finally:
        device.close()


def _profile(device: Device, graph: Model, request: ToolRequest, core: str | None) -> Profile:
    before = device.conditions()
    output = run_tool(device, request)
    states = {"start": dict(before), "end": dict(device.conditions())}
    noticed = {
        "affinity_error": output.affinity_error,
        "tool_flags": list(output.command),
        "device": states if before else None,
    }
    run = output.report.runs[0]
    told = told_options(run)
    options = replace(
        told, threads=request.threads, core=core, cpus=request.cpus, kernels=request.kernels or told.kernels
    )
    origin = replace(
        _origin(device, request.binary, output.sha256),
        options=options,
        conditions={name: value for name, value in noticed.items() if value},
    )
    return assemble_log(output.report, run, graph, origin)


def _origin(device: Device, program: Path, sha256: str) -> Origin:
    return Origin(
        source=SOURCE,
        facts=device.facts,
        log=f"{program.name} on {device.facts.name}",
        runtime={"name": program.name, "platform": None, "sha256": sha256},
        build=f"{program.name} {sha256[:12]}",
    )

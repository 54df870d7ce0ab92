"""From a target string to a runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tflprof.errors import TargetError
from tflprof.runner.binary import counter_plugin, runner_binary
from tflprof.runner.inprocess import InProcessRunner
from tflprof.runner.interface import Runner
from tflprof.runner.native import NativeRunner
from tflprof.runtimes.library import find_runtime, host_platform
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.host import HostDevice
from tflprof.targets.interface import Device
from tflprof.targets.listing import local_trouble
from tflprof.targets.spec import parse_target

Tell = Callable[[str, float | None, str], object]
"""Told what takes long on a phone: a stage, how far it is (0-1, None if unknown), a detail."""


def open_runner(
    target: str,
    runtime: Path | None = None,
    setup: PhoneSetup | None = None,
    tell: Tell | None = None,
    cost: str = "caches",
) -> Runner:
    """The runner for a target.

    Args:
        target: such as ``host``, ``emulated:pixel2`` or ``adb`` (docs/phones.md).
        runtime: an inference library, or an archive with one, to use instead of the target's own.
        setup: what is to be done to a phone before it measures (``adb``).
        tell: told what takes long on a phone.
        cost: what an emulated core's work costs: ``caches`` (cycles of pipelines, caches and memory), ``cycles`` (of
            pipelines alone), or ``instructions`` (nothing but their number).

    Raises:
        TargetError: if the target is unknown or cannot be used now.
        RuntimeMissing: if there is no inference library for it, or the given one does not fit.
        EnvironmentFault: if the runner is not built.
    """
    spec = parse_target(target)
    if spec.kind == "emulated":
        return _native(EmulatedDevice(spec.detail or "", counter_plugin, cost), runtime)
    if spec.kind == "adb":
        # Not before it is needed: adb's own modules take their time to load.
        from tflprof.runner.phone import open_phone
        from tflprof.targets.adb.device import AdbDevice

        return open_phone(AdbDevice.open(spec.detail, setup or PhoneSetup(), tell), runtime)
    if spec.kind == "interpreter":
        return InProcessRunner(find_runtime(host_platform(), runtime, api="litert"))
    reason, remedy = local_trouble("host")
    if reason is not None:
        raise TargetError(reason, remedy)
    return _native(HostDevice(), runtime)


def _native(device: Device, runtime: Path | None) -> NativeRunner:
    try:
        return NativeRunner(device, find_runtime(device.platform, runtime), runner_binary(device.platform))
    except BaseException:
        device.close()
        raise

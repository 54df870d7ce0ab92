"""From a target string to the device alone, for what brings its own runtime."""

from __future__ import annotations

from tflprof.errors import UsageError
from tflprof.runner.open import Tell
from tflprof.targets.adb.setup import PhoneSetup
from tflprof.targets.host import HostDevice
from tflprof.targets.interface import Device
from tflprof.targets.spec import parse_target


def open_device(target: str, setup: PhoneSetup | None = None, tell: Tell | None = None) -> Device:
    """The device of a target that can run a program as it is: this machine or a phone.

    Raises:
        UsageError: the target runs no programs but our own.
        TargetError: it is unknown or cannot be used now.
    """
    spec = parse_target(target)
    if spec.kind == "adb":
        from tflprof.targets.adb.device import AdbDevice

        return AdbDevice.open(spec.detail, setup or PhoneSetup(), tell)
    if spec.kind == "host":
        return HostDevice()
    raise UsageError(
        f"the official tools do not run on target {target!r}",
        "choose --target adb, or host for a tool built for it",
    )

"""Which library, and which build of the runner, a phone or board is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import DeviceLost, RunnerError, RuntimeMissing, TargetError
from tflprof.runner.binary import Binary, runner_binary
from tflprof.runner.failures import with_advice
from tflprof.runner.native import NativeRunner
from tflprof.runner.records import Failure, Hello, Library
from tflprof.runner.stream import StreamRules, parse_stream
from tflprof.runtimes.fetch import cache_directory
from tflprof.runtimes.identify import why_unusable
from tflprof.runtimes.library import Runtime, find_runtime, missing_hint, runtime_platforms
from tflprof.runtimes.store import newest
from tflprof.targets.adb.bundle import BundleDevice
from tflprof.targets.adb.device import AdbDevice
from tflprof.targets.adb.facts import Inspection
from tflprof.targets.interface import Device

_ANDROID = {"arm64-v8a": "android-aarch64", "armeabi-v7a": "android-armv7", "x86_64": "android-x86_64"}
_LINUX = {"linux-armv7": "linux-armhf"}
_GLIBC = "linux-aarch64"
_TRIAL_SECONDS = 60.0
_RETRIES = 3


@dataclass(frozen=True)
class System:
    """What decides which programs run on a device.

    Attributes:
        android: whether it is Android.
        platforms: of programs that run on it as it is, the preferred one first.
        bundle: whether 64-bit ARM programs may run that bring their own glibc.
    """

    android: bool
    platforms: tuple[str, ...]
    bundle: bool

    @classmethod
    def of(cls, inspection: Inspection) -> System:
        """The system of a phone or board that was looked at."""
        abis = inspection.abis
        if abis:
            # What an x86 Android lists of ARM it translates, for apps only.
            own = "arm64-v8a" in abis and not any(abi.startswith("x86") for abi in abis)
            return cls(True, tuple(_ANDROID[abi] for abi in abis if abi in _ANDROID), own)
        platform = _LINUX.get(inspection.facts.abi, inspection.facts.abi)
        return cls(False, (platform,), platform == _GLIBC)


@dataclass(frozen=True)
class Choice:
    """How a device is used; ``mode`` is ``android``, ``linux`` or ``glibc-bundle``."""

    mode: str
    device: Device
    runtime: Runtime
    binary: Binary


def open_phone(device: AdbDevice, runtime: Path | None) -> NativeRunner:
    """The runner for a phone or board that is open; the device is closed if there is none.

    Raises:
        RuntimeMissing: there is no library for it, or the given one does not fit.
        TargetError: no program of ours runs on it.
        DeviceLost: its link breaks again and again.
    """
    try:
        choice = _choose_patiently(device, runtime)
        return NativeRunner(choice.device, choice.runtime, choice.binary, mode=choice.mode)
    except BaseException:
        device.close()
        raise


def _choose_patiently(device: AdbDevice, runtime: Path | None) -> Choice:
    """The choice, though the link breaks: what is tried on the device may be the first, large push to it."""
    for retries_left in reversed(range(_RETRIES + 1)):
        try:
            return choose(device, System.of(device.inspection), runtime)
        except DeviceLost as error:
            # After the last try, too: what it left half sent can be removed only from a phone that answers.
            device.recover()
            if not retries_left:
                raise DeviceLost(f"{error.what}, {_RETRIES + 1} times in a row", error.hint) from error
    raise AssertionError("the last try returns or raises")


def choose(device: AdbDevice, system: System, given: Path | None) -> Choice:
    """Library, runner and mode for a device; nothing is pushed before it is clear that they fit.

    Args:
        device: the phone or board.
        system: what runs on it.
        given: a library or an archive to use, None for the best there is.
    """
    there = None if given is None else runtime_platforms(given)
    for platform in system.platforms:
        if _has(platform, there, system):
            choice = _direct(device, system, platform, given)
            # A Linux board's own glibc may be too old, or of another kind.
            if system.android or not system.bundle or _works(choice) is None:
                return choice
    if there is not None and not (system.bundle and _GLIBC in there):
        raise _does_not_fit(device, system, given, there)
    if not system.bundle:
        raise _nothing_for(device, system, "")
    return _bundled(device, system, given)


def _has(platform: str, there: Sequence[str] | None, system: System) -> bool:
    """Whether there is a library for a platform: among those given or, without, of the user's or the catalogue."""
    if there is not None:
        return platform in there
    if not system.android:
        return True
    added = newest(platform)
    # One that cannot be used is refused by name, unless there is another way.
    return added is not None and (not system.bundle or why_unusable(added.api, platform) is None)


def _does_not_fit(
    device: AdbDevice, system: System, given: Path | None, there: Sequence[str]
) -> RuntimeMissing:
    wanted = " or ".join([*system.platforms, *([_GLIBC] if system.bundle and system.android else [])])
    return RuntimeMissing(
        f"the runtime {given} is built for {', '.join(there)}, "
        f"{device.facts.name} needs {wanted or device.facts.abi}",
        "name a library or an AAR of that platform, or leave --runtime out",
    )


def _direct(device: AdbDevice, system: System, platform: str, given: Path | None) -> Choice:
    device.platform = platform
    mode = "android" if system.android else "linux"
    return Choice(mode, device, find_runtime(platform, given), runner_binary(platform))


def _bundled(device: AdbDevice, system: System, given: Path | None) -> Choice:
    try:
        bundle = BundleDevice(device)
    except TargetError as error:
        raise _nothing_for(device, system, f": {error.what}") from error
    choice = Choice("glibc-bundle", bundle, find_runtime(_GLIBC, given), runner_binary(_GLIBC))
    trouble = _works(choice)
    if trouble is not None:
        why = f", and its glibc loader does not run there: {trouble}"
        raise _nothing_for(device, system, why, choice.runtime.advice)
    return choice


def _nothing_for(device: AdbDevice, system: System, why: str, advice: str | None = None) -> RuntimeMissing:
    wanted = " or ".join(system.platforms) or device.facts.abi
    hint = "give a libLiteRt.so for it with --runtime PATH"
    if system.android:
        hint = missing_hint(system.platforms[0] if system.platforms else "android-aarch64")
    return RuntimeMissing(
        f"no inference library for {device.facts.name} ({wanted}) was added{why}",
        with_advice(hint, advice),
    )


def _works(choice: Choice) -> str | None:
    """None if the runner starts on the device and loads the library, else why not. Raises DeviceLost.

    A device that was seen to work is not asked again: what counts are its name and details and the very files.
    """
    mark = _seen(choice)
    if mark.exists():
        return None
    workspace = choice.device.workspace()
    try:
        program = workspace.push(choice.binary.path, "tflprof-runner", executable=True)
        library = workspace.push(choice.runtime.path, choice.runtime.path.name)
        process = workspace.spawn([program, "--probe", library], _TRIAL_SECONDS)
        hello = loaded = False
        try:
            for record in parse_stream(process.lines(), StreamRules()):
                hello |= isinstance(record, Hello)
                loaded |= isinstance(record, Library)
                if isinstance(record, Failure) and not loaded:
                    return record.message
            if process.wait() is None:
                raise DeviceLost(f"the link to {choice.device.facts.name} broke while the library was tried")
        except RunnerError as error:
            return error.what
        finally:
            process.kill()
        if not loaded:
            said = " | ".join(process.stderr_tail().splitlines()[-3:])
            return said or ("the library did not load" if hello else "the program did not start")
    finally:
        workspace.close()
    _remember(mark)
    return None


def _seen(choice: Choice) -> Path:
    facts = choice.device.facts
    what = (
        facts.name,
        sorted(facts.details.items()),
        choice.mode,
        choice.binary.sha256,
        choice.runtime.sha256,
    )
    return cache_directory().parent / "probed" / hashlib.sha256(repr(what).encode()).hexdigest()


def _remember(mark: Path) -> None:
    """Keep that it works; a cache that cannot be written costs only time."""
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        return

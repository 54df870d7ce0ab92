"""Sessions of the native runner on a device."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tflprof.errors import DeviceLost, RunnerError
from tflprof.runner.binary import Binary
from tflprof.runner.failures import failure_error, with_advice
from tflprof.runner.interface import RunRequest
from tflprof.runner.options import check_request, few_inferences, render_options, request_options
from tflprof.runner.records import Failure, Hello, Library, LoadedModel, Record
from tflprof.runner.stream import StreamRules, parse_stream
from tflprof.runtimes.identify import NAMES
from tflprof.runtimes.library import Runtime
from tflprof.targets.cost_table import CoreCosts
from tflprof.targets.emulated import EmulatedDevice
from tflprof.targets.interface import Device, Process, Workspace

_STDERR_LINES = 5
_STDERR_COLUMNS = 160
_LEAST_SILENCE = 300.0
_WEIGHT_CACHE = "weight.cache"
_LOG = logging.getLogger(__name__)

# As the device counts; signal.SIGKILL is not on every host.
_SIGKILL = 9
_ENDING_HINTS = {
    -_SIGKILL: "unless somebody ended it, its memory ran out: close other apps, or use a smaller model",
    126: "a program of another machine's kind (ABI), or a folder where no program may run",
    127: "a program or its loader is missing on the device",
}

_ANY_ENDING = "try again; if it ends so again, try other kernels (--kernels builtin) or another --runtime"


class NativeRunner:
    """Runs sessions of the native runner on a device with one runtime.

    Args:
        device: where; it is closed with the runner.
        runtime: the inference library, built for the device's platform.
        binary: the runner, built for the device's platform.
        mode: how a phone or board runs it (``android``, ``linux``, ``glibc-bundle``), None elsewhere.
    """

    source = "native"

    def __init__(self, device: Device, runtime: Runtime, binary: Binary, *, mode: str | None = None) -> None:
        self.facts = device.facts
        self.provenance = device.provenance
        self.counters = device.counters
        self.deterministic = device.deterministic
        self.cost = device.cost if isinstance(device, EmulatedDevice) else None
        self.runtime: Mapping[str, str | None] = runtime.identity()
        self.build = binary.build
        self.mode = mode
        self._device = device
        self._library = runtime.path
        self._advice = runtime.advice
        self._binary = binary.path
        self._library_as_found = file_state(self._library)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs that a core choice stands for on the device."""
        return self._device.cpus_for(core, threads)

    def costs(self, cpus: tuple[int, ...] | None) -> CoreCosts | None:
        """Those of an emulated device."""
        if self.cost == "instructions" or not isinstance(self._device, EmulatedDevice):
            return None
        return self._device.core_costs(cpus)

    def start(self, request: RunRequest) -> NativeSession:
        """Push what the session needs and start the runner."""
        check_request(request)
        device_options = self._device.runner_options(self.cpus_for(request.core, request.threads))
        workspace = self._device.workspace()
        try:
            program = workspace.push(self._binary, "tflprof-runner", executable=True)
            files = dict(_push_files(workspace, request, self._library))
            few = few_inferences(request) if len(self.counters) > 1 else ()
            options = render_options(
                [*_file_options(files), *request_options(request), *few, *device_options]
            )
            silence = None if self.deterministic else _silence(request)
            process = workspace.spawn([program, workspace.write("options", options)], silence)
        except BaseException:
            workspace.close()
            raise
        local = {path: local for path, (_, _, local) in files.items()}
        return NativeSession(workspace, process, local, self.facts.name, self._advice)

    def conditions(self) -> Mapping[str, object]:
        """The device's, how it runs our programs, and whether the library is no longer the one that was found."""
        mode = {"runtime_mode": self.mode} if self.mode else {}
        changed = {} if file_state(self._library) == self._library_as_found else {"library_changed": True}
        return {**self._device.conditions(), **mode, **changed}

    def recover(self) -> None:
        """Wait for the device."""
        self._device.recover()

    def close(self) -> None:
        """Close the device."""
        self._device.close()


# By path on the device: the option's key, what stands before the path in its value, the local file.
_Files = Mapping[str, tuple[str, str, Path]]


def _push_files(
    workspace: Workspace, request: RunRequest, library: Path
) -> Iterator[tuple[str, tuple[str, str, Path]]]:
    """Push under names that do not depend on the local ones: their length would show in exact counts."""
    name = library.name if library.name in NAMES else NAMES[0]  # which tells the runner its interface
    yield workspace.push(library, name), ("library", "", library)
    for number, model in enumerate(request.models):
        yield workspace.push(model, f"model{number}.tflite"), ("model", "", model)
    for number, (name, path) in enumerate(request.inputs.items()):
        yield workspace.push(path, f"input{number}.bin"), ("input", f"{name}=", path)
    if request.weight_cache:
        workspace.path(_WEIGHT_CACHE)
        # Relative: an emulator finds only existing files by the path its programs know.
        yield f"./{_WEIGHT_CACHE}", ("weight_cache", "", Path(_WEIGHT_CACHE))


def _file_options(files: _Files) -> Iterator[tuple[str, str]]:
    yield "watch_stdin", "1"
    for path, (key, before, _) in files.items():
        yield key, before + path


def _silence(request: RunRequest) -> float:
    """Seconds without a record after which the runner must be stuck: a few times what a slow model may need."""
    # A block is told when it is over; in a periodic run one more inference may wait for its time.
    block = request.block_ms / 1000 + (2 / request.rate if request.rate else 0)
    return max(_LEAST_SILENCE, 2 * (request.seconds + request.warmup_ms / 1000 + block + 60))


class NativeSession:
    """One process of the native runner; paths of the device in its records are given back as local ones."""

    def __init__(
        self,
        workspace: Workspace,
        process: Process,
        local: Mapping[str, Path],
        device: str,
        advice: str | None = None,
    ) -> None:
        self._workspace = workspace
        self._process = process
        self._local = local
        self._device = device
        self._advice = advice
        self._rules = StreamRules()
        self._failure: Failure | None = None

    def records(self) -> Iterator[Record]:
        """Yield records as they arrive; may be called again to go on after an interruption."""
        for record in parse_stream(self._process.lines(), self._rules):
            if isinstance(record, Hello) and self._rules.noise:
                _LOG.info("before the runner spoke there was %s", _quoted(self._rules.noise))
            known = self._localised(record)
            if isinstance(known, Failure):
                self._failure = known
            yield known
        self._check_ending()

    def _localised(self, record: Record) -> Record:
        if isinstance(record, (LoadedModel, Library)):
            return replace(record, path=str(self._local.get(record.path, record.path)))
        if isinstance(record, Failure):
            message = record.message
            for path, local in self._local.items():
                message = message.replace(path, str(local))
            return replace(record, message=message)
        return record

    def _check_ending(self) -> None:
        """Raise RunnerError unless the session ended as it should."""
        end = self._rules.end
        if end is not None and end.status != "error":
            return
        status = self._process.wait()
        if self._failure is not None:
            words = self._last_words() if (status or 0) < 0 else ""
            raise failure_error(self._failure, words, self._advice)
        if status is None:
            raise DeviceLost(
                f"the link to {self._device} broke while the runner was at work",
                "check the cable or the network",
            )
        raise self._ending_error(status)

    def _ending_error(self, status: int) -> RunnerError:
        """The error of a process that ended without telling why."""
        return RunnerError(
            f"the runner {_cause(status)} before its end{self._last_words()}",
            with_advice(_ENDING_HINTS.get(status, _ANY_ENDING), self._advice),
        )

    def _last_words(self) -> str:
        said = self._process.stderr_tail().splitlines()
        lines = [line[:_STDERR_COLUMNS] for line in said if not line.startswith("INFO:")][-_STDERR_LINES:]
        if not lines and not self._rules.begun:
            lines = [line.decode("utf-8", "replace").strip() for line in self._rules.noise[-_STDERR_LINES:]]
        return "; its last words: " + " | ".join(lines) if lines else ""

    def stop(self) -> None:
        """Ask the runner to end after the inference under way."""
        self._process.terminate()

    def close(self) -> None:
        """End the runner and remove its workspace."""
        self._process.kill()
        self._workspace.close()


def file_state(file: Path) -> tuple[int, ...] | None:
    """What changes when a file does; None if it is not there."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _quoted(lines: Sequence[bytes]) -> str:
    return "; ".join(repr(line[:200].decode("utf-8", "replace").strip()) for line in lines[:5])


def _cause(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}"

"""Sessions in Python, through the installed library as any program would use it: 1 µs kernels, on any system."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tflprof.errors import RunnerError, TargetError
from tflprof.facts import DeviceFacts
from tflprof.runner.failures import with_advice
from tflprof.runner.inprocess_work import BUILD, Order
from tflprof.runner.interface import RunRequest
from tflprof.runner.native import NativeSession, file_state
from tflprof.runner.options import check_request
from tflprof.runner.records import LoadedModel, Record
from tflprof.runtimes.library import Runtime
from tflprof.targets.cores import choose_cpus
from tflprof.targets.host import allowed_cpus, host_facts, thermal_zones
from tflprof.targets.local import LocalWorkspace, make_private_directory
from tflprof.targets.process import LocalProcess

# The process ends at once: what the library does when one ends is nobody's business, all is said.
_PROGRAM = (
    "import json, os, sys; order = json.load(open(sys.argv[1], encoding='utf-8')); "
    "sys.path[:] = order['sys_path']; "
    "from tflprof.runner.inprocess_child import main; os._exit(main(order))"
)
_WINDOWS_EXCEPTION = 0xC0000000
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP")


class InProcessRunner:
    """Runs sessions, each in a Python process of its own.

    Args:
        runtime: the library, built for this machine.
    """

    provenance = "measured"
    source = "inprocess"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False
    cost: str | None = None
    build = BUILD

    def __init__(self, runtime: Runtime) -> None:
        self.facts: DeviceFacts = host_facts("interpreter")
        self.runtime: Mapping[str, str | None] = runtime.identity()
        self._library = runtime.path
        self._advice = runtime.advice
        self._library_as_found = file_state(self._library)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs of a core choice; None without one. Raises TargetError where no process can be kept on a core."""
        if core is None:
            return None
        if not hasattr(os, "sched_setaffinity"):
            raise TargetError(
                f"--core {core}: {self.facts.os.split()[0]} lets no program choose its core",
                "leave --core out (the profile will say so), or measure on Linux or on a phone",
            )
        return choose_cpus(self.facts.cpus, allowed_cpus(), core, threads)

    def costs(self, cpus: tuple[int, ...] | None) -> None:
        """This machine's are not modelled."""

    def start(self, request: RunRequest) -> InProcessSession:
        """Begin a session in a new process."""
        check_request(request)
        cpus = self.cpus_for(request.core, request.threads)
        folder = make_private_directory("tflprof-")
        workspace = LocalWorkspace(folder, "", ".", list)
        try:
            zones = tuple(map(str, thermal_zones()))
            order = Order(request, self._library, self.facts.abi, folder, cpus, zones)
            workspace.write("order", json.dumps(order_data(order)).encode())
            process = LocalProcess(
                [sys.executable, "-P", "-c", _PROGRAM, str(folder / "order")], Path(), _environment()
            )
        except BaseException:
            workspace.close()
            raise
        return InProcessSession(workspace, process, request, self._library, self._advice)

    def conditions(self) -> Mapping[str, object]:
        """Whether the library is no longer the one that was found."""
        return {} if file_state(self._library) == self._library_as_found else {"library_changed": True}

    def recover(self) -> None:
        """There is no link that could break."""

    def close(self) -> None:
        """Nothing is held."""


def order_data(order: Order) -> dict[str, Any]:
    """An order as JSON-ready values, with the places where this process finds its modules."""
    data = json.loads(json.dumps(asdict(order), default=os.fspath))
    return {**data, "sys_path": [str(Path(place).absolute()) for place in sys.path]}


def _environment() -> dict[str, str]:
    """This process's own; NumPy, which only fills inputs, needs no threads for that."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": ""}


class InProcessSession(NativeSession):
    """One process; what ends it against its will is the library's doing, or somebody else's."""

    def __init__(
        self,
        workspace: LocalWorkspace,
        process: LocalProcess,
        request: RunRequest,
        library: Path,
        advice: str | None,
    ) -> None:
        # By the names the process writes them with, in which what is no Unicode is replaced.
        paths = (*request.models, *request.inputs.values(), library)
        local = {str(path).encode("utf-8", "replace").decode("utf-8"): path for path in paths}
        super().__init__(workspace, process, local, "this machine", advice)
        self._models = request.models
        self._ready = 0

    def _localised(self, record: Record) -> Record:
        self._ready += isinstance(record, LoadedModel)
        return super()._localised(record)

    def _ending_error(self, status: int) -> RunnerError:
        name = crash_name(status)
        if name is None:
            return super()._ending_error(status)
        ran = self._ready == len(self._models)
        what = " or ".join(map(str, self._models)) if ran else str(self._models[self._ready])
        doing = "as it ran" if ran else "as it was made ready to run"
        return RunnerError(
            f"the inference library crashed ({name}) {doing} {what}{self._last_words()}",
            with_advice(
                "try other kernels (--kernels builtin), other inputs, or another library (--runtime PATH)",
                self._advice,
            ),
        )


def crash_name(status: int) -> str | None:
    """What a program's own fault that ended it is called; None for another end.

    Args:
        status: negative: a signal; from 0xC0000000 on: an exception of Windows.
    """
    if status >= _WINDOWS_EXCEPTION:
        return f"0x{status:08X}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return None
    return name if name in _CRASHES else None

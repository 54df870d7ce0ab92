"""Sessions in this very process, through the installed library: no isolation, 1 µs kernels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from tflprof.facts import DeviceFacts
from tflprof.runner.failures import failure_error
from tflprof.runner.inprocess_work import BUILD, Work
from tflprof.runner.interface import RunRequest
from tflprof.runner.litert_ctypes import LiteRtFailure
from tflprof.runner.options import check_request
from tflprof.runner.records import End, Failure, Record
from tflprof.runtimes.library import Runtime
from tflprof.targets.cores import choose_cpus
from tflprof.targets.host import host_facts


class InProcessRunner:
    """Runs sessions in this process.

    Args:
        runtime: the library, built for this machine.
    """

    provenance = "measured"
    source = "inprocess"
    counters: tuple[str, ...] = ("ns",)
    deterministic = False
    build = BUILD

    def __init__(self, runtime: Runtime) -> None:
        self.facts: DeviceFacts = host_facts("interpreter")
        self.runtime: Mapping[str, str | None] = runtime.identity()
        self._library = runtime.path
        self._advice = runtime.advice

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """CPUs of a core choice; None without one: the reading thread stays as it is."""
        if core is None:
            return None
        return choose_cpus(self.facts.cpus, os.sched_getaffinity(0), core, threads)

    def start(self, request: RunRequest) -> InProcessSession:
        """Begin a session; the work is done as its records are asked for."""
        check_request(request)
        cpus = self.cpus_for(request.core, request.threads)
        return InProcessSession(Work(request, self._library, self.facts.abi, cpus), self._advice)

    def conditions(self) -> Mapping[str, object]:
        """Nothing is known."""
        return {}

    def recover(self) -> None:
        """There is no link that could break."""

    def close(self) -> None:
        """Nothing is held."""


class InProcessSession:
    """One session; it works only while its records are being read."""

    def __init__(self, work: Work, advice: str | None = None) -> None:
        self._work = work
        self._advice = advice
        self._records = self._checked()

    def records(self) -> Iterator[Record]:
        """Yield records as the work goes on; may be called again to go on reading."""
        return self._records

    def _checked(self) -> Iterator[Record]:
        """The work's records and the End that counts them; a failure of the library becomes one of them."""
        count = 0
        failure: Failure | None = None
        try:
            for record in self._work.records():
                yield record
                count += 1
        except LiteRtFailure as error:
            told = self._work.messages() if error.status else ""
            message = f"{error.message}: {told}" if told else error.message
            failure = Failure(error.where, self._work.model, error.status, message)
        if failure is None:
            yield End("stopped" if self._work.stopped else "ok", count)
            return
        yield failure
        yield End("error", count + 1)
        raise failure_error(failure, advice=self._advice)

    def stop(self) -> None:
        """End after the inference under way."""
        self._work.stopped = True

    def close(self) -> None:
        """Destroy the models and give the thread its CPUs back."""
        self._work.close()

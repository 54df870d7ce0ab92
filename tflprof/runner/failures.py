"""From a failure the runner reports to an error with a hint."""

from __future__ import annotations

from tflprof.errors import RunnerError
from tflprof.runner.records import Failure

_HINTS = {
    "library": "the runtime is no library of LiteRT 2.3 or of TensorFlow Lite's C interface, or none for this "
    "device; leave --runtime out or name another",
    "load": "check that the file is a .tflite model that this runtime version can read",
    "signature": "choose one of the model's signatures",
    "input": "check the names, types and sizes of the inputs (`tflprof inspect MODEL`)",
    "shape": "give shapes that the model accepts",
    "compile": "the runtime cannot run this model; an operator may be unknown to it",
    "allocate": "the runtime cannot run this model; an operator may be unknown to it",
    "run": "the model fails when it runs; try other inputs or other kernels",
    "options": "check the names of inputs and shapes against the model's (`tflprof inspect MODEL`)",
}


def failure_error(failure: Failure, last_words: str = "") -> RunnerError:
    """The error for a failure; ``last_words`` is what a dying runner wrote on standard error."""
    where = failure.where if failure.model is None else f"{failure.where}, model {failure.model}"
    status = "" if failure.status is None else f" (status {failure.status})"
    return RunnerError(
        f"the runner failed: {where}: {failure.message}{status}{last_words}", _HINTS.get(failure.where)
    )

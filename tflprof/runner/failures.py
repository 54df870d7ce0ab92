"""From a failure the runner reports to an error with a hint."""

from __future__ import annotations

import signal

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
    "events": "an emulated phone counts instructions alone without such limits: --cost instructions",
    "signal": "the inference library crashed: try other kernels (--kernels builtin), other inputs, or another library",
    "options": "check the names of inputs and shapes against the model's (`tflprof inspect MODEL`)",
}


# Here the library may be at fault.
_OF_THE_LIBRARY = ("library", "load", "compile", "allocate", "run", "signal")


def with_advice(hint: str | None, advice: str | None) -> str | None:
    """A hint followed by what there is to say of the library that was used."""
    return "; ".join(part for part in (hint, advice) if part) or None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def failure_error(failure: Failure, last_words: str = "", advice: str | None = None) -> RunnerError:
    """The error for a failure.

    Args:
        failure: as the runner reported it.
        last_words: what a dying runner wrote on standard error.
        advice: where a library that the user added came from and how to be rid of it.
    """
    where = failure.where if failure.model is None else f"{failure.where}, model {failure.model}"
    status = "" if failure.status is None else f" (status {failure.status})"
    if failure.where == "signal" and failure.status is not None:
        status = f" ({_signal_name(failure.status)})"
    hint = _HINTS.get(failure.where)
    if failure.where in _OF_THE_LIBRARY:
        hint = with_advice(hint, advice)
    error = RunnerError(f"the runner failed: {where}: {failure.message}{status}{last_words}", hint)
    error.stage = failure.where
    error.reason = failure.message
    return error

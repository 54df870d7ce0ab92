"""Which of the user's own shapes and files a runtime would not take: asked when it has failed."""

from __future__ import annotations

from tflprof.errors import RunnerError, UsageError
from tflprof.runner.interface import RunRequest


def refused_request(request: RunRequest, failure: RunnerError) -> UsageError | None:
    """The error that names the option at fault; None if none is.

    Args:
        request: what was to be run.
        failure: of the first attempt to run it.
    """
    reason = (failure.reason.splitlines() or [""])[0]
    if request.shapes and failure.stage in ("shape", "allocate"):
        shapes = (
            f"--input-shape {name}={','.join(map(str, shape))}" for name, shape in request.shapes.items()
        )
        return UsageError(
            f"the model does not take {' '.join(shapes)}: {reason}",
            "give shapes that it accepts; `tflprof inspect MODEL` shows its own",
        )
    if request.inputs and failure.stage == "input":
        return UsageError(
            f"--input: {reason}",
            "a file holds the raw little-endian values of one input; `tflprof inspect MODEL` shows types and shapes",
        )
    return None

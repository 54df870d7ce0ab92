"""The runner's options file, written from a request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tflprof.errors import ModelError, UsageError
from tflprof.runner.interface import RunRequest

_KERNELS = ("xnnpack", "builtin", "reference")
_VARIANTS = ("plain", "profiled")

_AGREE_PPM = 1000

LEAST_RATE, MOST_RATE = 0.01, 10_000.0
"""Inferences a second that a periodic run may ask for."""


def check_request(request: RunRequest) -> None:
    """Refuse what no session can do. Raises UsageError or ModelError naming the value."""
    _check_files(request)
    if not 1 <= len(request.models) <= 2:
        raise UsageError(f"a session takes one or two models, not {len(request.models)}")
    if request.kernels not in _KERNELS:
        raise UsageError(f"unknown kernels {request.kernels!r}", f"one of: {', '.join(_KERNELS)}")
    if not request.variants or not set(request.variants) <= set(_VARIANTS):
        raise UsageError(f"unknown variants {request.variants!r}", f"some of: {', '.join(_VARIANTS)}")
    if request.threads < 1:
        raise UsageError(f"{request.threads} threads: at least 1 is needed")
    if request.rate is not None and not LEAST_RATE <= request.rate <= MOST_RATE:
        raise UsageError(f"a rate of {request.rate:g} Hz: it must be from {LEAST_RATE:g} to {MOST_RATE:g}")
    _check_names(request)


def _check_files(request: RunRequest) -> None:
    for model in request.models:
        if not model.is_file():
            raise ModelError(f"there is no model file {model}")
    for name, path in request.inputs.items():
        _check_input(name, path)


def _check_input(name: str, path: Path) -> None:
    hint = "give a file of raw little-endian values: --input NAME=FILE"
    if not path.is_file():
        raise UsageError(f"there is no file {path} for input {name!r}", hint)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"--input {name}: cannot read {path}: {error.strerror}", hint) from error


def _check_names(request: RunRequest) -> None:
    for name in (*request.inputs, *request.shapes, request.signature or ""):
        if any(ord(char) < 32 for char in name):
            raise UsageError(f"the name {name!r} holds control characters, which no option can carry")
    for name, shape in request.shapes.items():
        if any(size < 1 for size in shape):
            raise UsageError(f"shape {list(shape)} of input {name!r}: every dimension must be 1 or more")


_NUMBERS = (
    *("seed", "warmup_ms", "warmup_min", "block_ms", "block_min", "block_max", "profiled_max", "discard"),
    *("profiled_every", "blocks", "max_inferences"),
)


def request_options(request: RunRequest) -> Iterable[tuple[str, str]]:
    """The keys that come from the request alone; those with files or of the device are not among them."""
    if request.signature is not None:
        yield "signature", request.signature
    yield "kernels", request.kernels
    yield "threads", str(request.threads)
    if request.xnnpack_flags is not None:
        yield "xnnpack_flags", str(request.xnnpack_flags)
    for name, shape in request.shapes.items():
        yield "shape", f"{name}={','.join(map(str, shape))}"
    yield "variants", ",".join(request.variants)
    for key in _NUMBERS:
        yield key, str(getattr(request, key))
    yield "fill", str(int(request.fill))
    yield from _measuring(request)
    yield "seconds", f"{request.seconds:.6f}".rstrip("0").rstrip(".")


def few_inferences(request: RunRequest) -> tuple[tuple[str, str], ...]:
    """Keys by which several counters are counted, which is slow: the second inference is enough if it agrees."""
    return ("agree_ppm", str(_AGREE_PPM)), ("plain_max", str(request.plain_max))


def _measuring(request: RunRequest) -> Iterable[tuple[str, str]]:
    if request.threads > 1:
        yield "workers", "1"
    if request.pmu:
        yield "pmu", "1"
    if request.rate is not None:
        yield "period_us", str(round(1e6 / request.rate))


def render_options(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The text of the options file. Raises UsageError if a value cannot be written in it."""
    lines = []
    for key, value in pairs:
        if "\n" in value or "\r" in value:
            raise UsageError(f"the value {value!r} of {key} holds a line break")
        lines.append(f"{key}={value}\n")
    return "".join(lines).encode()

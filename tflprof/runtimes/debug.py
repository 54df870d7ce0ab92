"""How an inference library was built, as far as its file tells: instrumented, with assertions, without optimisation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tflprof.errors import RuntimeMissing
from tflprof.runtimes.elf import contains, read_code, read_elf

TRIED = {"LiteRT": "2.3"}
"""Versions whose interface the declarations of the runner were made for and tried with, by the library's name."""

# By what they say of a library: names that it calls or brings along.
_INSTRUMENTS = {
    "an address sanitizer": (b"__asan_init", b"__hwasan_init"),
    "a thread sanitizer": (b"__tsan_init",),
    "a memory sanitizer": (b"__msan_init",),
    "a sanitizer of undefined behaviour": (
        b"__ubsan_handle_type_mismatch_v1",
        b"__ubsan_handle_type_mismatch_v1_abort",
        b"__ubsan_handle_add_overflow",
        b"__ubsan_handle_pointer_overflow",
        b"__ubsan_handle_pointer_overflow_abort",
    ),
    "a recorder of coverage": (b"__gcov_init", b"__llvm_profile_runtime", b"__sanitizer_cov_trace_pc_guard"),
    "a tracer of calls": (b"__cyg_profile_func_enter", b"mcount", b"__fentry__"),
}
_NEEDED = {
    "libasan.so": "an address sanitizer",
    "libclang_rt.asan": "an address sanitizer",
    "libtsan.so": "a thread sanitizer",
    "libubsan.so": "a sanitizer of undefined behaviour",
    "libclang_rt.ubsan": "a sanitizer of undefined behaviour",
    "libclang_rt.hwasan": "an address sanitizer",
}
_ASSERTIONS = (b"__assert_fail", b"__assert2")

X86_FRAME_SHARE = 0.30
"""Of the moves of x86-64 code, those to or from the frame: 0.34 to 0.73 without optimisation, at most 0.21 with."""
ARM_FRAME_SHARE = 0.15
"""Of the instructions of arm64 code: 0.31 without optimisation, at most 0.07 with."""

_X86_64, _AARCH64 = 62, 183
_LEAST_MOVES = 200


def how_built(path: Path) -> str | None:
    """What makes a library slower than the one that is shipped, in words; None if nothing does, or it cannot be told.

    Names of sanitizers and recorders are certain. A lack of optimisation shows in x86-64 and arm64 code only, and
    only if most of it lacks it; libraries that were stripped of their debugging information are no exception.
    """
    try:
        reasons = [f"is built with {', '.join(found)}"] if (found := list(_instruments(path))) else []
        share = frame_share(path)
        if share is not None and share[0] > share[1]:
            reasons.append(
                f"looks built without optimisation ({share[0]:.0%} of its moves are to or from the stack frame)"
            )
    except (OSError, ValueError, RuntimeMissing):
        return None
    return " and ".join(reasons) or None


def checks_assertions(path: Path) -> bool:
    """Whether some of a library calls what a failed assertion calls; of a few this may be so when it is shipped."""
    try:
        return any(contains(path, name) for name in _ASSERTIONS)
    except (OSError, ValueError):
        return False


def unfit(name: str, version: str | None) -> str | None:
    """Why a library may not be what the runner's declarations were made for, in words; None if it is."""
    tried = TRIED.get(name)
    if tried is None or (version is not None and version.split(".")[:2] == tried.split(".")):
        return None
    told = f"is {name} {version}" if version else f"is a {name} of unknown version"
    return f"{told}; the interface was tried with {tried} only"


def frame_share(path: Path) -> tuple[float, float] | None:
    """Share of a library's moves that are to or from the stack frame, and the share that tells it lacks optimisation.

    None for other processors, and for libraries with too little code. Raises OSError, RuntimeMissing.
    """
    machine, code = read_code(path)
    octets = np.frombuffer(code, dtype=np.uint8)
    if machine == _X86_64:
        return _shared(*_x86_moves(octets), X86_FRAME_SHARE)
    if machine == _AARCH64:
        return _shared(*_arm_moves(octets[: len(octets) // 4 * 4].view("<u4")), ARM_FRAME_SHARE)
    return None


def _shared(part: int, whole: int, most: float) -> tuple[float, float] | None:
    return (part / whole, most) if whole >= _LEAST_MOVES else None


def _x86_moves(octets: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """MOV between registers and memory (89, 8B), and those of them at rbp with a byte of offset."""
    moves = (octets[:-1] & 0xFD) == 0x89
    at_frame = (octets[1:] & 0xC7) == 0x45
    return int(np.sum(moves & at_frame)), int(np.sum(moves))


def _arm_moves(words: npt.NDArray[np.uint32]) -> tuple[int, int]:
    """Loads and stores at sp or x29 with an offset, and all instructions."""
    base = (words >> 5) & 31
    scaled = ((words & 0x3B000000) == 0x39000000) & ((base == 31) | (base == 29))
    unscaled = ((words & 0x3B200C00) == 0x38000000) & (base == 29)
    return int(np.sum(scaled | unscaled)), len(words)


def _instruments(path: Path) -> Iterator[str]:
    needed = read_elf(path).needed
    linked = {what for name, what in _NEEDED.items() if any(one.startswith(name) for one in needed)}
    for what, names in _INSTRUMENTS.items():
        if what in linked or any(contains(path, name) for name in names):
            yield what

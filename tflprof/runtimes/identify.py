"""Which inference library a file is: its interface, its platform, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflprof.errors import RuntimeMissing
from tflprof.runtimes.elf import PAGE_16K, contains, read_elf

NAMES = ("libLiteRt.so", "libtensorflowlite_c.so", "libtensorflowlite_jni.so")
"""File names of inference libraries, the preferred one first."""

_BY_API = {"litert": "LiteRT", "tflite": "TensorFlow Lite"}
# What platforms of 32 bits are called after the system.
_NARROW = ("armv7", "armhf", "x86")
# A function that every library with this interface exports.
_FUNCTIONS = {"litert": b"LiteRtCreateEnvironment", "tflite": b"TfLiteModelCreateFromFile"}


class AnotherLibrary(RuntimeMissing):
    """A sound library that is no inference library."""


@dataclass(frozen=True)
class Identity:
    """An inference library as its file tells.

    Attributes:
        name: ``LiteRT`` or ``TensorFlow Lite``.
        api: interface it exports: ``litert`` or ``tflite``.
        platform: such as ``android-aarch64``.
        note: what may keep it from loading on some devices, None if nothing is known.
    """

    name: str
    api: str
    platform: str
    note: str | None = None


def library_api(path: Path) -> str | None:
    """The interface a library exports, ``litert`` or ``tflite``; None if it is neither. Raises OSError."""
    # In the tables of macOS's libraries names begin with an underscore.
    found = (api for api, name in _FUNCTIONS.items() if contains(path, name) or contains(path, b"_" + name))
    return next(found, None)


def api_name(api: str | None) -> str:
    """The name of the libraries with an interface; unknown ones are taken for LiteRT."""
    return _BY_API.get(api or "", "LiteRT")


def why_unusable(api: str | None, platform: str) -> str | None:
    """Why no library with an interface can be run on a platform, whatever is in it; None if it may be."""
    if api == "litert" and platform.rpartition("-")[2] in _NARROW:
        return "the runner knows LiteRT's interface on 64-bit devices only; 32-bit ones need a libtensorflowlite_c.so"
    return None


def identify(path: Path) -> Identity:
    """Read what a file is. Raises AnotherLibrary if it is no inference library, RuntimeMissing if it is none at all."""
    facts = read_elf(path)
    api = library_api(path)
    if api is None:
        raise AnotherLibrary(
            f"{path.name} is a library for {facts.platform}, but exports neither LiteRT's nor TensorFlow Lite's C API",
            f"wanted is one of {', '.join(NAMES)}",
        )
    note = why_unusable(api, facts.platform)
    if facts.platform in ("android-aarch64", "android-x86_64") and facts.alignment < PAGE_16K:
        note = f"aligned to {facts.alignment} bytes: phones with 16 KiB pages will not load it"
    return Identity(api_name(api), api, facts.platform, note)

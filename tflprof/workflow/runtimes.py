"""Inference libraries of the user's own: list them, add them, fetch the Android one."""

from __future__ import annotations

from tflprof.runtimes.acquire import Acquired, add_runtime, android_url
from tflprof.runtimes.catalog import Entry, catalogue
from tflprof.runtimes.download import OnBytes
from tflprof.runtimes.pins import pin_file
from tflprof.runtimes.store import Stored, is_intact, remove, stored

__all__ = [
    "Acquired",
    "Entry",
    "OnBytes",
    "Stored",
    "add_runtime",
    "android_url",
    "catalogue",
    "is_intact",
    "pin_file",
    "remove",
    "stored",
]

"""Phones of published times that no profile of the package is like: made of another's, and known to benchmarks only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from unittest import mock

from tflprof.targets import emulated
from tflprof.targets.phone import Phone, load_phone, parse_phone

ALL_A55 = "all-a55"
_CLUSTER = "[[cluster]]"


def load(name: str) -> Phone:
    """A phone of the package, or one of benchmarks."""
    return _all_a55() if name == ALL_A55 else load_phone(name)


def _all_a55() -> Phone:
    """The little cores of a Redmi 9 alone, at 1.6 GHz: XNNPACK takes other kernels where no other core is."""
    text = resources.files("tflprof.targets").joinpath("phones", "redmi9.toml").read_text("utf-8")
    head, little, _ = text.split(_CLUSTER)
    for old, new in (("cpus = 6", "cpus = 8"), ("max_khz = 1800000", "max_khz = 1600000")):
        if little.count(old) != 1:
            raise ValueError(f"redmi9.toml: no {old!r} in the first cluster")
        little = little.replace(old, new)
    return parse_phone(ALL_A55, f"{head}{_CLUSTER}{little}".encode())


@contextmanager
def known() -> Iterator[None]:
    """Emulated devices know the phones of benchmarks."""
    with mock.patch.object(emulated, "load_phone", load):
        yield

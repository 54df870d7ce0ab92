"""The public API: every name is there, and importing the package loads nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tflprof


@pytest.mark.parametrize("name", tflprof.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(tflprof, name).__doc__
    assert name in dir(tflprof)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        _ = tflprof.nothing_like_this


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, tflprof; print(*[name for name in sys.modules if name.startswith('tflprof.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

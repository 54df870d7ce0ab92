"""These tests run where TensorFlow is installed: ``make test-tensorflow``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tf() -> Any:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed: make test-tensorflow")
    from tflprof.recover.extra import load_tensorflow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_tensorflow()


@pytest.fixture(autouse=True)
def _its_own_warnings() -> Iterator[None]:
    """What TensorFlow's converter warns of is none of our making."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""What every test shares: the same generated examples on every machine and in every run, and Ctrl-C that works."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.phone.product")

# A shell's background job starts with Ctrl-C ignored, and the programs under test rightly keep that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a user calibrated on this machine scales no prediction of a test.
os.environ["XDG_DATA_HOME"] = str(Path(tempfile.gettempdir()) / "tflprof-tests" / "no-data")

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", parent=settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

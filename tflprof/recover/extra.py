"""TensorFlow, which only this room needs."""

from __future__ import annotations

import importlib
import os
from typing import Any

from tflprof.errors import EnvironmentFault


def load_tensorflow() -> Any:
    """The module ``tensorflow``. Raises EnvironmentFault, naming the extra, where it is not installed."""
    # Its start-up messages are not for the user of this program.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return importlib.import_module("tensorflow")
    except ImportError as error:
        raise EnvironmentFault(
            f"recovering accuracy trains the network, which needs TensorFlow: {error}",
            "install the extra: pip install 'tflprof[tensorflow]'",
        ) from error

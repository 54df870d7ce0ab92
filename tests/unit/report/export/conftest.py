from __future__ import annotations

import pytest

from tests.log_samples import FOLDER
from tflprof.profile.profile import Profile
from tflprof.workflow.import_log import import_log


@pytest.fixture(scope="session")
def aggregate() -> Profile:
    """A profile of averages, of a log without its model."""
    return import_log(FOLDER / "tf2.17_text.log")

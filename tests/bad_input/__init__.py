"""What a user can get wrong, and what a machine can do to a run: each really done to the command, and how it ended."""

from __future__ import annotations

from tests.bad_input.case import Case
from tests.bad_input.disks import DISKS
from tests.bad_input.endings import ENDINGS
from tests.bad_input.files import FILES
from tests.bad_input.libraries import LIBRARIES
from tests.bad_input.models import MODELS
from tests.bad_input.options import OPTIONS

CASES: tuple[Case, ...] = (*MODELS, *OPTIONS, *FILES, *LIBRARIES, *ENDINGS, *DISKS)

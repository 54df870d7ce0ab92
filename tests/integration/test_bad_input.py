"""Bad input and accidents, really done to the command: the message, the exit status, what is kept and what is left.

The cases are in ``tests/bad_input``; what takes long, and other targets, are in ``benchmarks/bad_input.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input import CASES
from tests.bad_input.case import Case, NotHere, see

# Each on one of its targets, which take turns.
TURNS = [
    (case, case.targets[number % len(case.targets)])
    for number, case in enumerate(case for case in CASES if not case.heavy)
]


@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(
            case,
            target,
            id=f"{case.room}: {case.wrong} [{target}]",
            marks=[pytest.mark.emulated] if target.startswith("emulated") else [],
        )
        for case, target in TURNS
    ],
)
def test_it_ends_as_it_should(case: Case, target: str, tmp_path: Path) -> None:
    try:
        seen = see(case, target, tmp_path)
    except NotHere as reason:
        pytest.skip(str(reason))
    assert not seen.problems, f"{case.command(target)}: {seen.status}\n{seen.stderr}"

"""Bad input and accidents, as the user of the command sees them: message, exit status, what is kept, what is left.

Every row is really done to `python -m tflprof` in a new folder (`tests/bad_input`): files are cut, processes killed,
disks full. A row is ok if it ended with its status, said what it had to and what to try next, kept what there was to
keep and nothing else, left no temporary file and no process, and showed no traceback.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import common
from tests.bad_input import CASES
from tests.bad_input.case import Case, NotHere, see

HEAD = ("what is wrong", "target", "command", "exit", "first line of the message", "kept", "ok")
_LONGEST = 110


@dataclass(frozen=True)
class Row:
    """One case on one target."""

    room: str
    wrong: str
    target: str
    command: str
    status: int | None
    message: str
    kept: str
    problems: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Whether all was as it should be, and what was not."""
        if self.status is None:
            return f"not done: {'; '.join(self.problems)}"
        return f"**no**: {'; '.join(self.problems)}" if self.problems else "yes"


def observe(case: Case, target: str) -> Row:
    """Do it, once."""
    with tempfile.TemporaryDirectory(prefix="bad-input-") as folder:
        try:
            seen = see(case, target, Path(folder))
        except NotHere as reason:
            return Row(case.room, case.wrong, target, case.command(target), None, "", "", (str(reason),))
        except AssertionError as error:
            return Row(case.room, case.wrong, target, case.command(target), -1, "", "", (str(error),))
    return Row(
        case.room,
        case.wrong,
        target if "{target}" in case.words else "–",
        case.command(target),
        seen.status,
        seen.message,
        seen.kept,
        seen.problems,
    )


def render(rows: Sequence[Row]) -> str:
    """The rows as Markdown, a table for each heading."""
    done = [row for row in rows if row.status is not None]
    fine = sum(not row.problems for row in done)
    parts = [" ".join(part.split()) for part in (__doc__ or "").split("\n\n")[1:]]
    parts.append(f"**{fine} of {len(done)} ok**; {len(rows) - len(done)} could not be done on this machine.")
    for room in dict.fromkeys(row.room for row in rows):
        table = common.table(HEAD, (_cells(row) for row in rows if row.room == room))
        parts += [f"## {room}", table]
    return "\n\n".join(parts)


def _cells(row: Row) -> list[str]:
    status = "–" if row.status is None else str(row.status)
    words = (row.wrong, row.target, f"`{_short(row.command)}`", status, row.message, row.kept, row.verdict)
    return [" ".join(word.split()).replace("|", "\\|").replace("<", "&lt;") for word in words]


def _short(text: str) -> str:
    text = ascii(text)[1:-1] if not text.isprintable() else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def read_rows(path: Path) -> dict[tuple[str, str, str], Row]:
    """Rows of an earlier run that were ok, by description, target and command."""
    found = [
        Row(**{**row, "problems": tuple(row["problems"])}) for row in json.loads(path.read_text())["rows"]
    ]
    return {(row.wrong, row.target, row.command): row for row in found if not row.problems}


def main() -> int:
    """Do all rows and publish them; the status tells whether all are ok."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only cases whose heading or description has this")
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    parser.add_argument("--resume", action="store_true", help="keep the rows there are that are ok")
    wishes = parser.parse_args()
    # A shell's background job starts with Ctrl-C ignored, and so would the commands here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    known = read_rows(wishes.out / "bad_input.json") if wishes.resume else {}
    rows = []
    for case in CASES:
        if wishes.only not in f"{case.room}: {case.wrong}":
            continue
        for target in case.targets if "{target}" in case.words else case.targets[:1]:
            told = target if "{target}" in case.words else "–"
            rows.append(known.get((case.wrong, told, case.command(target))) or observe(case, target))
            row = rows[-1]
            print(
                f"{row.room}: {row.wrong} [{target}] → {row.status} {row.message} | {row.kept} | {row.verdict}"
            )
    data = {"rows": [asdict(row) for row in rows]}
    common.publish("bad_input", "Bad input at the command line", render(rows), data, wishes.out)
    return int(any(row.problems and row.status is not None for row in rows))


if __name__ == "__main__":
    sys.exit(main())

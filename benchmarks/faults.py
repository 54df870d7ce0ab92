"""The fault table: what tflprof does when a phone misbehaves, from the tests on the virtual phone.

Every row is a test that passes only if tflprof ended as it should, kept what it had collected, put the phone's
settings back, and left no program, no file but the store's, and no lock behind.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "reports" / "faults.md"
TESTS = sorted(ROOT.glob("tests/integration/test_phone_*_faults.py"))
HEADER = (
    "fault",
    "what was done",
    "exit",
    "what it said, or findings of the profile",
    "kept",
    "clean",
    "test",
)


def run_tests(results: Path, workers: int) -> int:
    """Run the tests, writing their results as XML; returns pytest's status."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile"]
    names = [str(test.relative_to(ROOT)) for test in TESTS]
    return subprocess.run([*command, f"--junitxml={results}", *names], cwd=ROOT, check=False).returncode


def read_rows(results: str) -> list[tuple[str, ...]]:
    """One row per test, in the order of the files; from the XML that pytest writes."""
    cases = list(ElementTree.fromstring(results).iter("testcase"))
    order = {test.stem: number for number, test in enumerate(TESTS)}
    cases.sort(key=lambda case: order.get(case.get("classname", "").rpartition(".")[2], len(order)))
    return [_row(case) for case in cases]


def _row(case: ElementTree.Element) -> tuple[str, ...]:
    told: Mapping[str, str] = {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
    passed = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
    values = [told.get(name, "?") for name in ("fault", "done", "status", "said", "kept")]
    values[0] = told.get("fault", case.get("name", "?"))
    # Where this checkout happens to be is nobody's business.
    values = [value.replace(f"{ROOT}/", "") or "–" for value in values]
    return (*values, "yes" if passed else "?", "green" if passed else "RED")


def render(rows: Sequence[Sequence[str]]) -> str:
    """The report as Markdown."""
    green = sum(row[-1] == "green" for row in rows)
    lines = [
        "# Faults of a phone, and what comes of them",
        "",
        " ".join((__doc__ or "").split("\n\n")[1].split()),
        "The phone is the virtual one (`tests/phone`) behind the real adb server; nothing here ran on hardware.",
        "Runs are cut to four short sessions and a few of tflprof's waits are shortened, else it is as users have it.",
        "Made by `python -m benchmarks.faults`.",
        "",
        f"**{green} of {len(rows)} green.**",
        "",
        _line(HEADER),
        _line(["---"] * len(HEADER)),
        *(_line(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    escaped = (" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def main() -> int:
    """Run the tests and write the table; the status is that of the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="test processes")
    parser.add_argument("--out", type=Path, default=REPORT)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.xml"
        status = run_tests(results, wishes.workers)
        rows = read_rows(results.read_text(encoding="utf-8"))
    wishes.out.write_text(render(rows), encoding="utf-8")
    print(f"{wishes.out}: {sum(row[-1] == 'green' for row in rows)} of {len(rows)} green")
    return status


if __name__ == "__main__":
    sys.exit(main())

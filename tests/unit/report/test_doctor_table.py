"""What the doctor found, as a reader sees it."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tflprof.report.doctor_table import doctor_document, print_doctor
from tflprof.workflow.checkup.check import Check

CHECKS = [
    Check("host", "ok", "a tiny model takes 868 ns", target="host", group="targets"),
    Check(
        "emulator",
        "missing",
        "qemu-aarch64 is not installed, " * 6,
        "sudo apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross and-more",
        group="emulated phones",
    ),
    Check("adb:adb-0123456789-abcdef._adb-tls-connect._tcp", "limited", "offline", group="phones"),
    Check("phones", "unused", "\x1b[31mnone\x1b[0m [bold]", group="phones"),
]


def printed(width: int, working: tuple[str, ...] = ("host",)) -> list[str]:
    text = io.StringIO()
    print_doctor(CHECKS, working, Console(file=text, width=width, highlight=False))
    return text.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_a_line_per_check_that_fits_and_commands_in_one_piece(width: int) -> None:
    lines = printed(width)
    (command,) = [line for line in lines if "→" in line]
    assert command.strip() == f"→ {CHECKS[1].remedy}"
    others = [line for line in lines if line != command]
    assert max(map(len, others)) <= width
    assert [line.split()[0] for line in others if line.startswith("  ") and not line.startswith("   ")] == [
        "ok",
        "missing",
        "limited",
        "not",
    ]
    assert "1 ok, 1 limited, 1 missing, 1 not used" in lines
    assert lines[-1] == "tflprof works here: --target host"


def test_what_was_found_is_data() -> None:
    text = "\n".join(printed(120))
    assert "\x1b" not in text
    assert "[bold]" in text


def test_that_nothing_works_is_said() -> None:
    assert "No target works here" in printed(120, ())[-1]


def test_the_document() -> None:
    document = json.loads(json.dumps(doctor_document(CHECKS, ["host"])))
    assert (document["works"], document["targets"]) == (True, ["host"])
    assert document["checks"][1]["status"] == "missing"
    assert document["checks"][0] == {
        "group": "targets",
        "name": "host",
        "status": "ok",
        "detail": "a tiny model takes 868 ns",
        "remedy": None,
        "target": "host",
    }
    assert doctor_document([], [])["works"] is False

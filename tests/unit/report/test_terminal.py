from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tests.factories import MIXED, Part, make_profile, mobilenet, part, static
from tflprof.profile.meta import Finding
from tflprof.profile.profile import Profile
from tflprof.report.terminal import print_profile

HOSTILE = [
    "<script>alert(1)</script>",
    "[red]x[/red]",
    "\x1b[31mred\x1b[0m",
    "{{7*7}}",
    "层" * 50,
    "x" * 4000,
]


def show(profile: Profile, width: int = 120, top: int | None = None, in_order: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    print_profile(profile, console, top=top, in_order=in_order)
    return stream.getvalue()


def test_measured_numbers_say_so() -> None:
    text = show(make_profile())
    assert "[measured on host]" in text
    assert "95 % interval" in text
    assert "GMAC/s" in text
    assert "Trust  ok" in text


def test_instructions_say_that_they_are_not_time() -> None:
    text = show(make_profile(unit="instructions"))
    assert "[emulated instructions: not time]" in text
    assert "counts repeat exactly" in text
    assert "MAC/instr." in text
    assert "GMAC/s" not in text
    assert " ms" not in text


def test_groups_static_layers_and_the_unattributed_row_are_seen() -> None:
    lines = show(make_profile(), 140).splitlines()
    assert any("counted in 0/2" in line and "└" in line for line in lines)
    assert any("nothing to run" in line and "–" in line for line in lines)
    assert any(re.search(r"unattributed .* [23]\.\d %", line) for line in lines)


def test_many_layers_that_run_nothing_are_one_line_unless_in_order() -> None:
    idle = [static("DEQUANTIZE", f"weights_{number}") for number in range(9)]
    profile = make_profile([*idle, *MIXED])
    text = show(profile, 140)
    assert "10 run nothing" in text
    assert "weights_3" not in text
    assert "net/Logits/Squeeze" not in text
    in_order = show(profile, 140, in_order=True)
    assert all(f"weights_{number}" in in_order for number in range(9))
    assert "run nothing" not in in_order.replace("nothing to run", "")


def test_members_follow_their_group() -> None:
    lines = show(make_profile()).splitlines()
    leader = next(i for i, line in enumerate(lines) if "net/pad" in line)
    assert "└ net/Conv2d_2/Relu6" in lines[leader + 1]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("unit", ["ns", "instructions"])
def test_no_line_is_wider_than_the_terminal(width: int, unit: str) -> None:
    lines = show(mobilenet(unit=unit), width).splitlines()
    assert max(map(len, lines)) <= width
    header = next(line.split() for line in lines if "layer" in line.split())
    assert ("kernel" in header) == (width >= 120)
    assert ("op" in header) >= (width >= 80)
    assert ("share" in header) >= (width >= 60)


def test_top_sums_up_the_rest() -> None:
    text = show(make_profile(), top=2)
    assert "4 more layers" in text
    assert "net/pad" not in text
    assert "net/Logits/Squeeze" not in text


def test_in_order_keeps_file_order() -> None:
    text = show(make_profile(), in_order=True)
    assert text.index("net/Conv2d_0") < text.index("net/pad") < text.index("net/Predictions")


def test_findings_come_with_remedies() -> None:
    found = Finding("too-few-samples", "doubt", "only 12 samples", "give more time with --max-seconds")
    text = show(make_profile(findings=[found], verdict="doubtful", complete=False))
    assert "doubtful: 1 finding, cut short" in text
    assert "too-few-samples" in text
    assert "→ give more time with --max-seconds" in text


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [60, 120])
def test_hostile_names_are_text(name: str, width: int) -> None:
    parts: list[Part] = [part("CONV_2D", name, 1000.0), part(name, "b", 10.0)]
    finding = Finding("code", "note", name, name)
    text = show(make_profile(parts, name=name, findings=[finding]), width)
    assert "\x1b" not in text
    assert "[red]x[/red]" in text or name != "[red]x[/red]"


def test_a_profile_without_layers_is_shown() -> None:
    text = show(make_profile(profiled=False))
    assert "3.30 ms" in text
    assert "unattributed" in text

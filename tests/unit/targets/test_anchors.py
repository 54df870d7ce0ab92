"""Anchors: what is written is read again, what is broken is refused, and what does not fit is not used."""

from __future__ import annotations

import math
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import EnvironmentFault, UsageError
from tflprof.targets.anchors import (
    Anchor,
    Anchored,
    Basis,
    anchor_file,
    change_anchors,
    read_anchors,
    remove_anchors,
    scale_for,
    scale_of,
)

BASIS = Basis("cortex-a73", 2_457_600_000, "c" * 64, "caches")
ANCHOR = Anchor(
    model="mobilenet_v1",
    sha256="a" * 64,
    core=BASIS.core,
    hertz=BASIS.hertz,
    threads=1,
    mode=BASIS.mode,
    measured_ns=86_000_000,
    predicted_ns=80_000_000,
    costs_sha256=BASIS.costs_sha256,
    source="my phone",
    date="2026-11-21",
)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def kept(*anchors: Anchor) -> Path:
    path = anchor_file("pixel2")
    change_anchors(path, "pixel2", lambda _: anchors)
    return path


def test_anchors_of_the_models_element_type_come_first() -> None:
    whole = replace(ANCHOR, model="v1 int8", sha256="b" * 64, measured_ns=160_000_000, element_type="int8")
    kept(replace(ANCHOR, element_type="float32"), whole)
    found = scale_for("pixel2", BASIS, element_type=lambda: "int8")
    assert (found.scale, found.anchors, found.same_type) == (2.0, (whole,), True)
    found = scale_for("pixel2", BASIS, element_type=lambda: "uint8")
    assert found.scale == pytest.approx((2 * 1.075) ** 0.5, abs=1e-6)
    assert (len(found.anchors), found.same_type) == (2, False)
    assert not scale_for("pixel2", BASIS).same_type


def test_anchors_that_do_not_say_their_type_are_of_another() -> None:
    path = kept(ANCHOR)
    path.write_text(path.read_text().replace('element_type = ""\n', ""))
    found = scale_for("pixel2", BASIS, element_type=lambda: "float32")
    assert (found.anchors, found.same_type) == ((ANCHOR,), False)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS, st.integers(1, 10**12), st.integers(1, 10**12))
def test_what_is_written_is_read_again(model: str, source: str, measured: int, predicted: int) -> None:
    predicted = min(max(predicted, measured // 100 + 1), measured * 100)
    anchor = replace(ANCHOR, model=model, source=source, measured_ns=measured, predicted_ns=predicted)
    assert read_anchors(kept(anchor), "pixel2") == (anchor,)


def test_a_name_that_is_no_text_is_kept_readable() -> None:
    (found,) = read_anchors(kept(replace(ANCHOR, model="caf\udce9")), "pixel2")
    assert found.model == "caf?"


def test_a_file_of_a_home_without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert anchor_file("pixel2") == tmp_path / ".local/share/tflprof/anchors/pixel2.toml"


def test_without_anchors_nothing_is_scaled() -> None:
    assert scale_for("pixel2", BASIS) == Anchored(1.0, (), ())
    kept(ANCHOR)
    assert scale_for("pixel2", BASIS, "none") == Anchored(1.0, (), ())


def test_the_scale_is_the_geometric_mean() -> None:
    twice = replace(ANCHOR, sha256="b" * 64, measured_ns=160_000_000)
    kept(ANCHOR, twice)
    found = scale_for("pixel2", BASIS)
    assert found.scale == pytest.approx(math.sqrt(1.075 * 2), abs=1e-6)
    assert found.anchors == (ANCHOR, twice)
    assert found.notes == ()


@given(st.lists(st.floats(0.02, 50), min_size=1, max_size=8))
def test_a_scale_has_few_digits(ratios: list[float]) -> None:
    anchors = [replace(ANCHOR, measured_ns=round(ratio * 1e8), predicted_ns=10**8) for ratio in ratios]
    assert scale_of(anchors) == float(f"{scale_of(anchors):.6f}")
    assert min(ratios) - 1e-6 <= scale_of(anchors) <= max(ratios) + 1e-6
    assert scale_of(anchors) == pytest.approx(scale_of(anchors[::-1]))


@pytest.mark.parametrize(
    ("other", "note"),
    [
        ({"costs_sha256": "d" * 64}, "with other costs of this core: tflprof calibrate pixel2 again"),
        ({"mode": "cycles"}, "with --cost cycles"),
        ({"core": "cortex-a53"}, "no anchor is of cortex-a73 at 2.46 GHz; there are some of cortex-a53"),
        ({"hertz": 1_900_800_000}, "some of cortex-a73 at 1.90 GHz"),
    ],
)
def test_what_does_not_fit_is_told_and_not_used(other: dict[str, object], note: str) -> None:
    path = kept(replace(ANCHOR, **other))  # type: ignore[arg-type]
    found = scale_for("pixel2", BASIS)
    assert found.scale == 1.0
    assert note in found.notes[0]
    with pytest.raises(UsageError, match="no anchor that can be used"):
        scale_for("pixel2", BASIS, str(path))


def test_one_old_anchor_is_told_beside_one_that_is_used() -> None:
    kept(ANCHOR, replace(ANCHOR, sha256="b" * 64, model="old", costs_sha256="d" * 64))
    found = scale_for("pixel2", BASIS)
    assert (found.scale, len(found.anchors), len(found.notes)) == (1.075, 1, 1)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    change_anchors(path, "pixel2", lambda _: [ANCHOR])
    assert scale_for("pixel2", BASIS, str(path)).scale == 1.075
    assert scale_for("pixel2", BASIS).scale == 1.0
    with pytest.raises(UsageError, match="of the phone 'pixel2', not of 'pixel4'"):
        scale_for("pixel4", BASIS, str(path))
    with pytest.raises(UsageError, match="no file of anchors"):
        scale_for("pixel2", BASIS, str(tmp_path / "gone.toml"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.toml"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("", "\x00", "cannot be read"),
        ("version = 1", "version = 2", "version 2"),
        ("version = 1\n", "", "no version"),
        ("version = 1", 'version = "one"', "no version"),
        ('phone = "pixel2"', "phone = 2", "of the phone 2"),
        ("measured_ns = 86000000", "measured_ns = 0", "above 0"),
        ("measured_ns = 86000000", "measured_ns = -1", "above 0"),
        ("measured_ns = 86000000", "measured_ns = 86.5", "measured_ns must be of type int"),
        ("measured_ns = 86000000", "measured_ns = true", "measured_ns must be of type int"),
        ("measured_ns = 86000000", "measured_ns = 86000000000000", "times apart"),
        ("measured_ns = 86000000", "measured = 86000000", "measured, measured_ns"),
        ("threads = 1", "threads = 4", "one thread, not of 4"),
        ("[[anchor]]", "[anchor]", "cannot be read"),
        ('source = "my phone"', "source = [1]", "source must be of type str"),
    ],
)
def test_broken_files_are_refused_and_can_be_forgotten(before: str, after: str, why: str) -> None:
    path = kept(ANCHOR)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after) if before else after)
    for use in (lambda: scale_for("pixel2", BASIS), lambda: kept(ANCHOR)):
        with pytest.raises(UsageError, match=why) as caught:
            use()
        assert caught.value.hint
    assert remove_anchors(path, "pixel2")
    assert not remove_anchors(path, "pixel2")
    assert scale_for("pixel2", BASIS).scale == 1.0


@given(st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(kept(ANCHOR).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        first = data.draw(st.integers(0, len(content)))
        last = data.draw(st.integers(first, min(len(content), first + 40)))
        content[first:last] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"[" * 5000, b"1e999", b"nan"])
        )
    path = anchor_file("pixel2")
    path.write_bytes(bytes(content))
    with suppress(UsageError):
        assert 0.01 <= scale_for("pixel2", BASIS).scale <= 100
    path.unlink()


def test_a_failed_change_leaves_the_file() -> None:
    path = kept(ANCHOR)
    with pytest.raises(ZeroDivisionError):
        change_anchors(path, "pixel2", lambda _: [ANCHOR][1 // 0 :])
    assert read_anchors(path, "pixel2") == (ANCHOR,)


def test_a_place_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFault) as caught:
        kept(ANCHOR)
    assert "XDG_DATA_HOME" in (caught.value.hint or "")


WRITER = """
import sys
from dataclasses import replace
from tests.unit.targets.test_anchors import ANCHOR
from tflprof.targets.anchors import anchor_file, change_anchors
for number in range(20):
    one = replace(ANCHOR, model=f"{sys.argv[1]}-{number}")
    change_anchors(anchor_file("pixel2"), "pixel2", lambda kept: [*kept, one])
"""


def test_processes_that_write_at_once_lose_nothing() -> None:
    root = Path(__file__).parents[3]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], cwd=root) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(read_anchors(anchor_file("pixel2"), "pixel2")) == 40

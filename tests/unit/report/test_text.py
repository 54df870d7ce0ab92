from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.report.text import plain, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv/Relu6", "conv/Relu6"),
        ("größe 层 🙂", "größe 层 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("left\u202eright", "left\\u202eright"),
        ("line\u2028end", "line\\u2028end"),
        ("\udcff.tflite", "\\udcff.tflite"),
        ("\x9b31m", "\\x9b31m"),
        (12, "12"),
    ],
)
def test_nothing_in_text_acts(text: object, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_plain_text_can_be_encoded_and_has_no_controls(text: str) -> None:
    shown = plain(text)
    shown.encode()
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)


@given(st.text(), st.integers(0, 40))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert len(shorten(text, width)) <= width


def test_the_end_of_a_path_stays() -> None:
    assert shorten("MobilenetV1/Conv2d_7_pointwise/Relu6", 18) == "…7_pointwise/Relu6"
    assert shorten("Convolution (NHWC, F32) IGEMM", 13) == "Convol… IGEMM"

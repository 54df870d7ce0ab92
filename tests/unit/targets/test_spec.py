from __future__ import annotations

import pytest

from tflprof.errors import TargetError
from tflprof.targets.spec import DEFAULT_TARGET, TargetSpec, parse_target


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("host", TargetSpec("host")),
        ("interpreter", TargetSpec("interpreter")),
        ("emulated:pixel2", TargetSpec("emulated", "pixel2")),
        ("emulated:a:b", TargetSpec("emulated", "a:b")),
        ("adb", TargetSpec("adb")),
        ("adb:0123456789ABCDEF", TargetSpec("adb", "0123456789ABCDEF")),
        ("adb:192.168.1.5:37099", TargetSpec("adb", "192.168.1.5:37099")),
        (DEFAULT_TARGET, TargetSpec("emulated", "pixel2")),
    ],
)
def test_targets_are_split_at_the_first_colon(text: str, spec: TargetSpec) -> None:
    assert parse_target(text) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    "text", ["", "phone", "Host", "host:", "host:x", "interpreter:1", "emulated", "emulated:", "adb:", "ADB"]
)
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert repr(text) in caught.value.what
    assert caught.value.hint

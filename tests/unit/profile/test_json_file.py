from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_profile, sustained
from tests.predictions import predicted
from tflprof.errors import ProfileError
from tflprof.profile.json_file import is_json_profile, profile_from_json, profile_to_json
from tflprof.profile.profile import Profile
from tflprof.profile.schema import SAMPLES, SCHEMA_VERSION
from tflprof.profile.store import read_profile, write_profile

DATA = Path(__file__).resolve().parents[2] / "data"


def same(one: Profile, other: Profile) -> bool:
    return (
        one.meta == other.meta
        and one.table.schema == other.table.schema == SAMPLES
        and one.table.to_pydict() == other.table.to_pydict()
    )


def stored(profile: Profile, folder: Path) -> Profile:
    return read_profile(write_profile(profile, folder / "p.parquet", overwrite=True))


@pytest.mark.parametrize(
    "make", [make_profile, lambda: make_profile(unit="instructions"), sustained, predicted]
)
def test_a_profile_comes_back_identical(tmp_path: Path, make: Any) -> None:
    profile = stored(make(), tmp_path)
    text = profile_to_json(profile)
    assert text.isascii()
    back = profile_from_json(text.encode(), "x.json")
    assert same(back, profile)
    assert same(stored(back, tmp_path), profile)


@pytest.mark.parametrize("name", ["profile_v1.parquet", "profile_v2.parquet", "profile_v3.parquet"])
def test_profiles_of_older_versions_too(name: str) -> None:
    profile = read_profile(DATA / name)
    assert same(profile_from_json(profile_to_json(profile).encode(), name), profile)


@given(st.text(st.characters(codec="utf-8")), st.floats())
def test_names_and_numbers_are_data(name: str, value: float) -> None:
    base = make_profile(processes=1, blocks=1, inferences=1)
    meta = replace(base.meta, runner_build=name, conditions={"seen": value, "names": [name]})
    text = profile_to_json(Profile(meta, base.table))
    json.loads(text, parse_constant=pytest.fail)
    back = profile_from_json(text.encode(), "x").meta
    assert back.runner_build == name
    if value == value and abs(value) != float("inf"):
        assert back.conditions == meta.conditions
    else:
        assert back.conditions["seen"] is None


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(profile_to_json(make_profile(processes=1, blocks=1, inferences=2)))
    return loaded


def damaged(change: Any) -> bytes:
    found = document()
    change(found)
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"format": "tflprof profile", ', "not valid JSON"),
        (b'{"a": 1}', "not a tflprof profile"),
        (b'{"schema_version": 1, "layers": []}', "summary"),
        (b"[]", "not a tflprof profile"),
        (b'{"format": "tflprof profile", "x": "\xff"}', "not valid JSON"),
        (damaged(lambda d: d.pop("schema_version")), "schema version"),
        (damaged(lambda d: d.update(schema_version=True)), "schema version"),
        (damaged(lambda d: d.update(schema_version=SCHEMA_VERSION + 1)), f"up to {SCHEMA_VERSION}"),
        (damaged(lambda d: d.pop("meta")), "meta"),
        (damaged(lambda d: d.pop("samples")), "samples"),
        (damaged(lambda d: d["meta"].pop("unit")), "unit"),
        (damaged(lambda d: d["meta"].update(model=3)), "damaged"),
        (damaged(lambda d: d["meta"]["alignment"].update(rows=7)), "damaged"),
        (damaged(lambda d: d["samples"].pop("value")), "damaged"),
        (damaged(lambda d: d["samples"]["value"].pop()), "damaged"),
        (damaged(lambda d: d["samples"].update(value="x")), "value is not a list"),
        (damaged(lambda d: d["samples"]["value"].__setitem__(0, None)), "value has a null"),
        (damaged(lambda d: d["samples"]["value"].__setitem__(0, 1.5)), "damaged"),
        (damaged(lambda d: d["samples"]["value"].__setitem__(0, 2**70)), "damaged"),
        (damaged(lambda d: d["samples"]["kind"].__setitem__(0, 5)), "damaged"),
        (
            damaged(
                lambda d: d.update(
                    samples={
                        name: [
                            v for v, kind in zip(column, d["samples"]["kind"], strict=True) if kind != "event"
                        ]
                        for name, column in d["samples"].items()
                    }
                )
            ),
            "do not fit together",
        ),
    ],
)
def test_what_is_wrong_is_said(data: bytes, said: str) -> None:
    with pytest.raises(ProfileError, match=said) as caught:
        profile_from_json(data, "given.json")
    assert "given.json" in caught.value.what


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    is_json_profile(data)
    with pytest.raises(ProfileError):
        profile_from_json(data, "x")


@pytest.mark.parametrize(
    ("data", "ours"),
    [
        (b'{"format": "tflprof profile", broken', True),
        (b'\xef\xbb\xbf\n { "format" : "tflprof profile"}', True),
        (b'{"a": 1}', True),
        (b"{}", True),
        (b'{"time": 1}\n{"time": 2}\n', False),
        (b"{ init_profile {", False),
        (b"", False),
        (b"INFO: x", False),
    ],
)
def test_logs_are_told_from_json(data: bytes, ours: bool) -> None:
    assert is_json_profile(data) is ours

"""CSV that programs read back to the same values, and spreadsheets without acting on it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.factories import make_profile, mobilenet, part, sustained
from tests.predictions import predicted
from tflprof.profile.profile import Profile
from tflprof.report.export.csv_text import layers_csv, samples_csv

TEXT = ["id", "op", "name", "kernel", "group", "note", "unit", "provenance"]
PROFILES = {
    "mixed": make_profile,
    "network": mobilenet,
    "counts": lambda: mobilenet(unit="instructions"),
    "predicted": predicted,
    "no layer values": lambda: make_profile(profiled=False),
}


def unescaped(text: str) -> str:
    """What docs/export.md says: an apostrophe before what a spreadsheet would act upon is not part of the text."""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n", "'") else text


def read_layers(text: str) -> pd.DataFrame:
    """The way of docs/export.md."""
    frame = pd.read_csv(io.StringIO(text, newline=""), dtype=dict.fromkeys(TEXT, str), keep_default_na=False,
                        na_values={"kernel": [""], "group": [""]} | {c: [""] for c in NUMBERS})  # fmt: skip
    for name in TEXT:
        frame[name] = frame[name].map(unescaped, na_action="ignore")
    return frame


NUMBERS = [
    "typical",
    "median",
    "lo",
    "hi",
    "n",
    "share",
    "macs",
    "parameters",
    "weight_bytes",
    "activation_bytes",
    "instructions",
]


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("name", PROFILES)
def test_layers_read_back_as_they_are(name: str) -> None:
    profile = PROFILES[name]()
    layers = profile.layers()
    equal(
        read_layers(layers_csv(profile)), layers.astype(object).where(layers.notna(), np.nan).infer_objects()
    )


def named(name: str) -> Profile:
    parts = [part("CONV_2D", name, 1_000.0), part("CUSTOM " + name, "b", 2_000.0)]
    return make_profile(parts, processes=1, blocks=1, inferences=2)


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8")))
@example('=HYPERLINK("http://192.0.2.1")')
@example("'=1")
@example("''")
@example('a,b"c\r\nd\ne\rf')
@example("NA")
@example("nan")
@example("\x00\x1b[31m")
def test_any_name_reads_back(name: str) -> None:
    rows = list(csv.DictReader(io.StringIO(layers_csv(named(name)), newline="")))
    assert unescaped(rows[0]["name"]) == name
    assert unescaped(rows[1]["op"]) == "CUSTOM " + name


@settings(max_examples=20)
@given(st.sampled_from("=+-@\t\r\n"), st.text(st.characters(codec="utf-8"), max_size=5))
def test_no_field_of_text_is_a_formula(first: str, rest: str) -> None:
    for row in csv.reader(io.StringIO(layers_csv(named(first + rest)), newline="")):
        assert row[3][:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


def test_it_is_rfc_4180() -> None:
    text = layers_csv(named('a"b,c'))
    assert text.endswith("\r\n")
    assert text.count("\r\n") == text.count("\n") == 3
    assert '"a""b,c"' in text
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == list(named("x").layers().columns)
    assert {len(row) for row in rows} == {len(header)}


def test_unknown_is_empty_and_never_nought() -> None:
    rows = list(csv.DictReader(io.StringIO(layers_csv(make_profile()), newline="")))
    static = rows[6]
    assert (static["typical"], static["share"], static["kernel"], static["macs"]) == ("", "", "", "")
    assert rows[3]["group"] == "0/2"
    assert {row["provenance"] for row in rows} == {"measured"}
    assert {row["unit"] for row in rows} == {"ns"}


def read_samples(text: str, profile: Profile) -> pd.DataFrame:
    """The way of docs/export.md, with the types of :meth:`Profile.samples`."""
    frame = pd.read_csv(io.StringIO(text, newline=""))
    assert (frame.pop("provenance") == profile.meta.provenance).all()
    frame["worker_cores"] = [None if cell != cell else json.loads(cell) for cell in frame["worker_cores"]]
    return frame


def plain_values(frame: pd.DataFrame) -> list[list[Any]]:
    def value(cell: Any) -> Any:
        if isinstance(cell, np.ndarray | list):
            return [int(each) for each in cell]
        return None if cell is None or cell != cell else cell

    return [[value(cell) for cell in frame[name]] for name in frame.columns]


@pytest.mark.parametrize(
    "profile", [make_profile(processes=2), mobilenet(unit="instructions"), sustained(blocks=40)]
)
def test_samples_read_back_as_they_are(profile: Profile) -> None:
    back, samples = read_samples(samples_csv(profile), profile), profile.samples()
    assert list(back.columns) == list(samples.columns)
    assert plain_values(back) == plain_values(samples)


def test_lists_within_samples() -> None:
    profile = sustained(blocks=2)
    cores: list[Any] = [None, [], [4, 5]]
    place = profile.table.schema.get_field_index("worker_cores")
    values = (cores * len(profile.table))[: len(profile.table)]
    field = profile.table.schema.field(place)
    changed = Profile(profile.meta, profile.table.set_column(place, field, pa.array(values, type=field.type)))
    assert plain_values(read_samples(samples_csv(changed), changed)) == plain_values(changed.samples())


def test_the_guide_reads_layers_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = Path(__file__).resolve().parents[4] / "docs" / "export.md"
    (code,) = re.findall(r"```python\n(.+?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    profile = make_profile([part("CONV_2D", name, 10.0) for name in ("NA", "=1+1", "'=1", "'x", "", "a,b")])
    (tmp_path / "layers.csv").write_bytes(layers_csv(profile).encode())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    equal(names["layers"], profile.layers())

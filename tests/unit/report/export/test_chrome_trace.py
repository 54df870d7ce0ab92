from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import make_profile, mobilenet, part, sustained
from tests.trace_schema import check_trace
from tests.unit.report.export.nested import loop_profile
from tflprof.errors import UsageError
from tflprof.profile.profile import Profile
from tflprof.report.export.chrome_trace import chrome_trace


def trace(profile: Profile, inferences: int | None = None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(chrome_trace(profile, inferences), parse_constant=pytest.fail)
    check_trace(document)
    return document


def slices(document: dict[str, Any], category: str | None = None) -> list[dict[str, Any]]:
    events = [event for event in document["traceEvents"] if event["ph"] == "X"]
    return [event for event in events if category in (None, event["cat"])]


@pytest.mark.parametrize(
    "profile",
    [
        make_profile(processes=2),
        mobilenet(unit="instructions"),
        sustained(blocks=50),
        make_profile(profiled=False, processes=2),
        loop_profile(),
        loop_profile(first=1_000),
    ],
)
def test_the_format_is_kept(profile: Profile) -> None:
    document = trace(profile)
    values = [event["args"]["value"] for event in slices(document)]
    frame = profile.samples()
    expected = frame[frame["kind"].isin(["inference", "event"]) & frame["block"].notna()]["value"]
    assert sorted(values) == sorted(expected.tolist())


def test_times_are_those_of_the_blocks() -> None:
    document = trace(loop_profile())
    whole = slices(document, "inference")
    assert [event["ts"] for event in whole[:4]] == [0, 90, 1000, 1100]
    assert [event["dur"] for event in whole[:4]] == [90, 95, 100, 140]
    assert [event["ts"] for event in whole[4:]] == [10_000, 10_090, 11_000, 11_100]
    assert [event["pid"] for event in whole] == [1] * 4 + [2] * 4
    assert [event["tid"] for event in whole[:4]] == [1, 1, 2, 2]
    assert document["otherData"]["clock_at_zero_ns"] == 5_000_000


def test_kernels_lie_end_to_end_within_what_encloses_them() -> None:
    parts = [event for event in slices(trace(loop_profile())) if event["cat"] != "inference"][:7]
    assert [event["name"] for event in parts] == [
        "Invoke", "CONV_2D 0/0", "WHILE 0/1", "LESS 1/0", "ADD 2/0", "LESS 1/0", "unread",
    ]  # fmt: skip
    assert [event["ts"] for event in parts] == [1000, 1000, 1030, 1030, 1040, 1060, 1090]
    assert [event["cat"] for event in parts] == ["runtime", *["layer"] * 5, "runtime"]
    assert parts[1]["args"] == {
        "value": 30_000,
        "unit": "ns",
        "kernel": "Convolution (NHWC, F32)",
        "layers": ["0/0"],
        "names": ["conv"],
        "attribution": "exact",
        "tainted": False,
        "core": 4,
    }


def test_what_is_reconstructed_is_said() -> None:
    about = trace(loop_profile())["otherData"]
    assert "starts within blocks are reconstructed" in about["timeline"]
    assert (about["unit"], about["provenance"]) == ("ns", "measured")
    assert about["clipped_events"] == 0
    assert about["trust"].startswith("ok")


def test_blocks_never_overlap() -> None:
    """The second block begins before the first has ended: it is set on behind."""
    whole = slices(trace(loop_profile(first=1_000)), "inference")
    assert [event["ts"] for event in whole[:4]] == [0, 90, 185, 285]


def test_a_device_that_was_restarted_goes_on_behind() -> None:
    profile = loop_profile()
    frame = profile.table
    place = frame.schema.get_field_index("t")
    restarted = [
        t if t is None or process == 0 else t - 14_000_000
        for t, process in zip(frame["t"].to_pylist(), frame["process"].to_pylist(), strict=True)
    ]
    changed = frame.set_column(place, frame.schema.field(place), [restarted])
    whole = slices(trace(Profile(profile.meta, changed)), "inference")
    assert [event["ts"] for event in whole] == [0, 90, 1000, 1100, 1240, 1330, 2240, 2340]


def test_an_event_that_does_not_fit_is_clipped_and_counted() -> None:
    profile = loop_profile()
    frame = profile.table
    place = frame.schema.get_field_index("value")
    longer = [200_000 if value == 60_000 else value for value in frame["value"].to_pylist()]
    document = trace(Profile(profile.meta, frame.set_column(place, frame.schema.field(place), [longer])))
    assert document["otherData"]["clipped_events"] == 4
    loops = [
        event
        for event in slices(document)
        if event["name"] == "WHILE 0/1" and event["args"]["value"] == 200_000
    ]
    assert [event["dur"] for event in loops] == [69, 69]


def test_circumstances_and_counters() -> None:
    document = trace(loop_profile())
    first, second = slices(document, "inference")[:2]
    assert (first["args"]["core"], first["args"]["pmu_cycles"]) == (4, 180_000)
    assert first["args"]["frequency_mhz"] == 2000
    assert "core" not in second["args"]
    assert second["args"]["tainted"] is True
    assert (second["cname"], "cname" in first) == ("terrible", False)
    counters = [event for event in document["traceEvents"] if event["ph"] == "C" and event["pid"] == 1]
    assert [(event["name"].split(",")[0], event["ts"], *event["args"].values()) for event in counters] == [
        ("frequency told by the system", 0, 1900),
        ("frequency told by the system", 185, 2000),
        ("temperature", 185, 41.5),
    ]
    labels = [e["args"]["labels"] for e in document["traceEvents"] if e["name"] == "process_labels"]
    assert labels == ["creation of the model 77 ns", "creation of the model 78 ns"]


def test_counts_are_laid_end_to_end_and_it_is_said() -> None:
    profile = mobilenet(unit="instructions")
    document = trace(profile)
    whole = slices(document, "inference")
    ends = [round(1000 * (event["ts"] + event["dur"])) for event in whole]
    assert [round(1000 * event["ts"]) for event in whole] == [0, *ends[:-1]]
    assert "1 instruction is shown as 1 ns" in document["otherData"]["timeline"]
    name = next(e["args"]["name"] for e in document["traceEvents"] if e["name"] == "process_name")
    assert "1 instruction is shown as 1 ns" in name


@settings(max_examples=20)
@given(st.integers(1, 12))
def test_the_cap_is_kept_and_said(limit: int) -> None:
    document = trace(loop_profile(), limit)
    assert len(slices(document, "inference")) == min(limit, 8)
    about = document["otherData"]
    assert (about["inferences_shown"], about["inferences_left_out"]) == (min(limit, 8), max(0, 8 - limit))


def test_groups_name_all_their_layers() -> None:
    found = next(event for event in slices(trace(make_profile(processes=1)), "layer") if "+" in event["name"])
    assert found["name"] == "PAD + CONV_2D 0/2 + 0/3"
    assert found["args"]["group"] == "0/2"
    assert found["args"]["names"] == ["net/pad", "net/Conv2d_2/Relu6"]


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_names_are_data(name: str) -> None:
    profile = make_profile([part(name, name, 10.0)], processes=1, blocks=1, inferences=1, name=name)
    found = slices(trace(profile), "layer")
    assert found[0]["args"]["names"] == [name]
    assert not {unicodedata.category(char) for char in found[0]["name"]} & {"Cc", "Cf", "Zl", "Zp"}


def test_averages_are_refused(aggregate: Profile) -> None:
    with pytest.raises(UsageError, match="chrome-trace needs samples"):
        chrome_trace(aggregate)

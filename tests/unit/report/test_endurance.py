"""What is said and drawn of an endurance run and of the core's counters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from tests.factories import make_profile, sustained
from tests.unit.report.test_html import page_json
from tflprof.profile.profile import Profile
from tflprof.profile.sustain import Course
from tflprof.report.document import profile_document
from tflprof.report.endurance import (
    describe_counters,
    describe_endurance,
    duration,
    endurance_document,
    thinned,
)
from tflprof.report.html import render_page
from tflprof.report.terminal import print_profile


def printed(profile: Profile) -> str:
    out = io.StringIO()
    print_profile(profile, Console(file=out, width=200))
    return out.getvalue()


def test_the_throttling_point_in_words() -> None:
    text = describe_endurance(sustained())
    assert text is not None
    assert text.startswith("4.98 min on end: slower after 2 min, 4.99 ms → 7.00 ms")
    assert text.endswith("(1.40×), 2.40 → 1.71 GHz, at 65 °C")


def test_a_run_that_stays_as_fast() -> None:
    assert describe_endurance(sustained(slow_from=None)) == "4.98 min on end: no lasting slowdown found"


def test_a_run_too_short_to_tell() -> None:
    assert describe_endurance(sustained(blocks=8)) == "7 s on end: too few blocks to look for a slowdown"


def test_what_is_unknown_is_left_out() -> None:
    text = describe_endurance(sustained(heat=False, clock=False))
    assert text is not None
    assert text.endswith("(1.40×)")


def test_usual_profiles_say_nothing_of_it() -> None:
    profile = make_profile()
    assert describe_endurance(profile) is describe_counters(profile) is endurance_document(profile) is None
    assert "on end" not in printed(profile)
    page = render_page(profile)
    assert 'id="endurance"' not in page
    assert page_json(page)["endurance"] is None


def test_it_is_printed_and_on_the_page_and_in_json() -> None:
    profile = sustained()
    text = describe_endurance(profile)
    assert text is not None
    assert text in printed(profile)
    page = render_page(profile)
    assert page.count(text) == 2
    assert 'id="endurance"' in page
    data = page_json(page)["endurance"]
    assert data["point"]["seconds"] == 120.0
    assert len(data["latency"]) == len(data["khz"]) == len(data["celsius"]) == len(data["seconds"]) == 300
    document = profile_document(profile)["sustained"]
    assert document["throttling"]["slowdown"] == pytest.approx(0.4, abs=0.01)
    assert document["conclusive"] is True
    assert document["course"]["celsius"][-1] == 70.0


def test_unknown_frequencies_are_null_on_the_page() -> None:
    data = page_json(render_page(sustained(clock=False)))["endurance"]
    assert set(data["khz"]) == {None}


def test_long_runs_are_thinned_to_medians() -> None:
    count = 1000
    values = np.arange(count, dtype=np.float64)
    course = thinned(Course(values, values, values, np.full(count, np.nan)), 100)
    assert course.seconds.tolist() == list(range(0, count, 10))
    assert course.latency[0] == 4.5
    assert len(course.khz) == len(course.celsius) == 100
    assert np.isnan(course.celsius).all()


def test_counters_in_words() -> None:
    text = describe_counters(sustained(slow_from=None))
    assert text is not None
    assert text.startswith("12.0 M cycles · 21.0 M instructions · 1.75 per cycle · 2.4")
    assert text.endswith("GHz effective")
    assert text in printed(sustained(slow_from=None))


@pytest.mark.parametrize(("seconds", "text"), [(7.0, "7 s"), (119.0, "119 s"), (150.0, "2.5 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text

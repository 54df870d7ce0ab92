"""Measuring a model beside the reference, with a measurement that is made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.factories import make_profile, part
from tflprof.errors import DeviceLost
from tflprof.measure.schedule import LOOKS
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.workflow.run_options import RunOptions
from tflprof.workflow.table_reference import profile_beside, reference_model, reference_sha256


class Pairs:
    """Stands for a paired measurement: of so many pairs at most, then the time is over or ``cause`` ends it."""

    def __init__(self, most: int = 999) -> None:
        self.most = most
        self.pairs = 0
        self.cause: BaseException | None = None
        self.ends_with: BaseException | None = None
        self.options: RunOptions | None = None
        self.made = tuple(make_profile([part("CONV_2D", "a", time)]) for time in (8e7, 5e7))

    @contextmanager
    def open(self, _a: Path, b: Path, options: RunOptions, *_: Any) -> Iterator[Pairs]:
        self.options = options
        assert b.read_bytes() == reference_model()
        yield self

    def extend(self, pairs: int) -> bool:
        self.pairs = min(pairs, self.most)
        self.cause = self.ends_with
        return self.cause is None and self.pairs == pairs

    def profiles(self, looks: Sequence[int]) -> tuple[Profile, ...]:
        assert max(looks) >= self.pairs
        return self.made


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> Pairs:
    made = Pairs()
    monkeypatch.setattr("tflprof.workflow.table_reference.open_pairs", made.open)
    return made


def test_it_ends_when_the_total_is_known(pairs: Pairs) -> None:
    found = profile_beside("m.tflite", "host", core="1", precision=0.5, max_seconds=9.0, chains=True)
    assert pairs.pairs == LOOKS[0]
    assert pairs.options == RunOptions("host", core="1")
    assert found.reference / (found.profile.summary.total.typical or 0.0) == pytest.approx(5 / 8, rel=0.05)


def _disturbed(profile: Profile) -> Profile:
    """The same, with processes that took twice as long."""
    frame = profile.table.to_pandas()
    frame.loc[(frame["kind"] != "memory") & (frame["process"] > 4), "value"] *= 2
    return Profile(profile.meta, pa.Table.from_pandas(frame, profile.table.schema, preserve_index=False))


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_what_disturbs_one_of_two_is_no_matter(pairs: Pairs, which: tuple[int, ...]) -> None:
    quiet = profile_beside("m.tflite", "host")
    pairs.made = tuple(_disturbed(one) if i in which else one for i, one in enumerate(pairs.made))
    found = profile_beside("m.tflite", "host")
    times = [one.profile.summary.total.typical or 0.0 for one in (quiet, found)]
    assert (times[1] > 1.3 * times[0]) == (0 in which)
    assert found.reference / times[1] == pytest.approx(quiet.reference / times[0], rel=0.03)


def test_it_goes_on_until_the_time_is_over(pairs: Pairs) -> None:
    profile_beside("m.tflite", "host", precision=1e-9)
    assert pairs.pairs == LOOKS[-1]
    pairs.most = 7
    profile_beside("m.tflite", "host", precision=1e-9)
    assert pairs.pairs == 7


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), DeviceLost("gone")])
def test_what_cuts_it_short_is_raised(pairs: Pairs, cause: BaseException) -> None:
    pairs.ends_with = cause
    with pytest.raises(type(cause)):
        profile_beside("m.tflite", "host")


def test_the_reference_is_a_small_network() -> None:
    model = read_model(reference_model())
    assert model.sha256 == reference_sha256()
    assert {"CONV_2D", "DEPTHWISE_CONV_2D"} < {op.code for op in model.ops()}

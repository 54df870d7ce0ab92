"""The benchmark of predictions: published times as they are kept, and the arithmetic of errors, without an emulator."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.prediction import chosen
from benchmarks.prediction_errors import (
    Predicted,
    alone,
    anchored,
    any_change,
    change,
    covered,
    covered_pairs,
    ratios,
    speedups,
    statistics_of,
    without_others_bias,
)
from benchmarks.prediction_intervals import blind_from_tuned, coverage, one_chip_left_out
from benchmarks.prediction_layers import convolution, different_shapes
from benchmarks.prediction_phones import ALL_A55, load
from benchmarks.prediction_report import milliseconds, summary, text
from benchmarks.published_times import CHIPS, FOLDER, Point, Source, left_out, read_layers, read_points
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.read import read_model

SOURCE = Source("s", "title", "address", "2026-01-01", "library", "conditions", "quote", 0.5)


def point(ms: float, model: str = "mobilenet_v1", device: str = "a", **options: object) -> Point:
    given = {"use": "tuned", "dtype": "float32", "threads": 1, "soc": device, "cpu": "cortex-a73"} | options
    size = NETWORKS[model].size
    place = {"phone": "pixel2", "core": "big", "clock_ghz": 2.0, "clock_from": "printed"}
    return Point(SOURCE, device, model=model, size=size, width=1.0, ms=ms, **place, **given)  # type: ignore[arg-type]


def row(
    ratio: float, ms: float = 100.0, model: str = "mobilenet_v1", device: str = "a", **options: object
) -> Predicted:
    return Predicted(point(ms, model, device, **options), ms * ratio, error=0.1, anchored_error=0.05)


@pytest.fixture
def rows() -> list[Predicted]:
    return [
        row(1.2),
        row(1.1, 50, "mobilenet_v2"),
        row(0.9, 40, device="b"),
        row(0.9, 30, "mobilenet_v2", "b"),
        row(1.0, 60, device="c", use="blind"),
        row(1.0, 30, "mobilenet_v2", "c", use="blind"),
        row(1.1, 30, device="a", threads=4),
    ]


def test_published_times_are_whole() -> None:
    points = read_points()
    assert len(points) > 100
    assert {one.use for one in points} >= {"tuned", "blind"}
    for one in points:
        assert load(one.phone)
        assert len(one.source.quote) > 20
        assert one.source.address
        assert one.relative_rounding < 0.1
        assert one.model in NETWORKS
    assert all(why for _, why in left_out())
    assert {layer.dtype for layer in read_layers()} == {"float32", "int8", "dynamic"}


def test_what_is_listed_is_what_was_guessed() -> None:
    """One rule for all: no time is left out of the statistics for another reason than its source."""
    points = read_points()
    assert {one.chip_from for one in points} <= set(CHIPS)
    for one in points:
        assert (one.use == "listed") == (one.chip_from == "guessed")


def test_no_time_is_both_tuned_and_blind() -> None:
    """The same chip, core, network and type on one thread is one time, however often it was measured."""
    uses: dict[tuple[object, ...], set[str]] = {}
    for one in read_points():
        if one.threads == 1:
            uses.setdefault((one.cluster, one.network, one.dtype), set()).add(one.use)
    assert all(len(found) == 1 for found in uses.values())


@pytest.mark.parametrize(
    ("change_of", "says"),
    [
        ('use = "tuned"|use = "seen"', "seen"),
        ("ms = 82|ms = 0.4", "0.4"),
        ('model = "mobilenet_v1"|model = "mobilenet_v9"', "mobilenet_v9"),
        ("rounding = 0.5|", "rounding"),
        ('chip_from = "device"|chip_from = "rumour"', "rumour"),
        ('chip_from = "device"|chip_from = "clock"', "the clock is not printed"),
        ('chip_from = "device"|chip_from = "guessed"', "can only be listed"),
    ],
)
def test_a_damaged_source_is_named(tmp_path: Path, change_of: str, says: str) -> None:
    content = (FOLDER / "xnnpack_readme.toml").read_text()
    old, _, new = change_of.partition("|")
    assert old in content
    (tmp_path / "damaged.toml").write_text(content.replace(old, new, 1))
    with pytest.raises(ValueError, match=f"damaged.toml.*{says}"):
        read_points(tmp_path)


def test_statistics() -> None:
    found = statistics_of([("a", 0.1), ("a", -0.3), ("b", 0.2)])
    assert found is not None
    assert (found.count, found.clusters) == (3, 2)
    assert (found.mean, found.worst, found.bias) == pytest.approx((0.2, 0.3, 0.0))
    assert statistics_of([]) is None


def test_errors_alone_pass_over_what_was_refused(rows: list[Predicted]) -> None:
    refused = Predicted(point(10), None, reason="no")
    clusters, values = zip(*alone([*rows[:2], refused]), strict=True)
    assert clusters == ("a cortex-a73", "a cortex-a73")
    assert values == pytest.approx((0.2, 0.1))


def test_an_anchor_takes_the_phones_error_away(rows: list[Predicted]) -> None:
    found = {(pair.one.device, pair.one.network): pair.error for pair in anchored(rows)}
    assert len(found) == 6
    assert found["a", "mobilenet_v1"] == pytest.approx(1.1 / 1.2 - 1)
    assert found["a", "mobilenet_v2"] == pytest.approx(1.2 / 1.1 - 1)
    assert found["b", "mobilenet_v1"] == pytest.approx(0.0)


def test_ratios_are_of_the_change_that_is_asked_for(rows: list[Predicted]) -> None:
    forward = ratios(rows, change("model", "mobilenet_v1", "mobilenet_v2"))
    assert [pair.error for pair in forward] == pytest.approx([1.1 / 1.2 - 1, 0.0, 0.0])
    assert len(ratios(rows, any_change)) == 3
    detectors = [row(1.0, 90, "efficientdet_lite1"), row(1.1, 50, "efficientdet_lite0")]
    (pair,) = ratios(detectors, change("model", "efficientdet_lite0", "efficientdet_lite1"))
    assert pair.error == pytest.approx(1 / 1.1 - 1)
    assert ratios(detectors, change("size")) == []
    assert ratios(rows, change("width")) == []
    whole = row(1.0)
    thin = replace(whole, point=replace(whole.point, width=0.75, ms=60.0), ms=66.0)
    (pair,) = ratios([thin, whole], change("width"))
    assert pair.one.width == 1.0
    assert pair.error == pytest.approx(0.1)
    assert thin.point.network == "mobilenet_v1 0.75"


def test_rounding_of_published_times_is_allowed_for() -> None:
    assert covered([row(math.exp(0.104)), row(math.exp(0.106))]) == [
        ("a cortex-a73", True),
        ("a cortex-a73", False),
    ]
    pairs = anchored([row(1.0), row(math.exp(0.07), model="mobilenet_v2")])
    assert [held for _, held in covered_pairs(pairs)] == [False, False]
    pairs = anchored([row(1.0), row(math.exp(0.059), model="mobilenet_v2")])
    assert [held for _, held in covered_pairs(pairs)] == [True, True]


def test_one_phone_is_left_out_of_the_common_factor() -> None:
    found = without_others_bias([row(1.2), row(1.1, device="b"), row(1.1, device="c")])
    assert [error for _, error in found] == pytest.approx(
        [1.2 / 1.1 - 1, *[1.1 / math.sqrt(1.2 * 1.1) - 1] * 2]
    )


def test_speedups_need_the_same_network_on_one_thread(rows: list[Predicted]) -> None:
    ((found, published, predicted),) = speedups(rows)
    assert found.point.threads == 4
    assert published == pytest.approx(100 / 30)
    assert predicted == pytest.approx(120 / 33)
    ((_, alone_, _),) = speedups(rows[-1:])
    assert math.isnan(alone_)


def test_intervals_are_estimated_without_the_times_they_are_tried_on(rows: list[Predicted]) -> None:
    blind = blind_from_tuned(rows)
    assert {one.point.device for one in blind} == {"c"}
    narrow = [replace(one, ms=one.point.ms * (1.001 if one.point.device == "b" else 1.0)) for one in rows]
    (wide,) = {round(one.error, 6) for one in blind if one.point.threads == 1}
    (thin,) = {round(one.error, 6) for one in blind_from_tuned(narrow) if one.point.threads == 1}
    assert thin < wide
    assert (
        len(one_chip_left_out([*rows, row(1.05, device="d"), row(1.0, 9, "mobilenet_v2", "d")]))
        == len(rows) + 2
    )
    titles = [title for title, *_ in coverage(rows)]
    assert len(titles) == 3


def test_the_report_has_every_time_and_says_what_stands_in(rows: list[Predicted]) -> None:
    refused = Predicted(point(10, device="d", threads=4), None, reason="it has one core")
    other = row(1.0, device="e")
    other = replace(other, point=replace(other.point, stands_in="f at its clock"))
    report = text([*rows, refused, other], rows[:2], "layers", [("what", "why")])
    assert "it has one core" in report
    assert "- e: predicted with the f at its clock." in report
    assert "| e* |" in report
    assert "not judged" not in report
    listed = row(1.3, device="g", use="listed", reason="nobody knows")
    report = text([*rows, other], rows[:2], "layers", [], [listed])
    assert "- g: nobody knows." in report
    assert "+30.00 %" in report
    titles = {title: found for title, found, _ in summary([*rows, refused, other], rows[:2])}
    found = titles["no anchor, all of Arm's own cores"]
    assert found is not None
    assert (found.count, found.clusters) == (7, 4)


def test_only_what_is_used_is_predicted() -> None:
    points = [point(1.0), replace(point(2.0), use="listed", reason="old"), point(3.0, device="b")]
    assert [one.ms for one in chosen(points, None)] == [1.0, 3.0]
    assert [one.device for one in chosen(points, "pixel2 b")] == ["b"]


@pytest.mark.parametrize(
    ("value", "told"), [(5.6612, "5.66"), (12.34, "12.3"), (99.96, "100.0"), (349.3, "349")]
)
def test_milliseconds(value: float, told: str) -> None:
    assert milliseconds(value) == told


def test_different_shapes_are_those_of_the_micro_benchmark(tmp_path: Path) -> None:
    """XNNPACK's bench/gemm.h has 21 multiplications for MobileNet v2, the first convolution included."""
    path = tmp_path / "m.tflite"
    path.write_bytes(build_network("mobilenet_v2"))
    assert len(different_shapes(path)) == 21
    small = next(layer for layer in read_layers() if layer.size == 16)
    path.write_bytes(convolution(small))
    (op,) = read_model(path).ops()
    assert op.code == "CONV_2D"


def test_a_phone_of_little_cores_only() -> None:
    phone = load(ALL_A55)
    assert {cpu.part for cpu in phone.cpus} == {load("redmi9").cpus[0].part}
    assert len(phone.cpus) == 8
    assert load("pixel2").name == "pixel2"

from __future__ import annotations

import numpy as np
import pytest

from tests.prunable import GRAPHS
from tflprof.compress.prune.channels import Channels, regrouped
from tflprof.compress.prune.groups import Group, model_groups
from tflprof.model.build import build_network
from tflprof.model.read import read_model


def groups(content: bytes) -> dict[str, Group]:
    return {group.name: group for group in model_groups(read_model(content))}


def producers(name: str) -> list[tuple[str, ...]]:
    return [group.producers for group in groups(GRAPHS[name]()).values() if group.reason is None]


def test_ties_keep_the_first_reason() -> None:
    channels = Channels()
    some, others = channels.fresh(3), channels.fresh(3, "no")
    channels.tie(some[:1], others[:1])
    assert channels.reason(some[:1].tolist()) == "no"
    assert channels.reason(some[1:].tolist()) is None


@pytest.mark.parametrize(
    ("shape", "target", "place", "first"),
    [
        ((1, 2, 2, 3), (1, 12), 1, [0, 1, 2, 0]),
        ((1, 1, 1, 3), (1, 3), 1, [0, 1, 2]),
        ((1, 4, 4, 3), (1, 16, 3), 2, [0, 1, 2]),
    ],
)
def test_channels_are_followed_through_reshapes(
    shape: tuple[int, ...], target: tuple[int, ...], place: int, first: list[int]
) -> None:
    found = regrouped(shape, 3, np.arange(3), target)
    assert found is not None
    assert found[0] == place
    assert found[1][: len(first)].tolist() == first


def test_channels_that_are_taken_apart_are_not_followed() -> None:
    assert regrouped((1, 2, 2, 6), 3, np.arange(6), (1, 2, 2, 2, 3)) is None
    assert regrouped((1, 0, 2, 6), 3, np.arange(6), (0, 12)) is None


def test_a_plain_chain_has_a_group_per_convolution() -> None:
    found = groups(build_network("mobilenet_v1", 32, 0.25))
    assert [group.size for group in found.values()] == [
        8,
        16,
        *[32] * 2,
        *[64] * 2,
        *[128] * 6,
        *[256] * 2,
        1001,
    ]
    last = list(found.values())[-1]
    assert last.reason is not None
    assert "SOFTMAX" in last.reason


def test_both_sides_of_sums_are_tied() -> None:
    assert producers("residual") == [("0/0", "0/1", "0/4")]


def test_branches_side_by_side_stay_apart() -> None:
    found = groups(GRAPHS["joined"]())
    left, right = found["0/1"], found["0/2"]
    both = {slot.tensor for slot in left.slots} & {slot.tensor for slot in right.slots}
    assert both, "they meet in the tensors behind the concatenation"
    assert all(slot.cut(range(8)) in (8, 16) for slot in left.slots)


def test_halves_lose_the_same_channels() -> None:
    (group,) = (group for group in groups(GRAPHS["split"]()).values() if group.name == "0/0")
    assert group.size == 16
    assert all(slot.cut(range(8)) in (8, 16) for slot in group.slots)


def test_layers_with_the_same_weights_are_tied() -> None:
    assert ("0/0", "0/1", "0/2") in producers("shared")


def test_added_channels_go_with_what_they_are_added_to() -> None:
    (group,) = (group for group in groups(GRAPHS["widened"]()).values() if group.name == "0/0")
    assert group.producers == ("0/0", "0/2")
    assert group.size == 24
    assert sorted({slot.cut(range(16)) for slot in group.slots}) == [0, 8]


def test_channels_picked_by_number_stay() -> None:
    found = groups(GRAPHS["sliced"]())
    assert found["0/0"].reason is None
    assert "picks channels by number" in str(found["0/2"].reason)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet_50", "efficientnet_lite0"])
def test_only_the_classifier_is_frozen(name: str) -> None:
    found = groups(build_network(name, 32, 0.125))
    assert [group.reason is None for group in found.values()] == [True] * (len(found) - 1) + [False]


def test_predictors_of_a_detector_are_frozen_by_name() -> None:
    reasons = {group.reason for group in groups(build_network("ssd_mobilenet_v1", 64, 0.25)).values()}
    assert any("takes channels apart (RESHAPE" in str(reason) for reason in reasons)

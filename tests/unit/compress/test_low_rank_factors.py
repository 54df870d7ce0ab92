"""Products of thinner layers: exact where a layer has no more in it, closest on what comes in elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from tflprof.compress.low_rank.factors import WIDE, Factor, Floats, Moments, factorise, numerical_rank
from tflprof.compress.low_rank.stages import Stage, offers, stages, total_macs

RNG = np.random.default_rng(0)


def moments(inputs: Floats) -> Moments:
    return Moments(inputs.T @ inputs / len(inputs), inputs.mean(axis=0), len(inputs))


INPUTS = RNG.standard_normal((500, 16)) * np.arange(1, 17) + 3


def product(factors: list[Factor]) -> Floats:
    """The kernel that stages make together."""
    whole = factors[0].weights
    for factor in factors[1:]:
        if factor.weights.shape[1:3] == (1, 1):
            whole = np.einsum("or,rhwi->ohwi", factor.weights[:, 0, 0], whole)
        elif whole.shape[1:3] == (1, 1):
            whole = np.einsum("ohwr,ri->ohwi", factor.weights, whole[:, 0, 0])
        else:
            whole = np.einsum("owr,rhi->ohwi", factor.weights[:, 0], whole[:, :, 0])
    return whole


@pytest.mark.parametrize("known", [None, moments(INPUTS)])
@pytest.mark.parametrize("ranks", [(6, 5), (16, 5), (6, 20), (7, 6)])
def test_tucker_finds_the_parts_a_kernel_was_made_of(ranks: tuple[int, int], known: Moments | None) -> None:
    weights = np.einsum(
        "or,rhws,si->ohwi",
        RNG.standard_normal((20, 5)),
        RNG.standard_normal((5, 3, 3, 6)),
        RNG.standard_normal((6, 16)),
    )
    found = factorise("tucker", ranks, weights, np.zeros(20), known)
    assert len(found) == len(stages("tucker", ranks, Stage(20, 16, (3, 3))))
    assert np.allclose(product(found), weights)


@pytest.mark.parametrize("known", [None, moments(INPUTS)])
def test_spatial_finds_the_parts_a_kernel_was_made_of(known: Moments | None) -> None:
    weights = np.einsum("owr,rhi->ohwi", RNG.standard_normal((20, 3, 4)), RNG.standard_normal((4, 3, 16)))
    found = factorise("spatial", [4], weights, np.zeros(20), known)
    assert [factor.weights.shape for factor in found] == [(4, 3, 1, 16), (20, 1, 3, 4)]
    assert np.allclose(product(found), weights)


def test_weighted_is_closer_on_what_comes_in() -> None:
    weights = RNG.standard_normal((20, 1, 1, 16))
    errors = []
    for known in (None, moments(INPUTS)):
        first, second = factorise("svd", [6], weights, np.ones(20), known)
        between = INPUTS @ first.weights[:, 0, 0].T + first.bias
        found = between @ second.weights[:, 0, 0].T + second.bias
        errors.append(np.square(found - INPUTS @ weights[:, 0, 0].T - 1).mean())
        if known:
            assert np.abs(between.mean(axis=0)).max() < 1e-9
    assert errors[1] < 0.5 * errors[0]


def test_what_never_came_in_is_kept_at_full_rank() -> None:
    weights = RNG.standard_normal((20, 1, 1, 16))
    dead = INPUTS.copy()
    dead[:, 3:9] = 0
    assert np.allclose(product(factorise("svd", [99], weights, np.zeros(20), moments(dead))), weights)


def test_numerical_rank() -> None:
    matrix = RNG.standard_normal((20, 7)) @ RNG.standard_normal((7, 16))
    assert numerical_rank(matrix.reshape(20, 1, 1, 16)) == 7


def test_offers_are_multiples_of_eight_with_less_work() -> None:
    layer = Stage(64, 64, (3, 3), (2, 1))
    whole = layer.macs((14, 15), "SAME")
    found = offers(layer, (14, 15), "SAME", 4)
    assert {form for form, _ in found} == {"spatial", "tucker"}
    for form, ranks in found:
        assert all(rank % 8 == 0 for rank in ranks)
        assert total_macs(stages(form, ranks, layer), (14, 15), "SAME") < whole
    assert len(found) == 8
    assert offers(Stage(64, 64), (7, 7), "SAME", 6) == [("svd", (8,)), ("svd", (16,)), ("svd", (24,))]


@pytest.mark.parametrize("known", [True, False])
def test_layers_of_very_many_inputs_take_no_matrix_of_all_pairs(known: bool) -> None:
    inputs = RNG.standard_normal((20, WIDE + 904)) * (1 + 9 * (np.arange(WIDE + 904) < 500))
    weights = RNG.standard_normal((16, 1, 1, WIDE + 904))
    seen = Moments(np.square(inputs).mean(axis=0), inputs.mean(axis=0), 20) if known else None
    whole = factorise("svd", [99], weights, np.zeros(16), seen)
    assert np.allclose(product(whole), weights)
    lack = (weights - product(factorise("svd", [8], weights, np.zeros(16), seen)))[:, 0, 0]
    loud, faint = (np.square(part).sum() for part in (lack[:, :500], lack[:, 500:]))
    assert (loud / 500 < 0.9 * faint / (WIDE + 404)) == known

"""The example of a search: its space has the layers its networks have, its proxy tells published accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from examples.search.evolve import LISTED
from examples.search.quality import PUBLISHED, expected_accuracy
from examples.search.space import AXES, SPACE, build, work
from tflprof.model.configs import layer_configs
from tflprof.model.cost import model_cost
from tflprof.model.read import read_model
from tflprof.workflow.space import read_space

GENES = np.random.default_rng(1).integers(0, SPACE.sizes, (4, len(AXES)))


@pytest.mark.parametrize("number", range(len(GENES)))
def test_a_candidate_has_the_layers_of_its_network(number: int) -> None:
    values = {name: int(column[number]) for name, column in SPACE.values(GENES).items()}
    model = read_model(build(values))
    built = [layer.config for layer in layer_configs(model) if layer.config.op != "RESHAPE"]
    assert [config.key for config in built] == [config.key for config in SPACE.layers(GENES[number])]
    macs, parameters = work(SPACE.values(GENES))
    cost = model_cost(model).total
    assert (macs[number], parameters[number]) == (cost.macs, cost.parameters)


def test_widths_are_multiples_of_eight() -> None:
    widths = {
        value for name, values in AXES.items() if name.startswith(("stem", "width")) for value in values
    }
    assert all(width % 8 == 0 for width in widths)


def test_the_proxy_tells_published_accuracies_within_two_percent() -> None:
    macs, parameters, accuracy = np.array(PUBLISHED).T
    np.testing.assert_allclose(expected_accuracy(macs, parameters), accuracy, atol=0.02)


def test_the_listed_rows_are_few() -> None:
    assert 60 <= len(read_space(LISTED)) <= 120

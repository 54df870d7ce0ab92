"""What stands out in a model and costs more than it must, told from the file alone, without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tflprof.model.graph import Model
from tflprof.model.lint.activations import lint as lint_activations
from tflprof.model.lint.channels import lint as lint_channels
from tflprof.model.lint.constants import lint as lint_constants
from tflprof.model.lint.context import Context
from tflprof.model.lint.copies import lint as lint_copies
from tflprof.model.lint.finding import Gain, Lint
from tflprof.model.lint.islands import lint as lint_islands
from tflprof.model.lint.pads import lint as lint_pads
from tflprof.model.lint.pairs import lint as lint_pairs
from tflprof.model.lint.pointwise import lint as lint_pointwise
from tflprof.model.lint.refused import lint as lint_refused

__all__ = ["Gain", "Lint", "lint_model"]

_FAMILIES: tuple[Callable[[Context], Iterable[Lint]], ...] = (
    lint_refused,
    lint_islands,
    lint_pairs,
    lint_activations,
    lint_pads,
    lint_channels,
    lint_copies,
    lint_constants,
    lint_pointwise,
)


def lint_model(model: Model) -> tuple[Lint, ...]:
    """All lints of a model: advice before notes, the largest likely gain first.

    Never fails on a model that :func:`tflprof.model.read.read_model` accepts: what cannot be told is left out.
    """
    context = Context(model)
    found = [lint for family in _FAMILIES for lint in family(context)]
    return tuple(sorted(found, key=_order))


def _order(lint: Lint) -> tuple[bool, float]:
    share = lint.gain.share if lint.gain else None
    return lint.severity != "advice", -(share or 0.0)

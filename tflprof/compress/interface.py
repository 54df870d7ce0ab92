"""What a method of compression offers the planner, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from tflprof.compress.calibration import Calibration
    from tflprof.model.configs import LayerConfig
    from tflprof.model.edit import ModelEditor
    from tflprof.model.graph import Model
    from tflprof.op_config import OpConfig
    from tflprof.runtimes.execute import Executor

MOST_FIRST = 8
"""Options of an ordered knob that are looked at first."""


@dataclass(frozen=True)
class Change:
    """One change of a model, as it stands in a plan.

    Attributes:
        method: name of the method that makes it.
        layers: ids of the original model's layers that it touches, such as ``0/12``.
        parameters: what the method needs to make it again, JSON values only.
    """

    method: str
    layers: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """One way to set a knob; ``change`` is None if it leaves the layers as they are."""

    label: str
    change: Change | None


@dataclass(frozen=True)
class Knob:
    """A choice among options, of which exactly one is taken. Option 0 leaves everything as it is.

    Attributes:
        name: unique among all knobs of a plan, such as ``low_rank 0/12``.
        method: name of its method.
        layers: ids of the original model's layers whose cost depends on it.
        options: at least one.
        ordered: whether each option cuts a little more than the one before, so that what lies between two of them is
            like both: where there are many, a planner may begin with some.
    """

    name: str
    method: str
    layers: tuple[str, ...]
    options: tuple[Option, ...]
    ordered: bool = False

    @property
    def first(self) -> tuple[int, ...]:
        """Places of the options that are looked at first: 0, and all or a few that are spread evenly."""
        last = len(self.options) - 1
        if not self.ordered or last <= MOST_FIRST:
            return tuple(range(last + 1))
        steps = (last - 1) / (MOST_FIRST - 1)
        return (0, *(round(1 + number * steps) for number in range(MOST_FIRST)))


@dataclass(frozen=True)
class Refusal:
    """Why a method offers nothing for some layers."""

    method: str
    layers: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Subject:
    """What is to be compressed, with what is needed to judge changes of it.

    Attributes:
        model: the model, read.
        layers: its layers with the configurations that latency tables know.
        calibration: inputs on which activations and fidelity are looked at.
        executor: runs models, the original and edited ones, on such inputs.
    """

    model: Model
    layers: tuple[LayerConfig, ...]
    calibration: Calibration
    executor: Executor


class Method(Protocol):
    """One method of compression."""

    @property
    def name(self) -> str:
        """What plans and ``--methods`` call it."""

    def knobs(self, subject: Subject) -> tuple[list[Knob], list[Refusal]]:
        """What could be changed, and why nothing can where nothing can."""

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        """What would run in place of ``configs``, which is what runs now for a layer. Pure and fast."""

    def apply(self, editor: ModelEditor, changes: Sequence[Change], subject: Subject) -> ModelEditor | None:
        """Make changes. Layers are named as in the original model, whatever was changed before.

        Args:
            editor: what the model has become so far.
            changes: those of this method.
            subject: the original model.

        Returns:
            Another editor if the file was written anew, with the original ids; else None.
        """


@dataclass(frozen=True)
class Coupling:
    """What runs in addition for some combinations of options, such as where int8 meets float.

    Attributes:
        knobs: names of the knobs that it depends on.
        between: from an option of each to the operators that run in addition.
    """

    knobs: tuple[str, ...]
    between: Callable[[tuple[Option, ...]], tuple[OpConfig, ...]]


@runtime_checkable
class CoupledMethod(Protocol):
    """A method whose knobs have costs in common."""

    def couplings(self, subject: Subject, knobs: Sequence[Knob]) -> Sequence[Coupling]:
        """Costs that depend on several of its knobs, beyond what :meth:`Method.rewrite` tells of each layer."""


@runtime_checkable
class JudgingMethod(Protocol):
    """A method that knows the loss of its options better than the divergence of outputs does."""

    def loss(self, subject: Subject, option: Option) -> float | None:
        """Loss of an option, None if it is to be found by running it."""

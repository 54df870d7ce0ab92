"""A world in which costs and losses are made up: layers with widths, a method that narrows them, a table, a target."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from tflprof.compress.interface import Change, Coupling, Knob, Option, Refusal, Subject
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs
from tflprof.compress.planning.plan import Amount
from tflprof.compress.planning.planner import Planner
from tflprof.compress.planning.proxies import UNUSABLE
from tflprof.model.configs import LayerConfig
from tflprof.op_config import OpConfig, TensorConfig

WIDTHS = (32, 24, 16, 8)


def config(width: int, op: str = "CONV_2D") -> OpConfig:
    return OpConfig(op, (TensorConfig((1, width), "float32"),), (TensorConfig((1, width), "float32"),))


def layers(count: int) -> tuple[LayerConfig, ...]:
    return tuple(LayerConfig(f"0/{i}", f"layer {i}", config(32), i == 0, True) for i in range(count))


class Narrowing:
    """Each layer at one of four widths, by a knob of its own; named as a method that there is."""

    def __init__(self, name: str = "low_rank", *, ordered: bool = False) -> None:
        self.name = name
        self.ordered = ordered

    def knobs(self, subject: Any) -> tuple[list[Knob], list[Refusal]]:
        found = [
            Knob(
                f"{self.name} {layer.id}",
                self.name,
                (layer.id,),
                tuple(
                    Option(f"width {w}", None if w == 32 else Change(self.name, (layer.id,), {"width": w}))
                    for w in WIDTHS
                ),
                self.ordered,
            )
            for layer in subject.layers
        ]
        return found, [Refusal(self.name, ("0/9",), "it is not there")]

    def rewrite(self, layer: str, configs: tuple[OpConfig, ...], option: Option) -> tuple[OpConfig, ...]:
        assert option.change is not None
        return tuple(config(option.change.parameters["width"]) for _ in configs)

    def apply(self, editor: Any, changes: Sequence[Change], subject: Any) -> None:
        raise AssertionError("nothing is edited here")


class Deciding(Narrowing):
    """What it costs depends on data: no table knows."""

    measured_with_model = True

    def __init__(self) -> None:
        super().__init__("nms")


class Meeting(Narrowing):
    """What is narrow and what is not need an operator between them."""

    def couplings(self, subject: Any, knobs: Sequence[Knob]) -> list[Coupling]:
        def between(options: tuple[Option, ...]) -> tuple[OpConfig, ...]:
            changed = [option.change is not None for option in options]
            return (config(32, "QUANTIZE"),) if len(set(changed)) > 1 else ()

        return [Coupling((a.name, b.name), between) for a, b in itertools.pairwise(knobs)]


@dataclass(frozen=True)
class Known:
    value: float
    kind: str = "exact"
    instructions: float | None = None
    reason: str = ""


class Rows:
    """Costs 10 per channel; widths that are left out are missing."""

    def __init__(self, missing: Sequence[int] = (), factor: float = 10.0) -> None:
        self.missing = missing
        self.factor = factor
        self.asked = 0

    def estimates(self, configs: Sequence[OpConfig], first: bool = False) -> list[Known]:
        self.asked += len(configs)
        return [self._one(one) for one in configs]

    def _one(self, one: OpConfig) -> Known:
        width = one.inputs[0].shape[1]
        if width in self.missing:
            return Known(float("nan"), "missing", reason="no row")
        return Known(self.factor * width * (0.5 if one.op == "QUANTIZE" else 1.0))


class World:
    """Losses grow with what is cut, more in the first layers; the target is slower than the table by a factor."""

    def __init__(self, slower: float = 1.0, broken: Sequence[str] = (), power: float = 1.0) -> None:
        self.slower, self.broken, self.power = slower, broken, power
        self.table = Rows()
        self.subject: Any = None
        self.reference = SimpleNamespace(kind="logits")
        self.measured: list[float] = []

    def alone(self, option: Option) -> float:
        return 0.0 if option.change is None else self.together([option.change])

    def together(self, changes: Sequence[Change]) -> float:
        if any(change.parameters["width"] == 8 and change.layers[0] in self.broken for change in changes):
            return UNUSABLE
        parts = (
            ((32 - change.parameters["width"]) / 32 / (1 + int(change.layers[0][2:]))) ** self.power
            for change in changes
        )
        return float(sum(parts) ** (1 / self.power))

    def applied(self, changes: Sequence[Change]) -> Any:
        return SimpleNamespace(content=changes)

    def measure(self, changes: Any) -> Amount:
        widths = {layer.id: 32 for layer in self.subject.layers}
        widths |= {change.layers[0]: change.parameters["width"] for change in changes}
        value = self.slower * 10.0 * sum(widths.values())
        self.measured.append(value)
        return Amount(value, value, value, measured=True)


def planner(world: World, count: int = 4, method: Any = None, *, live: bool = True) -> tuple[Planner, Amount]:
    """A planner of that world, and the latency of the model as it is."""
    data: Any = SimpleNamespace(
        sha256="0" * 64, source="given", tells_quality=True, place="", __len__=lambda: 1
    )
    executor: Any = None
    graph: Any = SimpleNamespace(path="model.tflite", sha256="0" * 64)
    subject = Subject(graph, layers(count), data, executor)
    world.subject = subject
    method = method or Narrowing()
    candidates = Candidates(subject, {method.name: method})
    bench: Any = world if live else None
    made = Planner(candidates, world, Costs(world.table), bench, lambda *_: None)
    before = replace(world.measure([]), measured=live)
    return made, before

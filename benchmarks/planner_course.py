"""One network with everything that it takes to compress it in several ways, and to judge what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.planner_judges import HeldOut
from benchmarks.planner_networks import Network
from benchmarks.planner_rivals import greedy, random_choices, uniform
from tflprof.compress.fidelity import output_kind
from tflprof.compress.interface import Change, Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.additivity import Additivity
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs, Overheads
from tflprof.compress.planning.outcome import Circumstances, written
from tflprof.compress.planning.planner import Outcome, Planner, Wish
from tflprof.compress.planning.proxies import Losses, LossMemory
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import write_table
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compress_bench import LiveBench

TARGET = "emulated:pixel2"
METHODS = ("prune", "low_rank")
RANDOM_PLANS = 50


class Course:
    """One network; rows and losses that were found are kept in a folder."""

    def __init__(self, network: Network, kept: Path, executor: Executor) -> None:
        graph = read_model(network.model)
        self.network = network
        self.executor = executor
        self.subject = Subject(graph, layer_configs(graph), network.calibration, executor)
        self.rows = kept / f"{network.name}.parquet"
        known = self.rows if self.rows.exists() else None
        self.bench = LiveBench(graph, known, {"target": TARGET}, lambda _: None)
        self.bench.measure_before()
        memory = LossMemory(kept / "losses", graph.sha256, network.calibration.sha256)
        self.planners = {
            kind: self._planner(methods, memory)
            for kind, methods in (("all", METHODS), ("prune", METHODS[:1]))
            if kind in network.kinds
        }
        (name, values), *_ = network.held_out.items()
        samples = [{name: value[None]} for value in values]
        reference = executor.run(network.model, samples, dequantised=True)
        self.held_out = HeldOut(samples, reference, output_kind(graph), network.measure)
        before = self.bench.before()
        assert before is not None
        self.before = before
        self.additivity: Additivity | None = None

    def _planner(self, methods: Sequence[str], memory: LossMemory) -> Planner:
        candidates = Candidates(self.subject, open_methods(methods))
        losses = Losses(self.subject, candidates.methods, memory)
        over = self.bench.table.meta.overheads
        costs = Costs(self.bench.table, Overheads(over.model, over.part, over.layer))
        return Planner(candidates, losses, costs, self.bench, lambda *_: None)

    def keep(self) -> None:
        """Rows that were measured are not measured again."""
        write_table(self.rows, self.bench.stored)

    def offered(self) -> dict[str, Any]:
        """How much each method offers, and for how many layers it offers nothing, by reason."""
        candidates = self.planners["all"].candidates
        knobs = Counter(knob.method for knob in candidates.knobs)
        options = Counter(knob.method for knob in candidates.knobs for _ in knob.options[1:])
        refused = Counter(f"{one.method}: {one.reason}" for one in candidates.refusals)
        return {"knobs": dict(knobs), "options": dict(options), "refused": dict(refused)}

    def planned(self, budget: float, kind: str = "all") -> dict[str, Any]:
        """What the planner makes of a budget."""
        planner = self.planners[kind]
        planner.costs.renew(self.bench.table)
        for variant in planner.variants:
            variant.forget()
        outcome = planner.plan(Wish(budget), self.before)
        self.keep()
        if kind == "all":
            self.additivity = outcome.additivity
        found = self._judged(planner, planner.changes(outcome.choice) if outcome.choice else [])
        return found | {
            "budget": budget,
            "feasible": outcome.feasible,
            "rounds": [vars(one) for one in outcome.rounds],
            "first_error": _first_error(outcome),
            "after": self._after(planner, outcome, budget),
        }

    def rival(self, name: str, budget: float) -> dict[str, Any] | None:
        """What a simpler way makes of a budget; None if it does not get there."""
        planner = self.planners["all"]
        variant = planner.variants[0]
        within = budget * variant.priced.cost((0,) * len(variant.space.knobs)) / self.before.value
        if name == "greedy":
            changes = greedy(planner, within)
        else:
            changes = uniform(variant, "prune" if name == "uniform width" else "low_rank", within)
        return None if changes is None else self._judged(planner, changes)

    def spearman(self) -> dict[str, Any]:
        """How losses that are predicted for random plans rank beside their true ones."""
        planner = self.planners["all"]
        if self.additivity is None:
            self.planned(self.network.shares[-1] * self.before.value)
        assert self.additivity is not None
        variant = planner.variants[0]
        plain, fitted, true, held = [], [], [], []
        for choices in random_choices(variant, RANDOM_PLANS):
            alone = variant.losses_alone(choices)
            changes = [option.change for _, option in variant.changes(choices) if option.change is not None]
            plain.append(sum(alone.values()))
            fitted.append(self.additivity.predict(alone))
            true.append(planner.losses.together(changes))
            held.append(self._judge(planner, changes)["divergence"])
        return {
            "plans": len(true),
            "plain": float(spearmanr(plain, true).statistic),
            "fitted": float(spearmanr(fitted, true).statistic),
            "held_out": float(spearmanr(fitted, held).statistic),
            "median_ratio": _median_ratio(fitted, true),
            "median_ratio_plain": _median_ratio(plain, true),
            "power": self.additivity.power,
            "points": [list(one) for one in zip(plain, fitted, true, held, strict=True)],
        }

    def _judged(self, planner: Planner, changes: Sequence[Change]) -> dict[str, Any]:
        content = planner.losses.applied(changes).content
        latency = self.bench.measure(content).value if changes else self.before.value
        loss = planner.losses.together(changes)
        return {"latency": latency, "loss": loss, "changes": len(changes)} | self.held_out.judge(
            self.executor, content
        )

    def _judge(self, planner: Planner, changes: Sequence[Change]) -> dict[str, float]:
        return self.held_out.judge(self.executor, planner.losses.applied(changes).content)

    def _after(self, planner: Planner, outcome: Outcome, budget: float) -> float:
        meta = self.bench.stored.meta
        around = Circumstances(TARGET, {}, "ns", meta.provenance, "", budget, self.before, {}, points=2)
        return written(planner, outcome, around, self.bench.table).after.value


def _first_error(outcome: Outcome) -> float | None:
    """Obtained over predicted latency before anything like it was measured, minus 1."""
    first = outcome.rounds[0] if outcome.rounds else None
    return None if first is None or first.obtained is None else first.obtained / first.predicted - 1


def _median_ratio(predicted: Sequence[float], true: Sequence[float]) -> float:
    """The factor by which predictions are off in the middle; of plans that lose nothing there is none."""
    pairs = [(a, b) for a, b in zip(predicted, true, strict=True) if a > 0 and b > 0]
    return float(np.exp(np.median([abs(np.log(a / b)) for a, b in pairs])))

"""Does the planner keep its promises, and does it beat simpler ways to the same latency, on trained networks?

Networks trained on handwritten digits (``python -m examples.digits.train FOLDER``) are compressed by pruning and
low rank to five budgets each on an emulated Pixel 2. Greedy pruning (NetAdapt), one share for all widths and one
share for all ranks go first; the planner then gets the latency that each of them was measured at, and its result,
measured too, may not be above it. All are judged on held-out digits.
``python -m benchmarks.planner --models FOLDER`` (``build/digits`` by default); what was found is kept in
``build/planner``, so that it goes on where it was ended.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from benchmarks import common
from benchmarks.planner_report import plot, text
from benchmarks.planner_rivals import greedy, random_choices, uniform
from tflprof.compress.calibration import load_calibration
from tflprof.compress.fidelity import divergence, output_kind
from tflprof.compress.interface import Change, Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs, Overheads
from tflprof.compress.planning.outcome import Circumstances, written
from tflprof.compress.planning.planner import Outcome, Planner, Wish
from tflprof.compress.planning.proxies import Losses, LossMemory
from tflprof.compress.planning.search import Search
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import write_table
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compress_bench import LiveBench

NAME = "planner"
TARGET = "emulated:pixel2"
NETWORKS = ("mobile", "residual", "plain")
SHARES = (0.8, 0.65, 0.5, 0.4, 0.3)
METHODS = ("prune", "low_rank")
RANDOM_PLANS = 50
SAMPLES = 128
KEPT = Path("build") / NAME


@dataclass(frozen=True)
class HeldOut:
    """Digits that nothing was fitted to, and what the original says of them."""

    samples: Sequence[Mapping[str, npt.NDArray[Any]]]
    labels: npt.NDArray[np.int64]
    reference: Sequence[Mapping[str, npt.NDArray[Any]]]
    kind: str

    def judge(self, executor: Executor, content: bytes) -> dict[str, float]:
        """Accuracy, agreement with the original, and divergence from it."""
        found = executor.run(content, self.samples, dequantised=True)
        own, teacher = _answers(found), _answers(self.reference)
        return {
            "accuracy": float(np.mean(own == self.labels)),
            "agreement": float(np.mean(own == teacher)),
            "divergence": divergence(self.reference, found, self.kind),
        }


class Course:
    """One network with everything to compress and judge it."""

    def __init__(self, model: Path, folder: Path, executor: Executor) -> None:
        graph = read_model(model)
        self.executor = executor
        data = load_calibration(folder / "calibration.npz", graph).first(SAMPLES)
        self.subject = Subject(graph, layer_configs(graph), data, executor)
        self.rows = KEPT / f"{model.stem}.parquet"
        known = self.rows if self.rows.exists() else None
        self.bench = LiveBench(graph, known, {"target": TARGET}, lambda _: None)
        self.bench.measure_before()
        memory = LossMemory(KEPT / "losses", graph.sha256, data.sha256)
        self.planners = {
            kind: self._planner(methods, memory)
            for kind, methods in (("all", METHODS), ("prune", METHODS[:1]))
        }
        self.held_out = _held_out(folder, executor, model, output_kind(graph))
        before = self.bench.before()
        assert before is not None
        self.before = before

    def _planner(self, methods: Sequence[str], memory: LossMemory) -> Planner:
        candidates = Candidates(self.subject, open_methods(methods))
        losses = Losses(self.subject, candidates.methods, memory)
        over = self.bench.table.meta.overheads
        costs = Costs(self.bench.table, Overheads(over.model, over.part, over.layer))
        return Planner(candidates, losses, costs, self.bench, lambda *_: None)

    def keep(self) -> None:
        """Rows that were measured are not measured again."""
        write_table(self.rows, self.bench.stored)

    def planned(self, budget: float, kind: str = "all") -> dict[str, Any]:
        """What the planner makes of a budget."""
        planner = self.planners[kind]
        planner.costs.renew(self.bench.table)
        for variant in planner.variants:
            variant.forget()
        outcome = planner.plan(Wish(budget), self.before)
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
        variant = planner.variants[0]
        search = Search(planner.variants, planner.losses, 8, lambda *_: None)
        for share in SHARES:
            search.best(share * self.before.value)
        plain, fitted, true, held = [], [], [], []
        for choices in random_choices(variant, RANDOM_PLANS):
            alone = variant.losses_alone(choices)
            changes = [option.change for _, option in variant.changes(choices) if option.change is not None]
            plain.append(sum(alone.values()))
            fitted.append(search.additivity.predict(alone))
            true.append(planner.losses.together(changes))
            held.append(self._judge(planner, changes)["divergence"])
        return {
            "plans": len(true),
            "plain": float(spearmanr(plain, true).statistic),
            "fitted": float(spearmanr(fitted, true).statistic),
            "held_out": float(spearmanr(fitted, held).statistic),
            "median_ratio": float(np.exp(np.median(np.abs(np.log(np.array(fitted) / np.array(true)))))),
            "median_ratio_plain": float(np.exp(np.median(np.abs(np.log(np.array(plain) / np.array(true)))))),
            "power": search.additivity.power,
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


def _held_out(folder: Path, executor: Executor, model: Path, kind: str) -> HeldOut:
    with np.load(folder / "heldout.npz") as data:
        images, labels = data["image"], data["labels"]
    samples = [{"image": image[None]} for image in images]
    return HeldOut(samples, labels, executor.run(model, samples, dequantised=True), kind)


def _answers(outputs: Sequence[Mapping[str, npt.NDArray[Any]]]) -> npt.NDArray[np.intp]:
    return np.array([int(np.argmax(next(iter(one.values())))) for one in outputs])


def examine(model: Path, folder: Path) -> dict[str, Any]:
    """Everything about one network; what was found before is taken from ``build/planner``."""
    kept = KEPT / f"{model.stem}.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"budgets": []}
    if "spearman" in found:
        return found
    with Executor() as executor:
        course = Course(model, folder, executor)
        found["before"] = course.before.value
        found["original"] = course.held_out.judge(executor, model.read_bytes())
        for share in SHARES[len(found["budgets"]) :]:
            found["budgets"].append(_at(course, share))
            print(f"{model.stem} at {share:.0%}", flush=True)
            course.keep()
            kept.write_text(json.dumps(found))
        found["spearman"] = course.spearman()
        kept.write_text(json.dumps(found))
    return found


def _at(course: Course, share: float) -> dict[str, Any]:
    """All ways to one budget."""
    budget = share * course.before.value
    entry: dict[str, Any] = {"share": share, "planned": course.planned(budget)}
    for name in ("greedy", "uniform width", "uniform rank"):
        rival = course.rival(name, budget)
        if rival is not None:
            kinds = ("all", "prune") if name == "greedy" else ("all",)
            against = {kind: course.planned(rival["latency"], kind) for kind in kinds}
            entry[name] = {"rival": rival, "planner": against}
    return entry


def main() -> None:
    """Run what is not kept yet, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("build/digits"), help="of examples.digits.train")
    parser.add_argument("--only", default=",".join(NETWORKS))
    parser.add_argument("--publish", action="store_true", help="only publish what is kept")
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    names = options.only.split(",")
    if options.publish:
        kept = {name: KEPT / f"{name}.json" for name in names}
        found = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
    else:
        found = {name: examine(options.models / f"{name}.tflite", options.models) for name in names}
    common.publish(
        NAME,
        "The planner beside simpler ways to the same latency",
        text(found),
        {"networks": found},
        options.out,
    )
    plot(found, options.out / f"{NAME}.svg")


if __name__ == "__main__":
    main()

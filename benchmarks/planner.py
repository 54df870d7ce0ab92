"""Does the planner keep its promises, and does it beat simpler ways to the same latency, on trained networks?

Networks trained on handwritten digits (``python -m examples.digits.train FOLDER``) and pre-trained files of packages
are compressed by pruning and low rank to five budgets each on an emulated Pixel 2. Greedy pruning (NetAdapt), one
share for all widths and one share for all ranks go first; the planner then gets the latency that each of them was
measured at, and its result, measured too, may not be above it. All are judged on held-out digits, or against the
original on crops of photographs that nothing was fitted to.
``python -m benchmarks.planner --models FOLDER`` (``build/digits`` by default); what was found is kept in
``build/planner``, so that it goes on where it was ended.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.planner_course import Course
from benchmarks.planner_networks import DIGITS, PRETRAINED, open_network
from benchmarks.planner_plot import plot
from benchmarks.planner_report import text
from tflprof.runtimes.execute import Executor

NAME = "planner"
NETWORKS = (*DIGITS, *PRETRAINED)
KEPT = Path("build") / NAME


def examine(name: str, digits: Path, work: Path) -> dict[str, Any]:
    """Everything about one network; what was found before is taken from the work folder."""
    kept = work / f"{name}.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"budgets": []}
    if found["budgets"] and "offered" not in found:
        found = {"budgets": []}  # of a planner that had other options
    if "spearman" in found:
        return found
    network = open_network(name, digits, work)
    with Executor() as executor:
        course = Course(network, work, executor)
        found["before"] = course.before.value
        found["original"] = course.held_out.judge(executor, network.model.read_bytes())
        found["model"] = network.model.name
        found["samples"] = {"fitted": len(network.calibration), "judged": len(course.held_out.samples)}
        found["offered"] = course.offered()
        for share in network.shares[len(found["budgets"]) :]:
            found["budgets"].append(_at(course, share, work / f"{name}_greedy.json"))
            print(f"{name} at {share:.0%}", flush=True)
            course.keep()
            kept.write_text(json.dumps(found))
        found["spearman"] = course.spearman()
        kept.write_text(json.dumps(found))
    return found


def _at(course: Course, share: float, greedy: Path) -> dict[str, Any]:
    """All ways to one budget; ``greedy`` keeps where the greedy way went, which takes long and is always the same."""
    budget = share * course.before.value
    entry: dict[str, Any] = {"share": share, "planned": course.planned(budget)}
    known: dict[str, Any] = json.loads(greedy.read_text()) if greedy.exists() else {}
    for name in ("greedy", "uniform width", "uniform rank"):
        key = f"{share} of {course.before.value}"
        rival = known[key] if name == "greedy" and key in known else course.rival(name, budget)
        if name == "greedy":
            greedy.write_text(json.dumps(known | {key: rival}))
        if rival is not None:
            kinds = course.network.kinds if name == "greedy" else ("all",)
            against = {kind: course.planned(rival["latency"], kind) for kind in kinds}
            entry[name] = {"rival": rival, "planner": against}
    return entry


def main() -> None:
    """Run what is not kept yet, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("build/digits"), help="of examples.digits.train")
    parser.add_argument("--only", default=",".join(NETWORKS))
    parser.add_argument("--publish", action="store_true", help="only publish what is kept")
    parser.add_argument("--work", type=Path, default=KEPT, help="where what was found is kept")
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    names = options.only.split(",")
    if options.publish:
        kept = {name: options.work / f"{name}.json" for name in names}
        found = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
        if not found:
            parser.error(f"nothing is kept in {options.work}: leave --publish out")
    else:
        found = {name: examine(name, options.models, options.work) for name in names}
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

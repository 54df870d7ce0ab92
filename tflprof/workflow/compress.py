"""Compression of a model: what could be changed, which changes meet a budget, and making them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflprof.analysis.budget import parse_limit
from tflprof.compress.apply import apply_changes
from tflprof.compress.interface import Subject
from tflprof.compress.methods import open_methods
from tflprof.compress.planning.candidates import Candidates
from tflprof.compress.planning.costs import Costs
from tflprof.compress.planning.outcome import Circumstances, obstacles, written
from tflprof.compress.planning.plan import Amount, Plan, check_model
from tflprof.compress.planning.planner import Planner, Wish
from tflprof.compress.planning.proxies import Losses
from tflprof.compress.planning.search import find_search
from tflprof.errors import TflprofError, UsageError
from tflprof.files import check_writable, write_atomically
from tflprof.measure.interrupt import HeldSignals
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.runtimes.execute import Executor
from tflprof.workflow.compress_bench import LiveBench
from tflprof.workflow.compress_evaluate import evaluate
from tflprof.workflow.compress_list import Listed as Listed
from tflprof.workflow.compress_list import list_candidates as list_candidates
from tflprof.workflow.compress_subject import (
    KEPT,
    CompressionOptions,
    calibration_of_plan,
    check_conditions,
    costs_of,
    ignore,
    kernels_of_plan,
    memory_of,
    opened,
    teller,
)
from tflprof.workflow.progress import OnProgress


@dataclass(frozen=True)
class Planned:
    """A plan, with what holds the model back if it does not meet the budget; the rows are all that is known by now.

    ``stopped`` is what ended planning early (KeyboardInterrupt for Ctrl-C or SIGTERM), or kept the evaluation from
    telling the accuracy; the plan then is the best that had been measured.
    """

    plan: Plan
    obstacles: Sequence[str]
    bench: LiveBench
    stopped: BaseException | None = None


def plan_compression(
    model: Path, budget: str, options: CompressionOptions, *, on_progress: OnProgress | None = None
) -> Planned:
    """Choose changes that meet a budget of latency at the least loss.

    Args:
        model: path of the model.
        budget: in the target's unit, such as ``30ms`` or ``20Minst``.
        options: with what, and how.
        on_progress: called now and then.

    Raises:
        TflprofError: one of :mod:`tflprof.errors`, telling what, why and what next.
    """
    limit, unit = parse_budget(budget)
    find_search(options.solver)
    with HeldSignals(holding=False), opened(model, options, needs_data=True) as subject:
        bench = _bench(subject, options, on_progress or ignore)
        bench.count_in(_unit_of(budget, unit, bench))
        candidates = Candidates(subject, open_methods(options.methods))
        losses = Losses(subject, candidates.methods, memory_of(subject, options))
        costs = costs_of(bench)
        live = bench if options.rounds else None
        planner = Planner(candidates, losses, costs, live, teller(on_progress or ignore))
        now = bench.before() or _by_table(candidates, costs)
        wish = Wish(limit, options.rounds, options.trials, options.solver)
        outcome = planner.plan(wish, now)
        around = _circumstances(options, bench, budget, limit, now)
        plan, stopped = written(planner, outcome, around, bench.table), outcome.stopped
        if options.evaluate is not None and stopped is None:
            plan, stopped = _evaluated(options.evaluate, losses, plan)
        held = [] if plan.feasible else obstacles(plan.layers, candidates.refusals)
        return Planned(plan, held, bench, stopped)


def _bench(subject: Subject, options: CompressionOptions, tell: OnProgress) -> LiveBench:
    """Where the model is measured; measured there as it is, if anything is."""
    keep = options.table if options.update else None
    bench = LiveBench(subject.model, options.table, options.how, tell, keep=keep)
    check_conditions(bench, options)
    if options.rounds or not bench.is_known:
        bench.measure_before()
    return bench


def _evaluated(command: str, losses: Losses, plan: Plan) -> tuple[Plan, BaseException | None]:
    """The plan with accuracies; without them if the command fails, which is no reason to lose the plan."""
    try:
        return replace(plan, accuracy=_accuracy(command, losses, plan)), None
    except (TflprofError, KeyboardInterrupt) as error:
        return plan, error


def _accuracy(command: str, losses: Losses, plan: Plan) -> dict[str, float]:
    """What the user's command says of the model before and after."""
    old = Path(losses.subject.model.path)
    before = evaluate(command, old)
    if not plan.changes:
        return {"before": before, "after": before}
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        new = Path(folder) / f"{old.stem}-compressed.tflite"
        new.write_bytes(losses.applied([planned.change for planned in plan.changes]).content)
        return {"before": before, "after": evaluate(command, new)}


def apply_plan(
    plan: Plan, model: Path, output: Path, *, overwrite: bool = False, calibration: Path | None = None
) -> None:
    """Make the changes of a plan and write the new model; ``calibration``: other samples than those of the plan.

    Raises:
        UsageError: the plan is of another model, or names what there is not; the output exists.
        ModelError: the model has parts that cannot be kept.
    """
    check_writable(output, overwrite=overwrite)
    graph = read_model(model)
    check_model(plan, graph)
    if not plan.changes:
        write_atomically(output, lambda part: part.write_bytes(model.read_bytes()))
        return
    changes = [planned.change for planned in plan.changes]
    methods = open_methods(sorted({change.method for change in changes}))
    with Executor() as executor:
        layers = layer_configs(graph, kernels_of_plan(plan))
        subject = Subject(graph, layers, calibration_of_plan(plan, graph, calibration), executor)
        content = apply_changes(subject, changes, methods).content
    write_atomically(output, lambda part: part.write_bytes(content))


def parse_budget(text: str) -> tuple[float, str]:
    """Value and unit of a budget: ``ns``, ``cycles``, ``instructions`` or ``count``. Raises UsageError for others."""
    limit = parse_limit(text)
    if limit.subject != "total" or limit.absolute is None or limit.unit == "bytes":
        raise UsageError(
            f"the budget {text!r} is no latency of the whole model",
            "such as --budget 30ms or --budget 20Minst",
        )
    return limit.absolute, str(limit.unit)


def _unit_of(text: str, unit: str, bench: LiveBench) -> str:
    """The unit that costs are to be in."""
    own = bench.stored.meta.unit
    has_counts = own == "instructions" or any(row.instructions is not None for row in bench.stored.rows)
    if unit == own or (unit == "count" and own != "ns"):
        return own
    if unit in ("instructions", "count") and has_counts:
        return "instructions"
    also = " and instructions" if has_counts and own == "ns" else ""
    raise UsageError(
        f"the budget {text!r} is in {unit}, and the table has {own}{also}",
        "give a time, such as 30ms" if own == "ns" else "give a number of instructions, such as 20Minst",
    )


def _by_table(candidates: Candidates, costs: Costs) -> Amount:
    total = candidates.total(costs)
    return Amount(total, total, total, measured=False)


def _circumstances(
    options: CompressionOptions, bench: LiveBench, text: str, limit: float, before: Amount
) -> Circumstances:
    meta = bench.stored.meta
    table = {
        "path": None if options.table is None else str(options.table),
        "target": f"{meta.target.kind}:{meta.target.name}",
        "runtime": dict(meta.runtime),
        "kernels": meta.kernels,
        "threads": meta.threads,
        "rows": len(bench.stored.rows),
    }
    how = {
        key: str(value.resolve()) if isinstance(value, Path) else value
        for key, value in options.how.items()
        if key in KEPT and value is not None
    }
    target = str(options.how.get("target", ""))
    return Circumstances(target, table, bench.unit, meta.provenance, text, limit, before, how)

"""The cases of a gate: of the command line, or of the configuration's ``[[gate.case]]`` tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflprof.cli.measure_options import prediction
from tflprof.cli.options import is_typed, parse_files, parse_shapes
from tflprof.cli.phone_options import chosen_core, phone_setup
from tflprof.errors import UsageError

if TYPE_CHECKING:
    import typer

    from tflprof.workflow.gate_case import CaseSpec

_OF_ONE_MODEL = ("baseline", "budget")
_DEFAULT_BUDGETS = ("+3%",)
"""What a baseline is for, if nobody says."""


def case_specs(
    context: typer.Context, model: Path | None, options: Mapping[str, Any], *, update: bool
) -> list[CaseSpec]:
    """What is to be judged.

    Args:
        context: of the verb; its default map is the table ``[gate]``.
        model: the model or profile of the command line; None: the configuration's cases.
        options: the verb's parameters by name, the configuration's defaults included.
        update: the baselines are to be replaced, and nothing need be judged.

    Raises:
        UsageError: there is nothing to judge, or a value is wrong.
    """
    if model is not None:
        return [_spec(context, {**options, "model": model}, update)]
    cases = (context.default_map or {}).get("case") or []
    if not cases:
        raise UsageError(
            "there is nothing to judge: no MODEL, and no [[gate.case]] in a configuration",
            "give a MODEL, or a configuration with --config FILE",
        )
    for name in _OF_ONE_MODEL:
        if is_typed(context, name):
            raise UsageError(
                f"--{name} is for one MODEL, and the configuration has its own", "give the MODEL, too"
            )
    specs = [_spec(context, _merged(context, options, case), update) for case in cases]
    titles = [spec.title for spec in specs]
    for title in titles:
        if titles.count(title) > 1:
            raise UsageError(
                f"two cases of the gate are called {title!r}", "give each a name = '…' of its own"
            )
    return specs


def _merged(context: typer.Context, options: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """The case's values over the defaults, below what was typed."""
    own = {key: value for key, value in case.items() if not is_typed(context, key)}
    if "model" not in case:
        raise UsageError("a [[gate.case]] of the configuration has no model", "model = 'FILE.tflite'")
    return {**options, "name": None, **own, "model": Path(case["model"])}


def _spec(context: typer.Context, values: Mapping[str, Any], update: bool) -> CaseSpec:
    from tflprof.analysis.budget import parse_limits
    from tflprof.workflow.gate_case import CaseSpec

    baseline = Path(values["baseline"]) if values["baseline"] else None
    budgets = values["budget"] or (_DEFAULT_BUDGETS if baseline and not update else ())
    return CaseSpec(
        model=values["model"],
        limits=parse_limits(tuple(budgets)),
        target=values["target"],
        baseline=baseline,
        name=values.get("name"),
        options=_measuring(context, values),
    )


def _measuring(context: typer.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the measurement; what nobody chose is left to it."""
    setup = phone_setup(
        context,
        values["target"],
        quiet=values["quiet"],
        governor=values["governor"],
        frequency=values["frequency"],
        cool_to=values["cool_to"],
    )
    runtime = values["runtime"]
    found: dict[str, Any] = {
        "core": chosen_core(context, values["core"], values["cores"]),
        "threads": values["threads"],
        "kernels": str(values["kernels"]),
        "signature": values["signature"],
        "inputs": parse_files(values["input"] or []),
        "input_shapes": parse_shapes(values["input_shape"] or []),
        "runtime": Path(runtime) if runtime else None,
        "seed": values["seed"],
        "xnnpack_flags": values["xnnpack_flags"],
        "weight_cache": values["weight_cache"],
        "setup": setup,
    }
    found |= prediction(context, values["target"], values["cost"], values["anchors"])
    for name in ("max_seconds", "precision", "rate"):
        if values[name] is not None:
            found[name] = float(values[name])
    return found

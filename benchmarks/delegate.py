"""Does the delegate refuse what it is predicted to refuse? Networks of the builder in all types, and pre-trained files.

Every operator of a network is compared: predicted from the file to be refused or taken, and with an event of its own
in a profiled run on the host (left to the runtime) or without. Micro-models and operators at the edge of the rules are
compared the same way by tests/integration/test_delegate.py. The pre-trained files are those of ``real_models``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.real_models import download
from tflprof.errors import TflprofError
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.build.weights import DTYPES
from tflprof.model.delegate import refusals
from tflprof.model.lint.context import Context
from tflprof.model.read import read_model
from tflprof.profile.events import OPERATOR
from tflprof.workflow.profile import profile_model


def models(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files, written or downloaded one by one."""
    for name in NETWORKS:
        for dtype in DTYPES:
            path = folder / "network.tflite"
            path.write_bytes(build_network(name, dtype=dtype))
            yield f"{name} {dtype}", path
    for path in download(folder):
        yield path.stem, path


def observe(name: str, path: Path, seconds: int) -> dict[str, Any]:
    """One model: operators, those refused by prediction and in truth, and where the two differ."""
    try:
        profile = profile_model(path, target="host", max_seconds=seconds)
    except TflprofError as error:
        return {"model": name, "failed": str(error).splitlines()[0]}
    events = [event for each in profile.meta.alignment.structures for event in each.events]
    own = {f"{event.m2}/{event.m1}" for event in events if event.type == OPERATOR}
    ran = {op.partition("/")[0] for op in own} | {str(profile.meta.model.subgraph)}
    model = read_model(path)
    predicted = {op for op in refusals(model) if op.partition("/")[0] in ran}
    return {
        "model": name,
        "operators": sum(str(op.subgraph) in ran for op in model.ops()),
        "refused": len(own),
        "partitions": Context(model).delegated_parts(),
        "wrongly_refused": sorted(predicted - own),
        "wrongly_taken": sorted(own - predicted),
    }


def row(found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    if "failed" in found:
        return (found["model"], "–", "–", "–", found["failed"])
    wrong = [*found["wrongly_refused"], *found["wrongly_taken"]]
    counts = (str(found[key]) for key in ("operators", "refused", "partitions"))
    return (found["model"], *counts, ", ".join(wrong) or "none")


HEAD = ("model", "operators", "refused", "partitions", "prediction wrong for")


def main() -> None:
    """Compare all models on the host."""
    options = common.arguments(__doc__ or "", seconds=1)
    data = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in models(Path(folder)):
            data.append(observe(name, path, options.seconds))
            print(row(data[-1]), flush=True)
    ran = [found for found in data if "failed" not in found]
    wrong = sum(len(found["wrongly_refused"]) + len(found["wrongly_taken"]) for found in ran)
    head = f"{sum(found['operators'] for found in ran)} operators of {len(ran)} models, {wrong} predicted wrongly."
    text = f"{head}\n\n{common.table(HEAD, map(row, data))}\n"
    common.publish("delegate", "What the delegate refuses", text, {"runs": data}, options.out)


if __name__ == "__main__":
    main()

"""Does the gate on an emulated core catch a change of one operator, name its layer, and always say the same?

(1) MobileNet v1 0.25 96 is the baseline. In every block in turn, its depthwise convolution is made 5×5 instead of
3×3, an addition is inserted, or the pointwise convolution is made slower by an unfused activation; and the classifier
gets one, four and thirty-two more classes. The gate (total +0.5 %, every layer +2 %) must fail or stop on each, and
name the layer. The unchanged model, built with other weights, must pass. (2) One failing and one passing gate are run
again and again, each time in a new process: their JSON must be identical but for timestamps.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import common
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.mobilenet import V1_BLOCKS

TARGET = "emulated:pixel2"
BUDGETS = ("total=+0.5%", "layer:*=+2%")
WIDTH, SIZE, CLASSES = 0.25, 96, 320


@dataclass(frozen=True)
class Change:
    """A model that differs from the baseline in one operator.

    Attributes:
        name: of the change, for people.
        layer: name of the layer that is slower or new; None if nothing is.
        content: the file.
    """

    name: str
    layer: str | None
    content: bytes


def network(
    kernel_of: int = 0, added_after: int = 0, activated: int = 0, classes: int = CLASSES, seed: int = 0
) -> bytes:
    """The network, with a change in the block of that number (none in block 0)."""
    net = Network("gate", "float32", seed)
    x = net.conv2d(net.input("input", (1, SIZE, SIZE, 3)), "conv_0", int(32 * WIDTH), 3, 2)
    for number, (channels, stride) in enumerate(V1_BLOCKS, 1):
        kernel = 5 if number == kernel_of else 3
        x = net.depthwise_conv2d(x, f"conv_{number}_depthwise", kernel, stride)
        x = net.conv2d(x, f"conv_{number}_pointwise", int(channels * WIDTH), 1)
        if number == added_after:
            x = net.add(x, x, f"added_{number}")
        if number == activated:
            x = _activation(net, x, f"activation_{number}")
    x = net.conv2d(net.mean(x, "pool"), "logits", classes, 1, activation="NONE")
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, classes)), "probabilities"))


def _activation(net: Network, x: Value, name: str) -> Value:
    return net.apply("LOGISTIC", [x], name, x.shape, like=x)


def changes(blocks: int) -> Iterator[Change]:
    """Every change that is tried, and the model with other weights, in which nothing changed."""
    yield Change("other weights", None, network(seed=1))
    kinds: tuple[tuple[str, str, Callable[[int], bytes]], ...] = (
        ("depthwise 5×5", "conv_{}_depthwise", lambda number: network(kernel_of=number)),
        ("addition inserted", "added_{}", lambda number: network(added_after=number)),
        ("logistic inserted", "activation_{}", lambda number: network(activated=number)),
    )
    for name, layer, build in kinds:
        for number in range(1, blocks + 1):
            yield Change(f"{name}, block {number}", layer.format(number), build(number))
    for more in (1, 4, 32):
        yield Change(f"{more} more classes", "logits", network(classes=CLASSES + more))


def gate(model: Path, baseline: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit status and JSON of a gate in a new process."""
    command = [sys.executable, "-m", "tflprof", "gate", str(model), "--target", TARGET]
    command += ["--cost", "instructions", "--baseline", str(baseline), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 4) or not done.stdout:
        raise RuntimeError(f"the gate ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.returncode, json.loads(done.stdout)


def judged(document: dict[str, Any]) -> dict[str, Any]:
    """What a gate's JSON says: the verdict of the total, the layers that did not pass, and what is new."""
    (case,) = document["cases"]
    total, *layers = case["budgets"]
    return {
        "verdict": document["verdict"],
        "total": total["verdict"],
        "growth": total["value"] / total["baseline"] - 1,
        "named": [one["subject"] for one in layers if one["verdict"] != "pass"],
        "notes": case["notes"],
    }


def without_times(value: Any) -> Any:
    """The document without what a clock wrote into it."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "created"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def is_named(layer: str, found: dict[str, Any]) -> bool:
    """Whether the layer is among those that did not pass or that are new."""
    return any(f" {layer} " in f"{one} " for one in [*found["named"], *found["notes"]])


def repeat(model: Path, baseline: Path, runs: int) -> dict[str, Any]:
    """How many different documents and verdicts so many runs give."""
    found = [gate(model, baseline, *_budgets()) for _ in range(runs)]
    documents = {json.dumps(without_times(document), sort_keys=True) for _, document in found}
    return {
        "runs": runs,
        "documents": len(documents),
        "verdicts": sorted({document["verdict"] for _, document in found}),
        "exit_codes": sorted({code for code, _ in found}),
    }


def _budgets() -> list[str]:
    return [word for budget in BUDGETS for word in ("--budget", budget)]


def main() -> None:
    """Try every change, repeat two of them, and publish."""
    options = common.arguments(__doc__ or "", blocks=len(V1_BLOCKS), runs=20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, baseline = folder / "model.tflite", folder / "baseline.parquet"
        model.write_bytes(network())
        gate(model, baseline, "--update-baseline")
        repeated = {"unchanged": repeat(model, baseline, options.runs)}
        tried = []
        for change in changes(options.blocks):
            model.write_bytes(change.content)
            code, document = gate(model, baseline, *_budgets())
            found = judged(document)
            caught = change.layer is not None and code != 0 and is_named(change.layer, found)
            tried.append(
                {"change": change.name, "layer": change.layer, "exit_code": code, "caught": caught, **found}
            )
        model.write_bytes(network(kernel_of=min(5, options.blocks)))
        repeated["one operator changed"] = repeat(model, baseline, options.runs)
    publish(tried, repeated, options)


def publish(tried: list[dict[str, Any]], repeated: dict[str, Any], options: Any) -> None:
    """The tables: changes by kind, and the repetitions. Exits with a message if one was missed or runs differ."""
    changed = [one for one in tried if one["layer"]]
    same = [one for one in tried if not one["layer"]]
    kinds = dict.fromkeys(one["change"].partition(", ")[0] for one in changed)
    rows = [
        _row(kind, [one for one in changed if one["change"].partition(", ")[0] == kind]) for kind in kinds
    ]
    again = [
        (name, str(one["runs"]), str(one["documents"]), ", ".join(one["verdicts"]), str(one["exit_codes"]))
        for name, one in repeated.items()
    ]
    text = "\n\n".join(
        (
            f"MobileNet v1 {WIDTH:g} {SIZE} float32 on {TARGET}; budgets `{'`, `'.join(BUDGETS)}`.",
            common.table(
                ("change of one operator", "models", "caught, layer named", "verdicts", "total"), rows
            ),
            "A new layer has nothing to be relative to: as long as the total keeps its budget, the gate is "
            "inconclusive (exit status 4) and names it.",
            f"The same network with other weights: {', '.join(one['verdict'] for one in same)}.",
            common.table(
                ("the same gate again", "runs", "different documents", "verdicts", "exit statuses"), again
            ),
        )
    )
    data = {"target": TARGET, "budgets": BUDGETS, "changes": tried, "repeated": repeated}
    common.publish("gate_emulated", "The gate on an emulated core", text, data, options.out)
    missed = [one["change"] for one in changed if not one["caught"]]
    if (
        missed
        or any(one["documents"] != 1 for one in repeated.values())
        or any(one["exit_code"] for one in same)
    ):
        raise SystemExit(f"missed: {missed}; repeated: {repeated}")


def _row(kind: str, own: list[dict[str, Any]]) -> tuple[str, ...]:
    growth = sorted(one["growth"] for one in own)
    return (
        kind,
        str(len(own)),
        str(sum(one["caught"] for one in own)),
        ", ".join(
            f"{count} {verdict}" for verdict, count in Counter(one["verdict"] for one in own).most_common()
        ),
        common.percent(growth[0]) + (f" to {common.percent(growth[-1])}" if len(own) > 1 else ""),
    )


if __name__ == "__main__":
    main()

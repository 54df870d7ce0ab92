"""Recovery where TensorFlow is missing, and the rest of the package, which never needs it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tflprof.errors import EnvironmentFault, UsageError
from tflprof.model.build import build_micro
from tflprof.recover.distil import Distillation
from tflprof.recover.export import export_tflite
from tflprof.recover.rebuild import keras_from_tflite

_LOADS = ("importlib.import_module('tensorflow", "import_module('tensorflow", "__import__('tensorflow")
PACKAGE = Path(__file__).resolve().parents[3] / "tflprof"


@pytest.fixture
def _no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)


@pytest.mark.usefixtures("_no_tensorflow")
def test_the_error_names_the_extra() -> None:
    with pytest.raises(EnvironmentFault) as caught:
        keras_from_tflite(build_micro("conv_2d_1x1"))
    assert "tflprof[tensorflow]" in str(caught.value.hint)
    assert caught.value.exit_code == 3


@pytest.mark.usefixtures("_no_tensorflow")
def test_options_are_checked_before_anything_is_loaded() -> None:
    with pytest.raises(UsageError, match="int4"):
        export_tflite(None, "int4")


def test_only_recovery_names_tensorflow() -> None:
    texts = {"tensorflow", "keras"}
    offenders = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "recover" not in path.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and texts & {alias.name.partition(".")[0] for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in texts)
        or (isinstance(node, ast.Call) and ast.unparse(node).startswith(_LOADS))
    ]
    assert offenders == []


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 0.0}, {"mix": 1.1}, {"hint_weight": -1.0}, {"epochs": 0}, {"batch": 0}, {"rate": 0.0}],
)
def test_settings_of_a_distillation_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Distillation(**wrong)  # type: ignore[arg-type]

"""Per-layer latency of LiteRT models on ARM phones, emulated cores and the host.

The public API is importable from here; each name is loaded when it is first used, so that the
command line starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflprof.analysis.budget import parse_limits
    from tflprof.analysis.compare import compare_profiles
    from tflprof.analysis.history.history import History, open_history
    from tflprof.analysis.latency_table import LatencyTable
    from tflprof.analysis.search import Evolution, search
    from tflprof.analysis.search_space import SearchSpace, Slot
    from tflprof.profile.profile import Profile
    from tflprof.profile.store import read_profile, write_profile
    from tflprof.report.export.formats import export_profile
    from tflprof.workflow.batch import BatchInterrupted, profile_models
    from tflprof.workflow.calibrate import Measured, calibrate
    from tflprof.workflow.compare import ComparisonInterrupted, LiveComparison, compare, compare_models
    from tflprof.workflow.compress import apply_plan, plan_compression
    from tflprof.workflow.compress_subject import CompressionOptions
    from tflprof.workflow.compress_verify import verify_plan
    from tflprof.workflow.gate import GateInterrupted, run_gate
    from tflprof.workflow.gate_case import CaseSpec
    from tflprof.workflow.import_log import import_log
    from tflprof.workflow.profile import Interrupted, profile_model
    from tflprof.workflow.table import build_table
    from tflprof.workflow.tool_profile import profile_with_tool

__all__ = [
    "BatchInterrupted",
    "CaseSpec",
    "ComparisonInterrupted",
    "CompressionOptions",
    "Evolution",
    "GateInterrupted",
    "History",
    "Interrupted",
    "LatencyTable",
    "LiveComparison",
    "Measured",
    "Profile",
    "SearchSpace",
    "Slot",
    "apply_plan",
    "build_table",
    "calibrate",
    "compare",
    "compare_models",
    "compare_profiles",
    "export_profile",
    "import_log",
    "open_history",
    "parse_limits",
    "plan_compression",
    "profile_model",
    "profile_models",
    "profile_with_tool",
    "read_profile",
    "run_gate",
    "search",
    "verify_plan",
    "write_profile",
]

_HOMES = {
    "BatchInterrupted": "tflprof.workflow.batch",
    "CaseSpec": "tflprof.workflow.gate_case",
    "ComparisonInterrupted": "tflprof.workflow.compare",
    "CompressionOptions": "tflprof.workflow.compress_subject",
    "Evolution": "tflprof.analysis.search",
    "GateInterrupted": "tflprof.workflow.gate",
    "History": "tflprof.analysis.history.history",
    "Interrupted": "tflprof.workflow.profile",
    "LatencyTable": "tflprof.analysis.latency_table",
    "LiveComparison": "tflprof.workflow.compare",
    "Measured": "tflprof.workflow.calibrate",
    "Profile": "tflprof.profile.profile",
    "SearchSpace": "tflprof.analysis.search_space",
    "Slot": "tflprof.analysis.search_space",
    "apply_plan": "tflprof.workflow.compress",
    "build_table": "tflprof.workflow.table",
    "calibrate": "tflprof.workflow.calibrate",
    "compare": "tflprof.workflow.compare",
    "compare_models": "tflprof.workflow.compare",
    "compare_profiles": "tflprof.analysis.compare",
    "export_profile": "tflprof.report.export.formats",
    "import_log": "tflprof.workflow.import_log",
    "open_history": "tflprof.analysis.history.history",
    "parse_limits": "tflprof.analysis.budget",
    "plan_compression": "tflprof.workflow.compress",
    "profile_model": "tflprof.workflow.profile",
    "profile_models": "tflprof.workflow.batch",
    "profile_with_tool": "tflprof.workflow.tool_profile",
    "read_profile": "tflprof.profile.store",
    "run_gate": "tflprof.workflow.gate",
    "search": "tflprof.analysis.search",
    "verify_plan": "tflprof.workflow.compress_verify",
    "write_profile": "tflprof.profile.store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tflprof' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The kernels that the inference library picks on each core of each phone, by the instructions they execute.

Expected is what XNNPACK's tables say (github.com/google/XNNPACK src/configs/gemm-config.c, functions
init_f32_gemm_config_impl, init_f32_igemm_config and init_qs8_qc8w_gemm_config, for arm64 with assembly). They choose
in two steps: the size of a tile by the phone's fastest core, then, for a few sizes, functions of their own for cores
that execute in order (Cortex-A53 and A55). A Cortex-A55 beside a Cortex-X1, whose tiles are seven rows high, therefore
multiplies matrices as the Cortex-X1 does.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.executed_code import Executed, execute
from tests.integration.test_emulated_root import HARMLESS
from tflprof.model.build import build_network
from tflprof.targets.cores import core_groups
from tflprof.targets.phone import load_phone, phone_names

pytestmark = pytest.mark.emulated

# Phone and core: kernels of matrix multiplication in float32, of other convolutions than 1x1 in float32, and of
# matrix multiplication in int8 (rows x columns, then the end of the function's name).
EXPECTED = {
    ("pixel", "little"): ("6x8 cortex_a55", "6x8 cortex_a55", "4x16 mlal_lane_ld64"),  # Kryo
    ("pixel", "big"): ("6x8 cortex_a55", "6x8 cortex_a55", "4x16 mlal_lane_ld64"),
    ("pixel2", "little"): ("6x8 cortex_a53_prfm", "6x8 cortex_a53_prfm", "2x8c8 mlal_cortex_a53_prfm"),
    ("pixel2", "big"): ("6x8 cortex_a73", "6x8 cortex_a73", "2x8c8 mlal_prfm"),
    ("pixel3", "little"): ("6x8 cortex_a53", "6x8 cortex_a53", "2x8c8 mlal_cortex_a53_prfm"),  # Cortex-A55 r0
    ("pixel3", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "2x8c8 mlal"),
    ("pixel3a", "little"): (
        "6x8 cortex_a53",
        "6x8 cortex_a53",
        "2x8c8 mlal_cortex_a53_prfm",
    ),  # Cortex-A55 r0
    ("pixel3a", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "2x8c8 mlal"),
    ("pixel4", "little"): ("6x8 cortex_a55", "6x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("pixel4", "mid"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "4x16c4 neondot_ld128"),  # Cortex-A76
    ("pixel4", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "4x16c4 neondot_ld128"),
    ("pixel6", "little"): ("7x8 ld128_2", "6x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("pixel6", "mid"): ("7x8 ld128_2", "6x8 ld128", "4x16c4 neondot_ld128"),
    ("pixel6", "big"): ("7x8 ld128_2", "6x8 ld128", "4x16c4 neondot_ld128"),  # Cortex-X1
    ("pixel8", "little"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),
    ("pixel8", "mid"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),
    ("pixel8", "big"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),  # Cortex-X3
    ("galaxy-a52", "little"): ("6x8 cortex_a55", "6x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("galaxy-a52", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "4x16c4 neondot_ld128"),
    ("galaxy-s20", "little"): ("4x8 cortex_a55", "4x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("galaxy-s20", "mid"): ("4x8 cortex_a75", "4x8 cortex_a75", "4x16c4 neondot_ld128"),  # Cortex-A77
    ("galaxy-s20", "big"): ("4x8 cortex_a75", "4x8 cortex_a75", "4x16c4 neondot_ld128"),
    ("galaxy-s21", "little"): ("7x8 ld128_2", "6x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("galaxy-s21", "mid"): ("7x8 ld128_2", "6x8 ld128", "4x16c4 neondot_ld128"),
    ("galaxy-s21", "big"): ("7x8 ld128_2", "6x8 ld128", "4x16c4 neondot_ld128"),
    ("galaxy-s22", "little"): ("7x8 ld128_2", "6x8 ld128", "4x16c8 neoni8mm"),
    ("galaxy-s22", "mid"): ("7x8 ld128_2", "6x8 ld128", "4x16c8 neoni8mm"),
    ("galaxy-s22", "big"): ("7x8 ld128_2", "6x8 ld128", "4x16c8 neoni8mm"),  # Cortex-X2
    ("galaxy-s23", "little"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),
    ("galaxy-s23", "mid"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),
    ("galaxy-s23", "big"): ("8x8 ld128_2", "6x8 lane_ld128", "4x16c8 neoni8mm"),
    ("redmi9", "little"): ("6x8 cortex_a55", "6x8 cortex_a55", "4x16c4 neondot_cortex_a55"),
    ("redmi9", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "4x16c4 neondot_ld128"),
    ("rpi3", "big"): ("6x8 cortex_a53_prfm", "6x8 cortex_a53_prfm", "4x16 mlal_lane_cortex_a53_prfm"),
    ("rpi4", "big"): ("4x8 cortex_a75_prfm", "4x8 cortex_a75_prfm", "2x8c8 mlal_prfm"),
    ("rpi5", "big"): ("6x8 cortex_a75_prfm", "6x8 cortex_a75_prfm", "4x16c4 neondot_ld128"),
}


@cache
def executed(phone: str, core: str) -> Executed:
    """A float32 and an int8 network on the core."""
    with TemporaryDirectory() as folder:
        models = tuple(Path(folder) / f"{dtype}.tflite" for dtype in ("float32", "int8"))
        for model in models:
            model.write_bytes(build_network("mobilenet_v1", size=32, width=0.25, dtype=model.stem))
        return execute(phone, core, models, Path(folder) / "log")


def test_every_kind_of_core_of_every_phone_is_expected() -> None:
    cores = set()
    for name in phone_names():
        groups = core_groups(load_phone(name).cpus)
        kinds = {"big"} if groups["big"] == groups["little"] else groups.keys() - {"prime"}
        cores |= {(name, kind) for kind in kinds}
    assert cores == set(EXPECTED)


@pytest.mark.parametrize(("phone", "core"), EXPECTED)
def test_kernels_are_those_the_core_would_get(phone: str, core: str) -> None:
    run = executed(phone, core)
    float32, _, int8 = EXPECTED[phone, core]
    assert run.has("fmla single")
    assert run.has("ins", "fmla single") == ("cortex_a53" in float32 or "cortex_a55" in float32)
    assert run.has("dot") == ("neondot" in int8)
    assert run.has("ins", "dot") == ("neondot_cortex_a55" in int8)
    assert run.has("i8mm") == ("i8mm" in int8)


@pytest.mark.parametrize(("phone", "core"), EXPECTED)
def test_nothing_runs_that_the_phone_has_not(phone: str, core: str) -> None:
    run, features = executed(phone, core), load_phone(phone).features
    assert not run.has("sme")
    assert not run.has("smstart")
    needs = {"sve": "sve", "dot": "asimddp", "i8mm": "i8mm", "bf16": "bf16", "fmla half": "asimdhp"}
    assert [kind for kind, feature in needs.items() if run.has(kind) and feature not in features] == []


@pytest.mark.parametrize("phone", phone_names())
def test_counts_differ_between_cores_where_kernels_do(phone: str) -> None:
    cores = [core for name, core in EXPECTED if name == phone]
    for model, used in enumerate((slice(0, 2), slice(2, 3))):
        kernels = {core: EXPECTED[phone, core][used] for core in cores}
        counts = {core: executed(phone, core).counts[model] for core in cores}
        for one in cores:
            for other in cores:
                assert (counts[one] == counts[other]) == (kernels[one] == kernels[other]), (one, other)


@pytest.mark.parametrize(("phone", "core"), EXPECTED)
def test_nothing_of_the_host_is_read(phone: str, core: str) -> None:
    run = executed(phone, core)
    last = len(load_phone(phone).cpus) - 1
    assert any(path.startswith(f"/sys/devices/system/cpu/cpu{last}/") for path in run.paths)
    foreign = {path for path in run.outside if not path.startswith("/tflprof/")}
    assert {path for path in foreign if not HARMLESS.fullmatch(path)} == set()

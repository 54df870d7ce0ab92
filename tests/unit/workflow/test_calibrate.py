"""Calibrating: what becomes an anchor, what is refused, and that nothing is written before all is well."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.errors import ModelError, TargetError, TflprofError, UsageError
from tflprof.facts import Cpu, DeviceFacts
from tflprof.model.build import build_micro
from tflprof.model.read import read_model
from tflprof.profile.meta import Finding, Prediction
from tflprof.profile.profile import Profile
from tflprof.profile.store import write_profile
from tflprof.targets import prediction_error
from tflprof.targets.adb.facts import facts_of
from tflprof.targets.adb.probe import parse_dump
from tflprof.targets.anchors import Basis, anchor_file, read_anchors, scale_for
from tflprof.targets.phone import load_phone
from tflprof.workflow.calibrate import Measured, calibrate, calibrations, forget
from tflprof.workflow.calibrate_profile import measured_by
from tflprof.workflow.profile import Interrupted

BIG = Basis("cortex-a73", 2_457_600_000, "c" * 64, "caches")
MS = 1e6
PHONES = Path(__file__).parents[2] / "data" / "phones"


class Emulation:
    """Stands for :func:`tflprof.profile_model`: predicts what it is told, or raises."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.ns: dict[str, float] = {}
        self.error: BaseException | None = None

    def __call__(self, model: Path, **options: Any) -> Profile:
        self.calls.append({"model": Path(model).name, **options})
        if self.error is not None:
            raise self.error
        file, made = read_model(model), make_profile(processes=1, blocks=1, inferences=2)
        prediction = Prediction(
            BIG.mode, BIG.core, BIG.hertz, 1, 1.0, (), 0.2, 0.4, BIG.costs_sha256, 0.1, ()
        )
        name = Path(model).stem
        known = replace(made.meta.model, sha256=file.sha256, name=name)
        profile = Profile(replace(made.meta, model=known, prediction=prediction), made.table)
        total = replace(made.summary.total, typical=self.ns.get(name, 80 * MS))
        profile.__dict__["summary"] = replace(made.summary, total=total)
        return profile


@pytest.fixture(autouse=True)
def emulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulation:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    fake = Emulation()
    monkeypatch.setattr("tflprof.workflow.calibrate.profile_model", fake)
    monkeypatch.setattr("tflprof.workflow.calibrate.basis_of", lambda *_: BIG)
    spread = prediction_error.Spread(
        within=0.05, types=0.0, between=0.10, phones=6, mixed=2, cores=(BIG.core,)
    )
    known = replace(prediction_error.error_model(), placeholder=False, modes={"caches": spread})
    monkeypatch.setattr(prediction_error, "error_model", lambda: known)
    return fake


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """Three different models."""
    paths = [tmp_path / f"{name}.tflite" for name in ("conv_2d", "softmax", "add")]
    for path in paths:
        path.write_bytes(build_micro(path.stem, "float32"))
    return paths


def measured(model: Path, ms: float) -> Measured:
    return Measured(model, ms * MS, "by hand")


def test_a_measured_time_becomes_an_anchor(models: list[Path], emulation: Emulation) -> None:
    found = calibrate("pixel2", [measured(models[0], 84)])
    assert found.scale == 1.05
    assert found.others == (None,)
    assert found.doubts == ()
    assert found.after.total < found.before.total
    assert found.current
    (anchor,) = read_anchors(anchor_file("pixel2"), "pixel2")
    assert (anchor.model, anchor.measured_ns, anchor.predicted_ns) == ("conv_2d", 84_000_000, 80_000_000)
    assert (anchor.sha256, anchor.source) == (read_model(models[0]).sha256, "by hand")
    assert scale_for("pixel2", BIG).scale == 1.05
    assert emulation.calls[0]["target"] == "emulated:pixel2"
    assert emulation.calls[0]["anchors"] == "none"
    assert emulation.calls[0]["cost"] == "caches"


def test_a_target_string_is_a_phone_too(models: list[Path]) -> None:
    assert calibrate("emulated:pixel2", [measured(models[0], 84)]).phone == "pixel2"


def test_further_anchors_are_added_and_a_new_time_replaces_the_old(models: list[Path]) -> None:
    calibrate("pixel2", [measured(models[0], 84)])
    both = calibrate("pixel2", [measured(models[1], 92.4)])
    assert both.scale == pytest.approx(1.05 * math.sqrt(1.1), abs=1e-6)
    assert both.others == pytest.approx((math.log(1.1), -math.log(1.1)))
    again = calibrate("pixel2", [measured(models[0], 92.4)])
    assert again.scale == pytest.approx(1.155)
    assert len(again.anchors) == 2


def test_a_renamed_model_is_the_same_anchor(models: list[Path], tmp_path: Path) -> None:
    calibrate("pixel2", [measured(models[0], 84)])
    other = tmp_path / "renamed.tflite"
    other.write_bytes(models[0].read_bytes())
    assert [one.model for one in calibrate("pixel2", [measured(other, 88)]).anchors] == ["renamed"]


@pytest.mark.parametrize("ms", [0.0, -3.0, 1e-6, 1e9, math.inf, math.nan])
def test_times_that_cannot_be(models: list[Path], emulation: Emulation, ms: float) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        calibrate("pixel2", [measured(models[0], ms)], force=True)
    assert emulation.calls == []


@pytest.mark.parametrize("ms", [8.0, 800.0, 80_000.0])
def test_a_factor_of_ten_is_refused_and_can_be_forced(models: list[Path], ms: float) -> None:
    with pytest.raises(UsageError, match=r"times the predicted .* ms; nothing was kept"):
        calibrate("pixel2", [measured(models[0], ms)])
    assert not anchor_file("pixel2").exists()
    if ms < 8000:
        assert "farther off" in calibrate("pixel2", [measured(models[0], ms)], force=True).doubts[0]


def test_a_time_that_is_farther_off_than_usual_is_doubted(models: list[Path]) -> None:
    found = calibrate("pixel2", [measured(models[0], 80 * 2.9)])
    assert "2.9 times the predicted" in found.doubts[0]
    assert found.scale == pytest.approx(2.9)


def test_anchors_that_contradict_each_other_are_doubted(models: list[Path]) -> None:
    found = calibrate("pixel2", [measured(models[0], 50), measured(models[1], 80), measured(models[2], 150)])
    assert any("by the other anchors" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    ("phone", "times", "kind", "why"),
    [
        ("pixle2", 1, TargetError, "no phone 'pixle2'"),
        ("pixel2", 0, UsageError, "no measured time"),
        ("pixel2", "twice", UsageError, "are the same model"),
        ("pixel2", "gone", ModelError, "gone"),
        ("pixel2", "broken", ModelError, "broken"),
    ],
)
def test_what_cannot_be_calibrated(
    models: list[Path], emulation: Emulation, phone: str, times: int | str, kind: type[TflprofError], why: str
) -> None:
    broken = models[0].with_name("broken.tflite")
    broken.write_bytes(b"no model at all")
    chosen = {
        0: [],
        1: models[:1],
        "twice": [models[0], models[0]],
        "gone": [models[0].with_name("gone.tflite")],
        "broken": [models[0], broken],
    }[times]
    with pytest.raises(kind, match=why):
        calibrate(phone, [measured(model, 84) for model in chosen])
    assert emulation.calls == []
    assert not anchor_file("pixel2").exists()


def test_a_broken_file_is_told_before_anything_runs(models: list[Path], emulation: Emulation) -> None:
    calibrate("pixel2", [measured(models[0], 84)])
    anchor_file("pixel2").write_text("nonsense")
    emulation.calls.clear()
    with pytest.raises(UsageError, match="cannot be read"):
        calibrate("pixel2", [measured(models[1], 84)])
    assert emulation.calls == []
    assert forget("pixel2") == ()
    assert forget("pixel2") is None


@pytest.mark.parametrize("cut", [KeyboardInterrupt(), TargetError("the emulator died")])
def test_what_is_cut_short_writes_nothing(
    models: list[Path], emulation: Emulation, cut: BaseException
) -> None:
    calibrate("pixel2", [measured(models[0], 84)])
    before = anchor_file("pixel2").read_bytes()
    emulation.error = Interrupted(make_profile(), cut)
    with pytest.raises(type(cut)):
        calibrate("pixel2", [measured(models[1], 84), measured(models[2], 84)])
    assert anchor_file("pixel2").read_bytes() == before


def test_what_is_kept_is_told_and_forgotten(models: list[Path]) -> None:
    assert calibrations() == []
    calibrate("pixel2", [measured(models[0], 84), measured(models[1], 84)])
    (found,) = calibrations("pixel2")
    assert found.scale == 1.05
    assert calibrations() == [found]
    with pytest.raises(UsageError, match="no anchor 'add'"):
        forget("pixel2", str(models[2]))
    left = forget("pixel2", str(models[0]))
    assert left is not None
    assert [anchor.model for anchor in left] == ["softmax"]


def test_anchors_of_other_costs_are_told_as_such(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    calibrate("pixel2", [measured(models[0], 84)])
    monkeypatch.setattr("tflprof.workflow.calibrate.basis_of", lambda *_: replace(BIG, costs_sha256="d" * 64))
    (found,) = calibrations("pixel2")
    assert not found.current


def test_a_file_of_ones_own(models: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    calibrate("pixel2", [measured(models[0], 84)], path=path)
    assert not anchor_file("pixel2").exists()
    assert calibrations("pixel2", path)[0].scale == 1.05
    with pytest.raises(UsageError, match="of the phone 'pixel2'"):
        calibrate("pixel3a", [measured(models[0], 84)], path=path)


# From a profile of the phone.


def phone_profile(model: Path, folder: Path, change: Callable[[Any], Any] = lambda meta: meta) -> Path:
    """A profile as a real Pixel 2 gives it, on its big cores."""
    made = make_profile()
    cpus = tuple(replace(cpu, max_khz=(cpu.max_khz or 0) - 100) for cpu in load_phone("pixel2").cpus)
    meta = replace(
        made.meta,
        target=DeviceFacts("Pixel 2", "adb", "Android 11", "android-aarch64", "MSM8998", cpus),
        model=replace(made.meta.model, sha256=read_model(model).sha256),
        options=replace(made.meta.options, core="big", cpus=(7,), threads=1),
    )
    path = folder / "measured.parquet"
    write_profile(Profile(change(meta), made.table), path, overwrite=True)
    return path


def test_a_profile_of_the_phone_gives_time_and_core(models: list[Path], tmp_path: Path) -> None:
    path = phone_profile(models[0], tmp_path)
    found, core = measured_by(path, models[0], "pixel2")
    assert core == "7"
    assert 3 * MS < found.ns < 4 * MS
    assert found.source == "measured.parquet of 2026-11-20"
    assert measured_by(path, models[0], "pixel2", "big")[0] == found


def with_options(**changes: object) -> Callable[[Any], Any]:
    return lambda meta: replace(meta, options=replace(meta.options, **changes))


def with_cpus(*cpus: Cpu) -> Callable[[Any], Any]:
    return lambda meta: replace(meta, target=replace(meta.target, cpus=cpus))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda meta: replace(meta, provenance="predicted"), "predicted, not measured"),
        (lambda meta: replace(meta, target=replace(meta.target, kind="log")), "was imported"),
        (lambda meta: replace(meta, model=replace(meta.model, sha256="f" * 64)), "of another model"),
        (with_options(threads=4), "with 4 threads"),
        (with_options(threads=None), "an unknown number of threads"),
        (with_options(kernels="reference"), "with kernels reference"),
        (with_options(rate=30.0), "pauses between them"),
        (lambda meta: replace(meta, verdict="tainted"), "is tainted"),
        (with_cpus(), "of another phone than pixel2: no known CPUs, not 4 × Kryo 2xx Silver"),
        (with_cpus(*load_phone("pixel").cpus), "of another phone"),
        (with_options(cpus=None), "on any core, not on one kind of cores"),
        (with_options(cpus=(3, 4)), "on CPU 3-4, not on one kind of cores"),
    ],
)
def test_profiles_that_are_no_anchor(
    models: list[Path], tmp_path: Path, change: Callable[[Any], Any], why: str
) -> None:
    path = phone_profile(models[0], tmp_path, change)
    with pytest.raises(UsageError, match=why) as caught:
        measured_by(path, models[0], "pixel2")
    assert caught.value.hint


def test_a_model_of_unknown_hash_is_taken(models: list[Path], tmp_path: Path) -> None:
    path = phone_profile(
        models[0], tmp_path, lambda meta: replace(meta, model=replace(meta.model, sha256=None))
    )
    assert measured_by(path, models[1], "pixel2")[0].model == models[1]


def test_another_core_than_was_measured(models: list[Path], tmp_path: Path) -> None:
    path = phone_profile(models[0], tmp_path)
    with pytest.raises(UsageError, match="measured on CPU 4-7, and --core little is CPU 3"):
        measured_by(path, models[0], "pixel2", "little")


def test_doubts_of_the_profile_are_told(models: list[Path], tmp_path: Path, emulation: Emulation) -> None:
    emulation.ns["conv_2d"] = 3.4 * MS
    doubt = Finding("freq-scaling", "doubt", "the clock was not constant", "")
    path = phone_profile(models[0], tmp_path, lambda meta: replace(meta, findings=(doubt,)))
    found, core = measured_by(path, models[0], "pixel2")
    assert "conv_2d: the clock was not constant" in calibrate("pixel2", [found], core=core).doubts


def test_a_clock_that_is_not_the_usual_one_is_doubted(models: list[Path], tmp_path: Path) -> None:
    usual, _ = measured_by(phone_profile(models[0], tmp_path), models[0], "pixel2")
    little, _ = measured_by(phone_profile(models[0], tmp_path, with_options(cpus=(3,))), models[0], "pixel2")
    assert usual.doubts == ()
    assert little.doubts == ("the core ran at 2.46 GHz, and predictions are for 1.90 GHz",)


def dumped(name: str) -> tuple[Cpu, ...]:
    """CPUs as a real phone tells of them over adb."""
    return facts_of(parse_dump((PHONES / f"{name}.json").read_bytes())).cpus


@pytest.mark.parametrize("name", ["pixel", "pixel2", "pixel3a", "pixel4", "pixel6", "rpi4"])
def test_real_phones_are_known_as_what_predicts_them(name: str, models: list[Path], tmp_path: Path) -> None:
    cpus = dumped(name)
    last = cpus[-1].index

    def change(meta: Any) -> Any:
        return with_options(cpus=(last,))(with_cpus(*cpus)(meta))

    assert measured_by(phone_profile(models[0], tmp_path, change), models[0], name)[1] == str(last)
    other = "rpi5" if name == "pixel2" else "pixel2"
    with pytest.raises(UsageError, match="of another phone"):
        measured_by(tmp_path / "measured.parquet", models[0], other)


def test_the_same_chip_at_another_clock_is_another_phone(models: list[Path], tmp_path: Path) -> None:
    path = phone_profile(models[0], tmp_path, with_cpus(*dumped("sd8gen2")))
    with pytest.raises(UsageError, match=r"Cortex-X3 at 3.19 GHz, not .* Cortex-X3 at 3.36 GHz"):
        measured_by(path, models[0], "galaxy-s23")

"""Comparing models that are measured now: on this machine, in this process, on an emulated core, on a phone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.phone.product import Fault, check_clean
from tflprof import (
    ComparisonInterrupted,
    LiveComparison,
    compare,
    compare_profiles,
    profile_model,
    read_profile,
    write_profile,
)
from tflprof.analysis.comparison import Comparison, Status
from tflprof.errors import Untrusted, UsageError
from tflprof.model.build import build_network
from tflprof.profile.profile import Profile
from tflprof.workflow.pairs import measure_pairs
from tflprof.workflow.run_options import RunOptions

CORE = str(max(os.sched_getaffinity(0)))
EMULATED = "emulated:pixel2"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("small"), 0.25)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("large"), 1.0)


def network(folder: Path, width: float) -> Path:
    """A network of a size at which an emulated core runs it in a moment."""
    path = folder / f"width_{width:g}.tflite"
    path.write_bytes(build_network("mobilenet_v1", size=32, width=width))
    return path


def saved(folder: Path, *profiles: Profile) -> list[Path]:
    return [write_profile(profile, folder / f"{n}.parquet") for n, profile in enumerate(profiles)]


def check_same_from_files(folder: Path, live: LiveComparison) -> None:
    """A live comparison can be done again from what it saved, identically."""
    a, b = (read_profile(path) for path in saved(folder, live.a, live.b))
    assert compare_profiles(a, b) == live.comparison


def check_whole(comparison: Comparison) -> None:
    """Every layer of both models is in one row, and everything has a status and a reason."""
    for side, meta in (("a", comparison.a), ("b", comparison.b)):
        parts = [getattr(row, side) for row in comparison.layers]
        layers = [layer for part in parts if part is not None for layer in part.layers]
        assert sorted(layers) == sorted(layer.id for layer in meta.model.layers)
    for row in (comparison.total, *comparison.layers):
        assert row.status in get_args(Status)
        assert row.reason


def test_a_model_that_is_several_times_slower_on_the_host(small: Path, large: Path, tmp_path: Path) -> None:
    live = compare(small, large, target="host", core=CORE, max_seconds=60)
    found = live.comparison
    assert (found.method, found.total.status) == ("paired", "slower")
    assert found.pairs in (10, 20, 40)
    assert found.total.ratio is not None
    assert found.total.ratio > 2
    check_whole(found)
    assert live.a.meta.pairing is not None
    assert live.b.meta.pairing is not None
    assert live.a.meta.pairing.id == live.b.meta.pairing.id
    assert live.a.meta.pairing.looks[-1] == found.pairs
    check_same_from_files(tmp_path, live)
    back = compare_profiles(live.b, live.a)
    assert back.total.status == "faster"


def test_a_model_against_itself_on_the_host(small: Path, tmp_path: Path) -> None:
    live = compare(small, small, target="host", core=CORE, max_seconds=15)
    assert live.comparison.method == "paired"
    assert live.comparison.matching == "identity"
    assert {row.match for row in live.comparison.layers} == {"same"}
    check_whole(live.comparison)
    check_same_from_files(tmp_path, live)


def test_too_little_time_is_inconclusive(small: Path, large: Path, tmp_path: Path) -> None:
    live = compare(small, large, target="host", core=CORE, max_seconds=0.5)
    assert live.comparison.pairs is not None
    assert live.comparison.pairs < 10
    assert {row.status for row in (live.comparison.total, *live.comparison.layers)} == {"inconclusive"}
    check_same_from_files(tmp_path, live)


def test_pairs_are_made_of_whole_rounds(small: Path) -> None:
    a, b = measure_pairs(small, small, RunOptions("host", core=CORE), pairs=3)
    frames = [
        side.samples()
        .query("kind == 'inference' and phase == 'steady'")
        .groupby(["process", "round", "variant"])
        for side in (a, b)
    ]
    sizes = [frame.size() for frame in frames]
    assert sizes[0].index.equals(sizes[1].index)
    assert min(size.min() for size in sizes) >= 4
    # In each round the two ran right after each other, and not always the same one first.
    begun = [frame["t"].min() for frame in frames]
    assert len({first < second for first, second in zip(*begun, strict=True)}) == 2


def test_in_this_process(small: Path, large: Path, tmp_path: Path) -> None:
    live = compare(small, large, target="interpreter", core=CORE, max_seconds=60)
    assert (live.comparison.method, live.comparison.total.status) == ("paired", "slower")
    check_whole(live.comparison)
    check_same_from_files(tmp_path, live)


def test_on_an_emulated_core_counts_are_compared_exactly(small: Path, large: Path, tmp_path: Path) -> None:
    same = compare(small, small, target=EMULATED).comparison
    assert same.method == "exact"
    assert {row.status for row in (same.total, *same.layers)} == {"same"}
    assert same.total.difference == 0
    live = compare(small, large, target=EMULATED)
    assert live.comparison.total.status == "slower"
    assert live.a.meta.pairing is None
    check_whole(live.comparison)
    check_same_from_files(tmp_path, live)


def test_a_model_is_measured_as_the_profile_was(small: Path, large: Path, tmp_path: Path) -> None:
    profile = profile_model(small, target=EMULATED, core="little", seed=3)
    (path,) = saved(tmp_path, profile)
    live = compare(path, large)
    assert (live.comparison.method, live.comparison.total.status) == ("exact", "slower")
    assert live.b.meta.options == profile.meta.options
    assert live.comparison.mismatches == ()
    turned = compare(large, profile)
    assert turned.comparison.total.status == "faster"
    assert turned.b is profile


def test_what_is_given_goes_before_what_the_profile_says(small: Path, large: Path, tmp_path: Path) -> None:
    (path,) = saved(tmp_path, profile_model(small, target=EMULATED))
    with pytest.raises(Untrusted, match="kernels"):
        compare(path, large, kernels="builtin")
    with pytest.raises(ComparisonInterrupted) as refused:
        compare(path, large, core="little")
    assert isinstance(refused.value.cause, Untrusted)
    assert "core" in refused.value.cause.what
    forced = compare(path, large, kernels="builtin", force=True).comparison
    assert forced.forced
    assert forced.total.status == "incomparable"


def test_options_without_a_model_are_refused(small: Path, tmp_path: Path) -> None:
    profile = profile_model(small, target=EMULATED)
    with pytest.raises(UsageError, match="threads"):
        compare(profile, profile, threads=2)


def tflprof(*arguments: object, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflprof", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **more},
    )


def test_the_command(small: Path, large: Path, tmp_path: Path) -> None:
    first = tflprof(
        *("compare", small, large, "--target", "host", "--core", CORE, "-o", "both", "--json"),
        *("--html", "page.html", "--max-seconds", 60),
        folder=tmp_path,
    )
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert (document["method"], document["total"]["status"]) == ("paired", "slower")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    again = tflprof("compare", "both/A.parquet", "both/B.parquet", "--json", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == document
    table = tflprof("compare", "both/A.parquet", "both/B.parquet", "--top", 3, folder=tmp_path)
    assert "slower" in table.stdout
    refused = tflprof("compare", small, large, "-o", "both", "--target", "host", folder=tmp_path)
    assert refused.returncode == 2
    assert "both/A.parquet exists" in refused.stderr


def test_incomparable_profiles_are_refused_with_every_key(small: Path, tmp_path: Path) -> None:
    one = profile_model(small, target=EMULATED)
    other = profile_model(small, target=EMULATED, kernels="reference")
    a, b = saved(tmp_path, one, other)
    refused = tflprof("compare", a, b, folder=tmp_path)
    assert refused.returncode == 4
    assert "kernels" in refused.stderr
    assert "xnnpack" in refused.stderr
    assert "reference" in refused.stderr
    shown = tflprof("compare", a, b, "--force-incomparable", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "incomparable" in shown.stdout


def test_ctrl_c_keeps_both_profiles(small: Path, large: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "tflprof", "-v", "compare", str(small), str(large)),
        *("--target", "host", "--core", CORE, "--max-seconds", "600", "-o", "kept"),
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            # The first process is over.
            if "pairs" in line:
                break
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cut short" in stderr
    a, b = (read_profile(tmp_path / "kept" / name) for name in ("A.parquet", "B.parquet"))
    assert a.meta.pairing is not None
    assert b.meta.pairing is not None
    assert a.meta.pairing.id == b.meta.pairing.id
    for profile in (a, b):
        assert not profile.meta.schedule.complete
        assert "partial-run" in {finding.code for finding in profile.meta.findings}
    assert compare_profiles(a, b).pairs == a.meta.pairing.looks[-1]


def test_on_a_phone(used: Fault, large: Path, tmp_path: Path) -> None:
    result = tflprof(
        *("compare", used.model, large, "--target", "adb", "--max-seconds", 15, "-o", "both", "--json"),
        folder=tmp_path,
        **used.phone.environment,
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["method"] == "paired"
    assert document["pairs"] >= 1
    assert document["total"]["ratio"] is None or document["total"]["ratio"] > 1
    a, b = (read_profile(tmp_path / "both" / name) for name in ("A.parquet", "B.parquet"))
    assert a.meta.target.kind == "adb"
    processes = [set(side.samples().query("kind == 'inference'").process) for side in (a, b)]
    assert processes[0] == processes[1]
    assert compare_profiles(a, b).pairs == document["pairs"]
    check_clean(used.phone, used.settings)

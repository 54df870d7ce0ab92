"""The gate with real parts: predictions of an emulated phone, on which verdicts do not depend on luck."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_profile
from tflprof.model.build.layers import Network
from tflprof.profile.store import read_profile, write_profile

pytestmark = pytest.mark.emulated

EVERY_LAYER = ("--budget", "layer:*=+2%", "--budget", "total=+1%")


def network(kernel: int = 3, *, added: bool = False) -> bytes:
    """A small network; one operator may differ, or be more."""
    net = Network("small")
    x = net.conv2d(net.input("input", (1, 32, 32, 3)), "conv_0", 16, 3, 2)
    x = net.depthwise_conv2d(x, "depthwise", kernel)
    if added:
        x = net.add(x, x, "added")
    x = net.conv2d(x, "pointwise", 32, 1)
    x = net.conv2d(net.mean(x, "pool"), "logits", 10, 1, activation="NONE")
    return net.finish(net.softmax(net.reshape(x, "squeeze", (1, 10)), "probabilities"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, and ``base.parquet``: the baseline of ``m.tflite``, made by the gate itself."""
    path: Path = tmp_path_factory.mktemp("gate")
    (path / "m.tflite").write_bytes(network())
    (path / "slower.tflite").write_bytes(network(5))
    (path / "added.tflite").write_bytes(network(added=True))
    done = gate(path, "m.tflite", "--baseline", "base.parquet", "--update-baseline")
    assert done.returncode == 0, done.stderr
    assert "the baseline base.parquet is new" in done.stdout
    return path


def gate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tflprof(folder, "gate", *arguments)


def tflprof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflprof", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def judged(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the only case of the JSON."""
    done = gate(folder, *arguments, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["cases"][0]


def test_what_did_not_change_passes(folder: Path) -> None:
    code, case = judged(folder, "m.tflite", "--baseline", "base.parquet", *EVERY_LAYER)
    assert (code, case["measured"]) == (0, 1)
    assert {budget["verdict"] for budget in case["budgets"]} == {"pass"}
    assert all(budget["value"] == budget["baseline"] for budget in case["budgets"])


def test_a_layer_that_grew_fails_and_is_named(folder: Path) -> None:
    code, case = judged(folder, "slower.tflite", "--baseline", "base.parquet", *EVERY_LAYER)
    failed = [budget["subject"] for budget in case["budgets"] if budget["verdict"] == "fail"]
    assert code == 1
    assert "layer 0/1 depthwise (DEPTHWISE_CONV_2D)" in failed
    assert not {"layer 0/2 pointwise (CONV_2D)", "layer 0/0 conv_0 (CONV_2D)"} & set(failed)
    assert any(note.startswith("slower: layer 0/1 depthwise") for note in case["notes"])


def test_two_models_are_judged_without_a_stored_baseline(folder: Path) -> None:
    code, case = judged(folder, "slower.tflite", "--baseline", "m.tflite", "--budget", "layer:depthwise=+2%")
    assert (code, case["comparison"]["method"]) == (1, "exact")


def test_a_new_layer_is_named_and_does_not_pass(folder: Path) -> None:
    code, case = judged(folder, "added.tflite", "--baseline", "base.parquet", "--budget", "layer:*=+2%")
    assert code in (1, 4)
    new = next(budget for budget in case["budgets"] if " added " in budget["subject"])
    assert (new["verdict"], new["baseline"]) == ("inconclusive", None)
    assert any(note.startswith("new, not in the baseline: layer 0/2 added (ADD)") for note in case["notes"])
    assert judged(folder, "added.tflite", "--budget", "layer:added=1M")[0] == 0


def test_another_core_is_incomparable_and_says_so(folder: Path) -> None:
    code, case = judged(folder, "m.tflite", "--core", "little", "--baseline", "base.parquet", *EVERY_LAYER)
    assert (code, case["verdict"]) == (4, "incomparable")
    assert {note.partition(":")[0] for note in case["notes"]} >= {"core", "cpus"}
    assert all(" in the baseline, " in note for note in case["notes"])


def test_a_stored_profile_of_the_host_near_its_limit_is_inconclusive(folder: Path) -> None:
    write_profile(make_profile(), folder / "host.parquet")
    total = make_profile().summary.total
    assert total.lo is not None
    assert total.hi is not None
    assert gate(folder, "host.parquet", "--budget", f"{total.typical:.0f}ns").returncode == 4
    assert gate(folder, "host.parquet", "--budget", f"{total.hi + 1:.0f}ns").returncode == 0
    assert gate(folder, "host.parquet", "--budget", f"{total.lo - 1:.0f}ns").returncode == 1


def test_a_baseline_is_replaced_and_what_changed_is_said(folder: Path) -> None:
    (folder / "moving.parquet").write_bytes((folder / "base.parquet").read_bytes())
    arguments = ("slower.tflite", "--baseline", "moving.parquet")
    done = gate(folder, *arguments, "--update-baseline")
    assert done.returncode == 0
    assert "slower: layer 0/1 depthwise (DEPTHWISE_CONV_2D)" in done.stdout
    assert read_profile(folder / "moving.parquet").meta.model.name == "slower"
    assert gate(folder, *arguments, *EVERY_LAYER).returncode == 0


def test_pages_say_the_verdict_and_the_layer(folder: Path) -> None:
    arguments = (
        "slower.tflite",
        "--baseline",
        "base.parquet",
        *EVERY_LAYER,
        "--html",
        "gate.html",
        "--force",
    )
    done = gate(folder, *arguments)
    page = (folder / "gate.html").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert done.returncode == 1
    assert "FAIL</h1>" in page
    assert re.search(r"layer 0/1 depthwise \(DEPTHWISE_CONV_2D\): [^<]+ above the limit of ", page)
    compared = tflprof(folder, "compare", "m.tflite", "slower.tflite", "--html", "compare.html")
    page = (folder / "compare.html").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert compared.returncode == 0, compared.stderr
    (headline,) = re.findall(r'id="verdict">([^<]+)<', page)
    assert re.match(r"B is [0-9.]+ % slower than A: .* on the phone ", headline)
    assert headline.split(":")[0] in " ".join(compared.stdout.split())


def test_several_models_and_cores_of_one_configuration(folder: Path) -> None:
    (folder / "cases.toml").write_text(
        '[gate]\nbudget = ["size=1MB"]\n'
        '[[gate.case]]\nmodel = "m.tflite"\n'
        '[[gate.case]]\nmodel = "slower.tflite"\nbaseline = "base.parquet"\nbudget = ["layer:depthwise=+2%"]\n'
        '[[gate.case]]\nmodel = "m.tflite"\ntarget = "adb:nobody"\n'
        '[[gate.case]]\nname = "little"\nmodel = "m.tflite"\ncore = "little"\n'
    )
    done = gate(folder, "--config", "cases.toml", "--json")
    result = json.loads(done.stdout)
    assert [case["verdict"] for case in result["cases"]] == ["pass", "fail", "inconclusive", "pass"]
    assert result["cases"][2]["error"]["exit_code"] == 3
    assert done.returncode == 1


def test_a_gate_says_the_same_each_time(folder: Path) -> None:
    def document() -> str:
        done = gate(folder, "slower.tflite", "--baseline", "base.parquet", *EVERY_LAYER, "--json")
        return json.dumps(without_times(json.loads(done.stdout)))

    assert len({document() for _ in range(3)}) == 1


def test_budgets_in_predicted_time_are_decided_by_its_interval(folder: Path) -> None:
    profile = read_profile(folder / "base.parquet")
    total = profile.summary.total
    assert total.typical is not None
    assert total.lo is not None
    assert total.hi is not None
    code, case = judged(folder, "m.tflite", "--budget", f"{total.typical:.0f}ns")
    assert (code, case["measured"]) == (4, 1)
    (budget,) = case["budgets"]
    assert (budget["unit"], budget["verdict"]) == ("ns", "inconclusive")
    assert budget["interval"] == [total.lo, total.hi]
    assert "calibrate" in case["hint"]
    assert case["profile"]["provenance"] == "predicted"
    assert judged(folder, "m.tflite", "--budget", f"{total.hi + 1:.0f}ns")[0] == 0
    assert judged(folder, "m.tflite", "--budget", f"{total.lo - 1:.0f}ns")[0] == 1


def test_budgets_in_instructions_are_exact_beside_predicted_times(folder: Path) -> None:
    profile = read_profile(folder / "base.parquet")
    assert profile.summary.instructions is not None
    count = profile.summary.instructions.total.typical
    assert count is not None
    for cost in ((), ("--cost", "instructions")):
        code, case = judged(folder, "m.tflite", *cost, "--budget", f"{count * 1.002:.0f}inst")
        assert (code, case["budgets"][0]["unit"]) == (0, "instructions")
        assert judged(folder, "m.tflite", *cost, "--budget", f"{count * 0.998:.0f}inst")[0] == 1
    refused = gate(folder, "m.tflite", "--cost", "instructions", "--budget", "1ms")
    assert refused.returncode == 2
    assert "--cost caches" in refused.stderr


def test_a_floor_in_instructions_makes_counts_of_growth(folder: Path) -> None:
    arguments = ("slower.tflite", "--baseline", "base.parquet", "--budget", "layer:*=+2%,1kinst")
    code, case = judged(folder, *arguments)
    failed = [budget["subject"] for budget in case["budgets"] if budget["verdict"] == "fail"]
    assert (code, failed) == (1, ["layer 0/1 depthwise (DEPTHWISE_CONV_2D)"])
    assert {budget["unit"] for budget in case["budgets"]} == {"instructions"}


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "created"}
    return [without_times(item) for item in value] if isinstance(value, list) else value

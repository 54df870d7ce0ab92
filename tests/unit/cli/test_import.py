"""``tflprof import``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.log_samples import BUILTIN, FOLDER, run_of
from tests.printed_logs import Printed, benchmark_model, operator
from tests.printed_messages import profile_message, runtime_message
from tests.unit.cli.conftest import Run
from tflprof.cli.main import app
from tflprof.model.build import build_micro
from tflprof.profile.store import read_profile


def test_a_log_becomes_a_profile_file_a_page_and_json(run: Run, folder: Path) -> None:
    done = run(
        "import",
        FOLDER / "tf2.17_text.log",
        "-o",
        "p.parquet",
        "--html",
        "p.html",
        "--json",
        "--device",
        "My phone",
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["kind"], document["provenance"], document["source"]) == (
        "aggregate",
        "measured",
        "import",
    )
    assert document["target"]["name"] == "My phone"
    assert document["model"]["sha256"] is None
    assert document["options"]["kernels"] == "xnnpack"
    assert document["options"]["weight_cache"] is None
    assert document["total"]["ci95"] is None
    assert [layer["op"] for layer in document["layers"]][:2] == ["QUANTIZE", "Convolution (NHWC, F32) IGEMM"]
    page = (folder / "p.html").read_text(encoding="utf-8")
    assert "averages only" in page
    assert "without profiling" not in page
    assert "How steady" not in page
    assert read_profile(folder / "p.parquet").meta.kind == "aggregate"
    shown = run("show", "p.parquet")
    assert "averages only" in shown.stdout
    assert "mean of 50 inferences by benchmark_model" in shown.stdout
    assert run("report", "p.parquet", "-o", "q.html").exit_code == 0


def test_standard_input() -> None:
    log = (FOLDER / "wrapped_gitlab.log").read_bytes()
    done = CliRunner().invoke(app, ["import", "-"], input=log)
    assert done.exit_code == 0, done.stderr
    assert "1.31 ms" in done.stdout


def test_lines_that_were_not_understood_are_said(run: Run) -> None:
    done = run("import", FOLDER / "damaged_noise.log")
    assert done.exit_code == 0
    assert "line 23 was not understood" in done.stderr
    assert "W/libc: unusedDNS lookup" in done.stderr
    assert "doubt lines-unread" in done.stdout


def test_a_log_that_was_cut_is_doubted(run: Run) -> None:
    done = run("import", FOLDER / "damaged_row_lost.log")
    assert "5 rows, the tool counted 6 nodes" in done.stdout.replace("\n", " ")
    assert "Trust  doubtful" in done.stdout


def test_several_files_of_one_run(run: Run, folder: Path) -> None:
    whole = run_of(BUILTIN)
    total = Printed((), whole.steady, whole.warmup, whole.init)
    (folder / "log").write_text(benchmark_model(total, "tf2.17"), encoding="utf-8")
    (folder / "profile.pb").write_bytes(profile_message(whole))
    done = run("import", "profile.pb", "log", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["total"]["typical"] == pytest.approx(5_100_480)
    assert document["total"]["median"] is not None
    assert document["layers"][0]["typical"] == pytest.approx(BUILTIN[0].total / 50 * 1000)
    assert document["unattributed"]["typical"] is not None


def test_a_message_alone_gives_the_sum_of_its_rows(run: Run) -> None:
    document = json.loads(run("import", FOLDER / "profile.pb", "--json").stdout)
    assert document["unattributed"] == {"typical": None, "share": None, "instructions": None}
    assert document["total"]["typical"] == pytest.approx(
        sum(layer["typical"] for layer in document["layers"])
    )


def test_runtime_information_tells_what_a_delegate_took(run: Run, folder: Path) -> None:
    (folder / "m.tflite").write_bytes(build_micro("two_partitions", "float32"))
    nodes = (
        operator("TfLiteGpuDelegateV2", "x", 5, 700),
        operator("CUMSUM", "between", 2, 30),
        operator("TfLiteGpuDelegateV2", "y", 6, 400),
    )
    (folder / "log").write_text(benchmark_model(run_of(nodes), "tf2.17"), encoding="utf-8")
    taken = [(0, 5, "TfLiteGpuDelegateV2", (0, 1)), (0, 6, "TfLiteGpuDelegateV2", (3, 4))]
    (folder / "info").write_bytes(runtime_message(taken, [5, 2, 6]))
    document = json.loads(run("import", "log", "info", "--model", "m.tflite", "--json").stdout)
    found = {layer["id"]: (layer["typical"], layer["group"]) for layer in document["layers"]}
    assert found["0/0"] == (pytest.approx(700_000, abs=1000), "0/0")
    assert found["0/1"] == (None, "0/0")
    assert found["0/2"] == (pytest.approx(30_000, abs=1000), None)
    assert found["0/3"] == (pytest.approx(400_000, abs=1000), "0/3")


def test_a_run_is_chosen(run: Run) -> None:
    done = run("import", FOLDER / "two_runs.log")
    assert done.exit_code == 2
    assert "has 2 runs" in done.stderr
    assert "--run N" in done.stderr
    for number, first in ((1, "net/Conv2d_1/pointwise"), (2, "GEMM")):
        chosen = run("import", FOLDER / "two_runs.log", "--run", number, "--top", 1)
        assert chosen.exit_code == 0, chosen.stderr
        assert first in chosen.stdout
    assert run("import", FOLDER / "two_runs.log", "--run", 3).exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"Dear all,\nit was 12 % faster.\n", "neither a table of operators nor an average"),
        (b"PAR1....", "Parquet"),
        (b"\x1c\0\0\0TFL3", "a model"),
        (b"\x7fELF\2\1", "a program"),
    ],
)
def test_what_is_no_log_is_refused_and_told_what_was_expected(
    run: Run, folder: Path, content: bytes, said: str
) -> None:
    (folder / "log").write_bytes(content)
    done = run("import", "log")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "benchmark_model" in done.stderr


@pytest.mark.parametrize("name", ["tf2.4_text.log", "subgraphs_litert1.log", "tf2.9_csv.log"])
def test_a_log_of_another_model_is_refused(run: Run, folder: Path, name: str) -> None:
    (folder / "m.tflite").write_bytes(build_micro("two_partitions", "float32"))
    done = run("import", FOLDER / name, "--model", "m.tflite")
    assert done.exit_code == 2
    assert "the log is of another model" in done.stderr


def test_files_are_not_overwritten(run: Run, folder: Path) -> None:
    (folder / "p.parquet").write_bytes(b"mine")
    done = run("import", FOLDER / "tf2.4_text.log", "-o", "p.parquet")
    assert done.exit_code == 2
    assert (folder / "p.parquet").read_bytes() == b"mine"
    assert run("import", "nowhere.log").exit_code == 2


def test_merged_partitions_are_said_and_shared_out(run: Run, folder: Path) -> None:
    (folder / "m.tflite").write_bytes(build_micro("two_partitions", "float32"))
    done = run("import", FOLDER / "model_two_partitions.log", "--model", "m.tflite", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    groups = {layer["id"]: layer["group"] for layer in document["layers"]}
    # Both partitions begin with a convolution and end with the same kernel: neither can be told apart.
    assert groups == {"0/0": "0/0", "0/1": "0/1", "0/2": None, "0/3": "0/0", "0/4": "0/1"}
    assert "merged-partitions" in {finding["code"] for finding in document["trust"]["findings"]}
    rows = sum(layer["typical"] or 0 for layer in document["layers"])
    assert rows == pytest.approx((400 + 2 * 100 + 30 + 900) * 1000, rel=0.01)

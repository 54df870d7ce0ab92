"""A batch as a reader sees it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.factories import make_profile
from tflprof.analysis.batch import BatchEntry, BatchResult, digest_of
from tflprof.report.batch_document import batch_document
from tflprof.report.batch_table import batch_words, entry_words, print_batch
from tflprof.report.document import to_text

DIGEST = digest_of(make_profile())
MEASURED = BatchEntry("models/x/net.tflite", "measured", "out/x/net.parquet", digest=DIGEST)
FAILED = BatchEntry(
    "models/bad.tflite", "failed", error="models/bad.tflite is empty", hint="copy it again", exit_code=2
)
PARTIAL = BatchEntry(
    "models/p.tflite",
    "partial",
    "out/p.parquet",
    digest=DIGEST,
    error="the runner died",
    hint="free memory",
    exit_code=3,
)
RESULT = BatchResult((MEASURED, replace(MEASURED, status="up to date"), FAILED, PARTIAL), "out")


def printed(result: BatchResult, width: int = 120) -> str:
    text = io.StringIO()
    print_batch(result, Console(file=text, width=width, highlight=False))
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_every_model_has_its_row_and_fits_the_width(width: int) -> None:
    text = printed(RESULT, width)
    rows = text.split("\n\n")[0].splitlines()
    assert max(map(len, rows)) <= width
    assert "[measured]" in rows[0]
    assert [row.split("  ")[0] for row in rows[2:]] == [
        "x/net.tflite",
        "x/net.tflite",
        "bad.tflite",
        "p.tflite",
    ]
    assert "3.30 ms" in rows[2]
    assert "±" in rows[1]
    assert "ok" in rows[2]


def test_failures_are_told_with_what_to_do_and_name_their_model_once() -> None:
    text = printed(RESULT)
    assert "failed: models/bad.tflite is empty\n  → copy it again" in text
    assert "partial: models/p.tflite: the runner died\n  → free memory" in text
    assert "4 models: 1 measured, 1 up to date, 1 partial, 1 failed" in text
    assert "profiles and summary.json are in out" in text


def test_an_early_end_is_told_and_its_hint_not_twice() -> None:
    stopped = replace(
        RESULT, entries=(FAILED,), finished=False, stopped="no phone; 2 models not begun", hint=FAILED.hint
    )
    text = printed(stopped)
    assert "ended early: no phone; 2 models not begun" in text
    assert text.count("copy it again") == 1
    assert "→ plug it in" in printed(replace(stopped, hint="plug it in"))


def test_counts_are_never_shown_without_their_unit() -> None:
    counted = BatchEntry(
        "m.tflite", "measured", "out/m.parquet", digest=digest_of(make_profile(unit="instructions"))
    )
    text = printed(BatchResult((counted,), "out"))
    assert "instr." in text
    assert "exact" in text
    assert "[emulated]" in text
    both = printed(BatchResult((counted, MEASURED), "out"))
    assert "instr." in both
    assert "ms" in both


def test_one_line_tells_a_model_that_is_done() -> None:
    assert entry_words(MEASURED).startswith("measured: models/x/net.tflite, 3.30 ms ±")
    assert entry_words(FAILED) == "failed: models/bad.tflite is empty"
    assert entry_words(PARTIAL).endswith(": the runner died")
    anew = entry_words(replace(MEASURED, reason="--threads was 1, and is 2"))
    assert anew.endswith("measured anew, since --threads was 1, and is 2")
    doubted = replace(DIGEST, verdict="doubtful", findings=("host-busy",))
    assert "doubtful (host-busy)" in entry_words(replace(MEASURED, digest=doubted))


def test_names_are_data() -> None:
    evil = replace(MEASURED, model="models/\x1b[31m[bold]x.tflite")
    text = printed(BatchResult((evil,), "out\x1b"), 300)
    assert "\x1b" not in text
    assert "[bold]x.tflite" in text


def test_a_batch_of_nothing_is_words_alone() -> None:
    assert batch_words(BatchResult((), "out")) == "0 models: "
    assert "model " not in printed(BatchResult((), "out"))


def test_the_document_has_raw_numbers_and_null_for_unknown() -> None:
    unknown = replace(DIGEST, lo=None, hi=None, total=float("nan"), layer_id=None, layer=None)
    document = batch_document(BatchResult((MEASURED, FAILED, replace(MEASURED, digest=unknown)), "out"))
    assert to_text(document).isascii()
    first, bad, odd = document["models"]
    assert (first["profile"], first["status"], first["error"]) == ("x/net.parquet", "measured", None)
    assert first["result"]["total"]["typical"] == DIGEST.total
    assert first["result"]["slowest"]["name"] == DIGEST.layer
    assert first["result"]["trust"] == {"verdict": "ok", "findings": []}
    assert (bad["result"], bad["profile"], bad["exit_code"]) == (None, None, 2)
    assert bad["error"] == {"message": "models/bad.tflite is empty", "hint": "copy it again"}
    assert odd["result"]["total"] == {"typical": None, "ci95": None, "instructions": None}
    assert odd["result"]["slowest"] is None
    assert (document["exit_code"], document["finished"]) == (2, True)

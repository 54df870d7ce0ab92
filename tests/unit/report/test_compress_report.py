"""What compression prints, from documents."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from tflprof.report.compress_list import print_candidates
from tflprof.report.compress_plan import loss_text
from tflprof.report.compress_verify import print_verified

LAYER = {
    "id": "0/3",
    "op": "CONV_2D",
    "name": "conv\x1b[31m",
    "before_predicted": 2e6,
    "before_obtained": 2.1e6,
    "after_predicted": 1e6,
    "after_obtained": 1.05e6,
    "changed": True,
}
VERIFIED: dict[str, Any] = {
    "unit": "ns",
    "budget": {"text": "3ms", "value": 3e6, "met": True},
    "holds": False,
    "before": {"predicted": 4e6, "value": 4.1e6},
    "after": {"predicted": 2.5e6, "value": 2.9e6},
    "loss": {"predicted": 0.01, "kind": "logits"},
    "fidelity": {
        "cosine": 0.999,
        "top1_agreement": 0.97,
        "max_error": 0.2,
        "divergence": 0.012,
        "samples": 64,
    },
    "accuracy": {"before": 0.9, "after": 0.88},
    "layers": [LAYER, LAYER | {"id": "0/4", "changed": False}, LAYER | {"id": "0/5", "after_obtained": None}],
    "notes": ["to be heeded"],
}


def printed(show: Any, document: Any, **how: Any) -> str:
    text = io.StringIO()
    show(document, Console(file=text, width=120, highlight=False), **how)
    return text.getvalue()


def test_a_verified_plan_says_what_was_off() -> None:
    text = printed(print_verified, VERIFIED)
    for told in (
        "3ms is met",
        "was off",
        "+16.0 %",
        "on 64 samples: cosine",
        "97.0 %",
        "0.9 → 0.88",
        "+5.0 %",
        "1 layers are as they were",
        "heeded",
    ):
        assert told in text
    assert "0/4" not in text
    assert "\x1b[31m" not in text
    assert "0/4" in printed(print_verified, VERIFIED, show_all=True)


def test_candidates_that_save_most_come_first() -> None:
    one = {
        "method": "prune",
        "layers": ["0/1", "0/2", "0/3", "0/4"],
        "option": "few",
        "saved": 1e5,
        "loss": 0.1,
        "reason": None,
    }
    other = one | {"option": "many", "saved": 9e5, "loss": None, "reason": "not in the table"}
    document = {
        "unit": "ns",
        "before": 1e6,
        "candidates": [one, other],
        "refusals": [{"method": "low_rank", "layers": [f"0/{n}"], "reason": "too few"} for n in range(5)],
        "calibration": {"source": "random"},
        "sizes": [
            {"size": [100, 100], "macs": 10_100_000, "share": 1.0, "pixels": 1.0, "even": False},
            {"size": [96, 96], "macs": 7_750_000, "share": 0.77, "pixels": 0.922, "even": True},
        ],
    }
    text = printed(print_candidates, document)
    assert text.count("its strides do not divide it") == 1
    assert "77.0 %" in text
    assert text.index("many") < text.index("few ")
    for told in (
        "90.0 %",
        "0/1, 0/2, 0/3 +1",
        "not in the table",
        "0/0, 0/1, 0/2 +2: too few",
        "--calibration",
    ):
        assert told in text
    assert "and 1 more" in printed(print_candidates, document, top=1)


def test_losses_are_short() -> None:
    assert [loss_text(loss) for loss in (0.0, 1e-9, 2.5e-4, 0.0123, 1e300, None)] == [
        "0",
        "0",
        "2.5e-04",
        "0.012",
        "unusable",
        "–",
    ]

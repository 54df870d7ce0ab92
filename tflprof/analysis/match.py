"""Which rows of two profiles are the same work: by identity where the graphs agree, else by structure.

Layers are matched first; rows follow: rows that share matched layers belong together as a whole, because the cost
of a group of layers cannot be divided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tflprof.analysis.comparison import Match
from tflprof.analysis.layer_graph import LayerGraph, equal_inputs, is_wired, layer_graph
from tflprof.analysis.layer_match import LayerPairs, match_layers
from tflprof.analysis.regions import Link, link_regions
from tflprof.profile.meta import LayerInfo, ProfileMeta


@dataclass(frozen=True)
class RowMatch:
    """Rows of two profiles that are compared with each other, as positions in ``meta.alignment.rows``.

    Attributes:
        match: how they belong together; ``inserted`` has no row of A, ``removed`` none of B.
    """

    match: Match
    a_rows: tuple[int, ...]
    b_rows: tuple[int, ...]


def graphs_agree(a: ProfileMeta, b: ProfileMeta) -> bool:
    """True if both ran the same part of models of one structure: layers of one id are the same layer."""
    known = a.model.fingerprint is not None and a.model.fingerprint == b.model.fingerprint
    same = len(a.model.layers) == len(b.model.layers) and a.model.subgraph == b.model.subgraph
    return known and same


def match_rows(a: ProfileMeta, b: ProfileMeta) -> tuple[RowMatch, ...]:
    """Every row of both profiles exactly once, in the order of B; those only in A where they were."""
    if graphs_agree(a, b):
        return _rows(a, b, _by_identity(a, b))
    if _weight(b) < _weight(a):
        # One direction for both: comparing B with A mirrors comparing A with B.
        return _rows(a, b, [(link, _mirrored(kind)) for link, kind in _turned(_by_structure(b, a))])
    return _rows(a, b, _by_structure(a, b))


_Place = tuple[str, int]
"""Side and position of a row."""
_LinkKind = tuple[tuple[frozenset[str], frozenset[str]], Match]
"""Ids of layers on both sides, and how they belong together."""


def _weight(meta: ProfileMeta) -> tuple[int, str]:
    return len(meta.model.layers), repr(meta.model.layers)


def _turned(links: Iterable[_LinkKind]) -> list[_LinkKind]:
    return [((two, one), kind) for (one, two), kind in links]


def _mirrored(kind: Match) -> Match:
    mirror: dict[Match, Match] = {"split": "fused", "fused": "split"}
    return mirror.get(kind, kind)


def _by_identity(a: ProfileMeta, b: ProfileMeta) -> list[_LinkKind]:
    return [
        ((frozenset({one.id}), frozenset({other.id})), "same" if one.name == other.name else "renamed")
        for one, other in zip(a.model.layers, b.model.layers, strict=True)
    ]


def _by_structure(a: ProfileMeta, b: ProfileMeta) -> list[_LinkKind]:
    wired = is_wired(a) and is_wired(b)
    one, other = layer_graph(a, wired=wired), layer_graph(b, wired=wired)
    pairs = match_layers(one, other)
    links = link_regions(one, other, pairs)
    return [
        (
            (
                frozenset(one.layers[place].id for place in link.a),
                frozenset(other.layers[place].id for place in link.b),
            ),
            _kind(one, other, link, pairs),
        )
        for link in links
    ]


def _kind(a: LayerGraph, b: LayerGraph, link: Link, pairs: LayerPairs) -> Match:
    if len(link.a) > 1 or len(link.b) > 1:
        return _several(len(link.a), len(link.b))
    (one,), (other,) = link.a, link.b
    inputs = equal_inputs(a.inputs_of(one), b.inputs_of(other))
    if not (inputs and _alike(a.layers[one], b.layers[other])):
        return "changed"
    if (one, other) in pairs.moved:
        return "moved"
    return "same" if a.layers[one].name == b.layers[other].name else "renamed"


def _several(a_layers: int, b_layers: int) -> Match:
    if a_layers == 1:
        return "split"
    return "fused" if b_layers == 1 else "regrouped"


def _alike(one: LayerInfo, other: LayerInfo) -> bool:
    """True if nothing that is known of two layers but their names differs."""
    fields = ("op", "shape", "dtype", "macs", "parameters", "weight_bytes", "activation_bytes")
    if any(getattr(one, field) != getattr(other, field) for field in fields):
        return False
    return one.activation == other.activation or None in (one.activation, other.activation)


def _rows(a: ProfileMeta, b: ProfileMeta, links: Sequence[_LinkKind]) -> tuple[RowMatch, ...]:
    """Rows joined by links of their layers."""
    rows = [
        {layer: place for place, row in enumerate(meta.alignment.rows) for layer in row.layers}
        for meta in (a, b)
    ]
    union = _Union()
    kinds: dict[_Place, list[_LinkKind]] = {}
    touched: list[tuple[_Place, _LinkKind]] = []
    for side, meta in (("a", a), ("b", b)):
        for position in range(len(meta.alignment.rows)):
            union.find((side, position))
    for (one, other), kind in links:
        places = [("a", rows[0][layer]) for layer in one if layer in rows[0]]
        places += [("b", rows[1][layer]) for layer in other if layer in rows[1]]
        for place in places[1:]:
            union.join(places[0], place)
        if places:
            touched.append((places[0], ((one, other), kind)))
    for place, link in touched:
        kinds.setdefault(union.find(place), []).append(link)
    found = [_row_match(a, b, members, kinds.get(leader, [])) for leader, members in union.parts().items()]
    return tuple(sorted(found, key=_Order(found)))


class _Union:
    """Rows of both sides, ``(side, position)``, that belong together."""

    def __init__(self) -> None:
        self._leader: dict[_Place, _Place] = {}

    def find(self, row: _Place) -> _Place:
        while (leader := self._leader.setdefault(row, row)) != row:
            row = leader
        return row

    def join(self, one: _Place, other: _Place) -> None:
        self._leader[self.find(other)] = self.find(one)

    def parts(self) -> dict[_Place, list[_Place]]:
        parts: dict[_Place, list[_Place]] = {}
        for row in self._leader:
            parts.setdefault(self.find(row), []).append(row)
        return parts


def _row_match(
    a: ProfileMeta, b: ProfileMeta, members: Sequence[_Place], links: Sequence[_LinkKind]
) -> RowMatch:
    a_rows = tuple(sorted(place for side, place in members if side == "a"))
    b_rows = tuple(sorted(place for side, place in members if side == "b"))
    if not a_rows:
        return RowMatch("inserted", a_rows, b_rows)
    if not b_rows:
        return RowMatch("removed", a_rows, b_rows)
    counts = [
        sum(len(meta.alignment.rows[row].layers) for row in rows) for meta, rows in ((a, a_rows), (b, b_rows))
    ]
    one_to_one = len(links) == counts[0] == counts[1] and len(a_rows) == len(b_rows) == 1
    return RowMatch(
        _gravest([kind for _, kind in links]) if one_to_one else _several(*counts), a_rows, b_rows
    )


def _gravest(kinds: Sequence[Match]) -> Match:
    order: tuple[Match, ...] = ("regrouped", "split", "fused", "changed", "moved", "renamed", "same")
    return next(kind for kind in order if kind in kinds)


class _Order:
    """Sorts by the rows of B; what is only in A comes behind what precedes it there."""

    def __init__(self, found: Sequence[RowMatch]) -> None:
        self._places = {
            row: match.b_rows[0]
            for match in found
            if match.b_rows and match.match != "moved"
            for row in match.a_rows
        }

    def __call__(self, match: RowMatch) -> tuple[int, int, int]:
        if match.b_rows:
            return match.b_rows[0], 0, 0
        before = max((row for row in self._places if row < match.a_rows[0]), default=None)
        return -1 if before is None else self._places[before], 1, match.a_rows[0]
